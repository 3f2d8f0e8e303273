"""The player shows the stored runs, and the stored runs are what the package samples."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from playwright.sync_api import expect
from widgets import Widget, clock_of, payload

import diffusion_edu as de
from diffusion_edu.widgets.reverse.widget import unpack

pytestmark = pytest.mark.browser
TAG = "reverse-player"
QUICK = 20  # runs of up to so many steps are sampled anew


@pytest.fixture
def widget(on) -> Widget:
    return Widget(on(TAG), TAG)


@pytest.fixture(scope="module")
def data(site) -> dict:
    return payload(site.folder, TAG)


@pytest.fixture(scope="module")
def schedule(data) -> de.NoiseSchedule:
    return de.NoiseSchedule.from_dict(data["schedule"])


def agree(widget: Widget, data: dict, schedule: de.NoiseSchedule) -> None:
    """Numbers and both pictures are those of the stored run."""
    state = widget.state
    run, k, f = data["runs"][state["run"]], state["sample"], state["frame"]
    t = run["t"][f]
    numbers = {
        "t": t,
        "s": run["s"][f],
        "step": run["step"][f],
        "mean": run["mean"][k][f],
        "std": run["std"][k][f],
        "alpha_bar": schedule.alpha_bar[t].item(),
        "signal": schedule.signal(t),
        "noise": schedule.noise(t),
        "noise_share": 1 - schedule.alpha_bar[t].item(),
    }
    assert {name: state[name] for name in numbers} == pytest.approx(numbers, rel=1e-10, abs=1e-12)
    assert state["seed"] == data["seeds"][k]
    for pictures, selector in zip(unpack(data, state["run"], k), (".de-violet canvas", ".de-blue canvas")):
        wanted = (pictures[f].double() + 1) * 127.5
        assert np.abs(widget.pixels(selector) - wanted.permute(1, 2, 0).numpy()).max() <= 0.51


def test_chapter_promises_ddpm_and_ddim_at_several_step_counts(data) -> None:
    methods = {(run["method"], run["steps"]) for run in data["runs"]}
    assert any(method == "ddpm" for method, _ in methods)
    assert len({steps for method, steps in methods if method == "ddim"}) >= 2
    for run in data["runs"]:
        assert run["t"][-1] == 0 and run["t"] == sorted(run["t"], reverse=True)


def test_stored_runs_are_what_the_package_samples(data) -> None:
    denoiser = de.load("fashion").denoiser
    assert denoiser.schedule.to_dict() == data["schedule"]
    shape = (len(data["seeds"]), data["channels"], data["size"], data["size"])
    quick = [i for i, run in enumerate(data["runs"]) if run["steps"] <= QUICK]
    assert quick, "no run is short enough to be sampled anew"
    for i in quick:
        run = data["runs"][i]
        options = {name: run[name] for name in ("eta", "variance") if name in run}
        sampler = de.named_sampler(run["method"], **options)
        for n, step in enumerate(de.sample(denoiser, shape, sampler, run["steps"], seeds=data["seeds"])):
            if n not in run["step"]:
                continue
            f = run["step"].index(n)
            assert (step.t, step.s) == (run["t"][f], run["s"][f])
            for k in range(len(data["seeds"])):
                stored_t, stored_0 = (pictures[f].double() for pictures in unpack(data, i, k))
                for stored, fresh, levels in (
                    (stored_t, step.x_t[k], data["levels_t"]),
                    (stored_0, step.x0[k], data["levels_0"]),
                ):
                    off = (stored - fresh.double().clamp(-1, 1)).abs()
                    # half a level is the rounding; another machine's floats may move a few pixels further
                    assert torch.quantile(off, 0.99) <= 1.3 / (levels - 1), (run["label"], n, k)
                assert run["mean"][k][f] == pytest.approx(step.x_t[k].mean().item(), abs=2e-3)
                assert run["std"][k][f] == pytest.approx(step.x_t[k].std(correction=0).item(), abs=2e-3)


def go_to(widget: Widget, data: dict, frame: int) -> None:
    """To a stored state, by typing its t."""
    widget.type("step", data["runs"][widget.state["run"]]["t"][frame])
    widget.until(f"s.frame === {frame}")


def test_every_state_of_a_run(widget, data, schedule) -> None:
    for f in (0, 1, len(data["runs"][widget.state["run"]]["t"]) - 1):
        go_to(widget, data, f)
        agree(widget, data, schedule)
    assert widget.state["t"] == 0
    assert (widget.pixels(".de-violet canvas") == widget.pixels(".de-blue canvas")).all()


def test_the_slider_is_t_and_a_typed_t_goes_to_the_nearest_stored_one(widget, data) -> None:
    times = data["runs"][widget.state["run"]]["t"]
    assert widget.el.locator(".de-rp-steps .de-slider label").inner_text() == "t"
    widget.type("step", times[2] + 1)
    widget.until("s.frame === 2")
    assert widget.role("step-number").input_value() == str(times[2])
    assert f"t = {times[2]}" in widget.role("step").get_attribute("aria-valuetext")
    widget.role("step").focus()
    widget.page.keyboard.press("ArrowRight")
    widget.until("s.frame === 3")
    assert widget.role("step-number").input_value() == str(times[3])


def test_one_sample_is_no_choice(widget, data) -> None:
    several = len(data["seeds"]) > 1
    assert widget.el.get_by_text("Seed", exact=True).is_visible() == several
    assert widget.role("sample").count() == several, "the first of the radio buttons, if there are any"


def test_every_run_and_every_seed(widget, data, schedule) -> None:
    for i, run in enumerate(data["runs"]):
        before = widget.state["t"]
        widget.role("run").select_option(str(i))
        state = widget.until(f"s.run === {i}")
        assert (state["label"], state["method"], state["steps"]) == (run["label"], run["method"], run["steps"])
        # another run keeps the place on the road
        assert abs(state["t"] - before) == min(abs(t - before) for t in run["t"])
        agree(widget, data, schedule)
    picture = widget.picture()
    if len(data["seeds"]) == 1:
        return
    for k in reversed(range(len(data["seeds"]))):
        widget.role("sample", k).check(force=True)
        widget.until(f"s.sample === {k}")
        agree(widget, data, schedule)
        assert k == 0 or widget.picture() != picture


def test_buttons_step_on_and_back(widget, data, schedule) -> None:
    go_to(widget, data, 2)
    widget.role("next").click()
    widget.until("s.frame === 3")
    agree(widget, data, schedule)
    for expected in (2, 1, 0, 0):
        widget.role("prev").click()
        widget.until(f"s.frame === {expected}")


def test_two_runs_side_by_side(widget, data, schedule) -> None:
    second = widget.el.locator(".de-rp-view").nth(1)
    if widget.role("compare").is_checked():
        widget.role("compare").uncheck()
    widget.until("s.other === null")
    expect(second).to_be_hidden()
    assert widget.role("run-b").is_disabled()
    widget.role("compare").check()
    other = len(data["runs"]) - 1
    widget.role("run-b").select_option(str(other))
    state = widget.until(f"s.other && s.other.run === {other}")
    expect(second).to_be_visible()
    assert second.locator(".de-label").first.inner_text() == data["runs"][other]["label"]
    nearest = min(abs(t - state["t"]) for t in data["runs"][other]["t"])
    assert abs(state["other"]["t"] - state["t"]) == nearest
    assert state["other"]["alpha_bar"] == pytest.approx(schedule.alpha_bar[state["other"]["t"]].item(), rel=1e-10)
    shown = widget.pixels(".de-rp-view:nth-child(2) .de-violet canvas")
    wanted = unpack(data, other, state["sample"])[0][state["other"]["frame"]].double()
    assert np.abs(shown - ((wanted + 1) * 127.5).permute(1, 2, 0).numpy()).max() <= 0.51


def test_film_shows_the_run_and_chooses_the_state(widget, data) -> None:
    run = data["runs"][widget.state["run"]]
    count = len(run["t"])
    film = widget.el.locator(".de-rp-film canvas").first
    for f in (0, count - 1):
        widget.page.mouse.click(*widget.spot(film, (f + 0.5) / count))
        widget.until(f"s.frame === {f}")
    assert widget.drag(film, (0.95, 0.5), (0.05, 0.5)) >= 3
    assert widget.state["frame"] == 0
    pixels, size = widget.pixels(".de-rp-film canvas"), data["size"]
    noised, estimates = unpack(data, widget.state["run"], widget.state["sample"])
    for row, pictures in enumerate((noised, estimates)):
        wanted = ((torch.cat(list(pictures), dim=2).double() + 1) * 127.5).permute(1, 2, 0).numpy()
        assert np.abs(pixels[row * size : (row + 1) * size] - wanted).max() <= 0.51


@pytest.mark.parametrize(("name", "seconds"), [("slow", 16), ("fast", 4)])
def test_speed(on, data, name, seconds) -> None:
    """At "fast" a run takes four seconds, at "slow" sixteen: so far does it come in two of them."""
    page = on(TAG, clock=True)
    widget = Widget(page, TAG)
    widget.role("speed").select_option(label=name)
    go_to(widget, data, 0)
    last = len(data["runs"][widget.state["run"]]["t"]) - 1
    with clock_of(page) as let_pass:
        widget.role("play").click()
        let_pass(2000)
        assert widget.now["frame"] == pytest.approx(last * 2 / seconds, abs=1.1)
    widget.role("play").click()
