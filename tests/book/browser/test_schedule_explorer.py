"""The schedule explorer draws the package's tables, explains what cannot be, and bends to the reader's hand."""

from __future__ import annotations

import base64

import numpy as np
import pytest
import torch
from playwright.sync_api import expect
from widgets import Widget, payload

import diffusion_edu as de
from diffusion_edu.widgets import ScheduleExplorer

pytestmark = pytest.mark.browser
TAG = "schedule-explorer"
SETTINGS = ("T", "kind", "beta_start", "beta_end", "s", "scale", "points")


@pytest.fixture
def widget(on) -> Widget:
    return Widget(on(TAG), TAG)


@pytest.fixture(scope="module")
def data(site) -> dict:
    return payload(site.folder, TAG)


def table(state: dict) -> de.NoiseSchedule:
    """The schedule that the package makes of the same settings."""
    settings = {name: state[name] for name in SETTINGS}
    return ScheduleExplorer(np.zeros((1, 8, 8), np.uint8), **settings).noise_schedule


def agree(widget: Widget, data: dict) -> None:
    """Numbers, verdict and film strip are the package's."""
    state = widget.state
    assert state["valid"], state["message"]
    schedule, t = table(state), state["t"]
    numbers = {name: getattr(schedule, name)[t].item() for name in ("beta", "alpha", "alpha_bar", "snr")}
    numbers |= {"signal": schedule.signal(t), "noise": schedule.noise(t), "alpha_bar_T": schedule.alpha_bar[-1].item()}
    assert {name: state[name] for name in numbers} == pytest.approx(numbers, rel=1e-10, abs=1e-300)
    assert state["enough"] == (numbers["alpha_bar_T"] < 0.01)
    below = (schedule.snr < 1).nonzero()
    assert state["crossing"] == (below[0].item() if len(below) else schedule.T + 1)
    assert np.abs(widget.pixels(".de-strip") - strip(data, schedule)).max() <= 0.5 + 1e-6


def strip(data: dict, schedule: de.NoiseSchedule) -> np.ndarray:
    """Eight noised pictures side by side, as pixels."""
    shape = (1, data["channels"], data["size"], data["size"])
    pixels = np.frombuffer(base64.b64decode(data["pixels"]), np.uint8).reshape(shape)
    eps = np.frombuffer(base64.b64decode(data["eps"]), "<f4").reshape(shape)
    x0 = torch.from_numpy(pixels.astype(np.float64)) / 127.5 - 1
    times = [int(np.floor(schedule.T * i / 7 + 0.5)) for i in range(8)]
    noise = torch.from_numpy(eps.astype(np.float64))
    row = [de.q_sample(x0, t, schedule, noise=noise)[0][0].clamp(-1, 1) for t in times]
    return ((torch.cat(row, dim=2) + 1) * 127.5).permute(1, 2, 0).numpy()


def kind(widget: Widget, name: str) -> None:
    widget.role("kind").select_option(name)
    widget.until(f"s.kind === '{name}'")


def test_begins_where_the_chapter_left_it(widget, data) -> None:
    state = widget.state
    names = (*SETTINGS, "t", "reference")
    assert {name: state[name] for name in names} == {name: data[name] for name in names}
    agree(widget, data)


@pytest.mark.parametrize("name", ["linear", "scaled_linear", "cosine", "custom"])
@pytest.mark.parametrize("T", [1000, 60])
def test_tables_are_the_packages(widget, data, name, T) -> None:
    kind(widget, name)
    widget.type("T", T)
    widget.until(f"s.T === {T}")
    for t in (0, 1, T // 2, T):
        widget.type("t", t)
        widget.until(f"s.t === {t}")
        agree(widget, data)


def test_ends_and_offset_of_the_families(widget, data) -> None:
    for name, role, value in (
        ("linear", "beta-end", 0.05),
        ("scaled_linear", "beta-start", 0.002),
        ("cosine", "s", 0.1),
    ):
        kind(widget, name)
        agree(widget, data)
        before, picture = widget.state["alpha_bar_T"], widget.picture()
        widget.type(role, value)
        widget.until(f"s.{role.replace('-', '_')} === {value}")
        agree(widget, data)
        assert widget.state["alpha_bar_T"] != before
        assert widget.picture() != picture
    expect(widget.role("beta-end")).to_be_hidden()
    kind(widget, "linear")
    expect(widget.role("s")).to_be_hidden()


def test_place_on_the_road_stays_when_T_changes(widget) -> None:
    kind(widget, "cosine")
    widget.type("t", 250)
    widget.until("s.t === 250")
    widget.type("T", 100)
    assert widget.until("s.T === 100")["t"] == 25


def test_few_steps_without_scaling_leave_signal_and_it_says_so(widget, data) -> None:
    kind(widget, "linear")
    widget.type("T", 100)
    judgement = widget.el.locator(".de-se-verdict .de-warn")
    assert widget.until("s.T === 100")["enough"]
    good = judgement.inner_text()
    widget.role("scale").uncheck()
    state = widget.until("s.scale === false")
    assert not state["enough"]
    assert state["alpha_bar_T"] == pytest.approx(table(state).alpha_bar[-1].item(), rel=1e-10)
    agree(widget, data)
    assert judgement.inner_text() != good
    assert "de-orange" in judgement.get_attribute("class")


def test_an_impossible_schedule_is_explained(widget, data) -> None:
    kind(widget, "linear")
    widget.type("T", 60)
    widget.until("s.T === 60")
    picture = widget.el.locator(".de-line").first.get_attribute("d")
    widget.type("T", 15)
    state = widget.until("!s.valid")
    assert "β_T" in state["message"] and "T = 15" in state["message"]
    verdict = widget.el.locator(".de-se-verdict")
    assert "βT · 1000 / T must stay below 1" in verdict.inner_text(), "as the slider beside it is called"
    assert verdict.locator("sub").first.inner_text() == "T"
    assert widget.el.locator(".de-line").first.get_attribute("d") == picture, "the last valid curves must stay"
    with pytest.raises(ValueError, match="beta_end"):
        de.NoiseSchedule.linear(15)
    widget.type("T", 30)
    widget.until("s.valid && s.T === 30")
    agree(widget, data)


def test_comparison_line_and_row(widget, data) -> None:
    kind(widget, "linear")
    thin, other = widget.el.locator(".de-thin").nth(1), widget.el.locator(".de-se-row").nth(1)
    names = widget.el.locator(".de-chart .de-word:text-is('cosine')")
    widget.role("reference").select_option("none")
    widget.until("s.reference === 'none'")
    assert not thin.get_attribute("d") and not other.is_visible() and names.count() == 0
    widget.role("reference").select_option("cosine")
    widget.until("s.reference === 'cosine'")
    assert len(thin.get_attribute("d")) > 200
    assert names.count() == widget.el.locator(".de-chart").count() == 3, "each dashed line has its name"
    assert other.inner_text() == "cosine (dashed)"
    wanted = strip(data, de.NoiseSchedule.cosine(widget.state["T"]))
    assert np.abs(widget.pixels(".de-se-row:nth-child(2) .de-strip") - wanted).max() <= 0.5 + 1e-6


def test_own_schedule_is_drawn_by_hand(widget, data) -> None:
    kind(widget, "custom")
    points = widget.el.locator('[data-role="point"]')
    assert points.count() == 5
    assert all(points.nth(i).is_visible() for i in range(5))
    before = widget.state["points"]
    points.nth(2).focus()
    widget.page.keyboard.press("ArrowUp")
    state = widget.until(f"s.points[2] > {before[2]}")
    assert state["points"][2] == pytest.approx(1.05 * before[2], rel=5e-3)
    assert float(points.nth(2).get_attribute("aria-valuenow")) == state["points"][2]
    agree(widget, data)

    picture = widget.picture()
    x, y = widget.spot(points.nth(3), 0.5, 0.5)
    widget.page.mouse.move(x, y)
    widget.page.mouse.down()
    widget.page.mouse.move(x, y - 15, steps=5)
    widget.page.mouse.move(x, y - 30, steps=5)
    widget.page.mouse.up()
    assert widget.state["points"][3] > before[3]
    assert widget.picture() != picture
    agree(widget, data)
    kind(widget, "linear")
    expect(points.first).to_be_hidden()


def test_picture_strip_and_charts_choose_the_step(widget) -> None:
    kind(widget, "linear")
    T = widget.state["T"]
    widget.page.mouse.click(*widget.spot(widget.el.locator(".de-strip").first, 0.99))
    widget.until(f"s.t === {T}")
    widget.page.mouse.click(*widget.spot(widget.el.locator(".de-chart svg").nth(1), 0.5))
    widget.until(f"Math.abs(s.t / {T} - 0.5) < 0.1")


def test_a_cursor_shows_t_in_the_strip_which_stands_before_the_charts(widget) -> None:
    widget.role("reference").select_option("cosine")
    T = widget.state["T"]
    for t in (0, round(0.3 * T), T):
        widget.type("t", t)
        widget.until(f"s.t === {t}")
        for film in widget.el.locator(".de-se-film").all():
            box, cursor = film.bounding_box(), film.locator("i").bounding_box()
            share = (cursor["x"] + cursor["width"] / 2 - box["x"]) / box["width"]
            assert share == pytest.approx((7 * t / T + 0.5) / 8, abs=0.003), "0 and T lie within the end images"
    assert box["y"] + box["height"] < widget.el.locator(".de-chart").first.bounding_box()["y"]


def test_zero_decibels_are_named(widget) -> None:
    chart = widget.el.locator(".de-chart").last
    assert "SNR in dB" in chart.inner_text()
    expect(chart.locator("text:text-is('0 dB: equal variance')")).to_be_visible()
