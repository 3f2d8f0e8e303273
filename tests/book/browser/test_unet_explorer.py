"""The explorer of a U-Net shows the trace, walks along it by every means, and tells what it shows."""

from __future__ import annotations

import browser as b
import numpy as np
import pytest
import torch
from playwright.sync_api import expect
from widgets import Widget, payload

import diffusion_edu as de
from diffusion_edu.nn import features
from diffusion_edu.widgets.unet.widget import LEVELS, unpack_map

pytestmark = pytest.mark.browser
TAG = "unet-explorer"
CONFIGS = (de.UNetConfig.small(in_channels=1), de.UNetConfig.base(), de.UNetConfig.paper())


@pytest.fixture
def widget(on) -> Widget:
    found = Widget(on(TAG), TAG)
    found.until("s.ready")
    return found


@pytest.fixture(scope="module")
def data(site) -> dict:
    return payload(site.folder, TAG)


@pytest.fixture(scope="module")
def rows() -> list[list]:
    return [de.UNet(config).trace(32) for config in CONFIGS]


def choose(widget: Widget, model: int) -> None:
    widget.role("model").select_option(str(model))
    widget.until(f"s.model === {model}")


def click(widget: Widget, name: str) -> dict:
    widget.el.locator(f'[data-name="{name}"]').click()
    return widget.until(f"s.part === '{name}'")


def facts(widget: Widget) -> dict[str, str]:
    names = widget.el.locator(".de-ue-facts dt").all_inner_texts()
    return dict(zip(names, widget.el.locator(".de-ue-facts dd").all_inner_texts()))


@pytest.mark.parametrize("model", [0, 1, 2])
def test_every_part_can_be_clicked_and_shows_the_trace(widget, rows, model) -> None:
    choose(widget, model)
    assert widget.el.locator("[role=option]").count() == len(rows[model]) + 1, "and the noisy picture"
    shapes = {row.name: row.out_shape for row in rows[model]}
    for row in rows[model]:
        state = click(widget, row.name)
        for name in ("kind", "parameters", "flops", "skip", "residual", "heads", "level"):
            assert state[name] == getattr(row, name), (row.name, name)
        assert (tuple(state["in_shape"]), tuple(state["out_shape"])) == (row.in_shape, row.out_shape)
        told = facts(widget)
        assert told["parameters"].startswith(f"{row.parameters:,} ")
        if row.skip:
            a, c = row.in_shape[0], shapes[row.skip][0]
            assert f"{row.skip}: {a} + {c} = {a + c} channels" in told["skip"]
        assert ("1×1" in told["residual"]) == (row.residual == "1x1 convolution")
    assert state["total_parameters"] == sum(row.parameters for row in rows[model])
    assert state["total_flops"] == sum(row.flops for row in rows[model])
    total = f"{state['total_parameters']:,} parameters"
    assert total in widget.el.inner_text()


def test_the_paper_has_35746307_parameters(widget) -> None:
    choose(widget, 2)
    assert "35,746,307 parameters" in widget.el.inner_text()


def test_arrow_keys_walk_along_the_way_of_the_data(widget, rows) -> None:
    names = ["x_t", *(row.name for row in rows[0])]
    click(widget, "conv_in")
    box = widget.el.locator('[role=option][tabindex="0"]')
    assert box.count() == 1, "one stop for Tab"
    page = widget.page
    for key, name in (
        ("ArrowDown", "down.0"),
        ("ArrowRight", "down.1"),
        ("ArrowUp", "down.0"),
        ("ArrowLeft", "conv_in"),
    ):
        page.keyboard.press(key)
        widget.until(f"s.part === '{name}'")
        assert page.evaluate("document.activeElement.dataset.name") == name, "the focus goes along"
        assert box.get_attribute("data-name") == name
        assert box.get_attribute("aria-selected") == "true"
    page.keyboard.press("End")
    widget.until(f"s.part === '{names[-1]}'")
    page.keyboard.press("ArrowDown")  # nothing lies beyond
    assert widget.state["part"] == names[-1]
    page.keyboard.press("Home")
    widget.until("s.part === 'x_t'")
    widget.role("next").click()
    assert widget.until("s.index === 1")["part"] == "time"
    widget.role("prev").click()
    widget.until("s.index === 0")


def test_skips_and_residuals_are_drawn_apart_and_counted(widget, rows) -> None:
    for model, table in enumerate(rows):
        choose(widget, model)
        drawn = widget.el.locator(".de-ud svg").evaluate("""(svg) => {
            const count = (name) => svg.querySelectorAll(name).length;
            const colour = (name) => getComputedStyle(svg.querySelector(name)).stroke;
            return [count(".de-ud-skip"), count(".de-ud-residual"), count(".de-ud-knot"), count(".de-ud-attention"),
                colour(".de-ud-skip"), colour(".de-ud-residual")];
        }""")
        wanted = [
            sum(1 for row in table if row.skip),
            sum(1 for row in table if row.residual),
            sum(1 for row in table if row.residual == "1x1 convolution"),
            sum(1 for row in table if row.heads),
        ]
        assert drawn[:4] == wanted
        assert drawn[4] != drawn[5]
    legend = widget.el.locator(".de-ue-legend").inner_text()
    assert "concatenation" in legend and "addition" in legend and "1×1" in legend


def test_a_skip_lights_up_from_both_ends(widget) -> None:
    for name in ("up.3", "down.2"):
        click(widget, name)
        assert widget.el.locator(".de-ud .de-ud-skip.de-on").count() == 1
        assert widget.el.locator(".de-ud-bar.de-near").count() == 1


def test_feature_maps_are_the_trained_networks(widget, data) -> None:
    recording = {**data["recording"], "pixels": data["pixels"]}
    fashion = de.load("fashion")
    clothes = de.data.fashion_mnist("test")
    boot = de.data.to_x0(clothes.pixels[clothes.labels == 9][:1])
    eps = torch.randn(boot.shape, generator=torch.Generator().manual_seed(0))
    for t in recording["ts"]:
        widget.role("t").select_option(str(t))
        widget.until(f"s.t === {t}")
        x_t, _ = de.q_sample(boot, t, fashion.schedule, noise=eps)
        found = features(fashion.unet, x_t, torch.tensor([t]))
        for name in ("conv_in", "middle2", "up.4"):
            state = click(widget, name)
            assert state["maps"] == 4
            exact = found[name][0, state["channels"]] / state["scale"]
            for k in range(4):
                shown = widget.pixels(f".de-ue-maps figure:nth-child({k + 1}) canvas")[..., 0] / 127.5 - 1
                stored = unpack_map(recording, name, t)[k].numpy()
                assert np.abs(shown - stored).max() <= 0.5 / 127.5 + 1e-6
                assert np.abs(shown - exact[k].clamp(-1, 1).numpy()).max() < 1 / (LEVELS - 1) + 0.02
    click(widget, "time")
    assert widget.state["maps"] == 0
    expect(widget.el.locator(".de-ue-maps")).to_be_hidden()
    choose(widget, 2)
    assert "stored for" in widget.el.locator(".de-ue-place").inner_text()
    assert widget.role("t").is_disabled()


def test_attention_of_a_chosen_position(widget) -> None:
    assert not widget.role("query").is_visible() or widget.state["heads"] > 0
    state = click(widget, "middle_attention")
    expect(widget.role("query")).to_be_visible()
    look = widget.el.locator(".de-ue-pair canvas").nth(1)
    before = look.evaluate("(c) => c.toDataURL()")
    widget.page.mouse.click(*widget.spot(look, 3.5 / 8, 5.5 / 8))
    state = widget.until("s.query === 43")
    assert look.evaluate("(c) => c.toDataURL()") != before
    assert 1 / 64 < state["query_largest"] <= 1
    assert "row 6, column 4" in widget.el.locator(".de-ue-look").inner_text()
    widget.role("query").focus()
    widget.page.keyboard.press("ArrowRight")
    widget.until("s.query === 44")
    click(widget, "up.6")
    expect(widget.role("query")).to_be_hidden()


def test_the_table_tells_the_same_rows(widget, rows) -> None:
    choose(widget, 1)
    click(widget, "up.5")
    button = widget.role("table")
    assert button.get_attribute("aria-expanded") == "false"
    button.click()
    assert widget.until("s.table") and button.get_attribute("aria-expanded") == "true"
    table = widget.el.get_by_role("region", name="All parts of the network")
    lines = table.locator("tbody tr")
    assert lines.count() == len(rows[1]) + 1
    for line, row in zip(lines.all()[1:], rows[1]):
        cells = line.locator("td").all_inner_texts()
        assert cells[0] == row.name and cells[7] == (row.skip or "") and cells[3] == f"{row.parameters:,}"
    assert "35,746,307" not in table.inner_text()
    choose(widget, 2)
    assert "35,746,307" in table.inner_text()
    button.click()
    widget.until("!s.table")
    expect(table).to_be_hidden()


def test_the_layers_inside_add_up(widget) -> None:
    state = click(widget, "up.3")
    widget.role("layers").click()
    inside = widget.el.get_by_role("region", name="Layers of the part").locator("tbody tr")
    inside.first.wait_for()
    numbers = [int(line.locator("td").nth(2).inner_text().replace(",", "")) for line in inside.all()]
    assert len(numbers) == state["layers"]
    assert sum(numbers) == state["parameters"]
    click(widget, "x_t")
    expect(widget.role("layers")).to_be_hidden()


@pytest.mark.parametrize("size", [b.WIDE, b.NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("model", [0, 2])
def test_names_do_not_run_into_each_other(on, size, model) -> None:
    widget = Widget(on(TAG, size=size), TAG)
    widget.until("s.ready")
    choose(widget, model)
    clashes = widget.el.evaluate("""(el) => {
        const box = (e) => ({ words: e.textContent, ...e.getBoundingClientRect().toJSON() });
        const svg = box(el.querySelector(".de-ud svg"));
        const names = [...el.querySelectorAll("[role=option] > *")].map(box);
        const bars = [...el.querySelectorAll(".de-ud-bar")].map(box);
        const across = (a, c) => a.left < c.right - 1 && c.left < a.right - 1;
        const hit = (a, c) => across(a, c) && a.top < c.bottom - 2 && c.top < a.bottom - 2;
        return [
            ...names.filter((n) => n.left < svg.left - 1 || n.right > svg.right + 1),
            ...names.filter((n, i) => names.slice(i + 1).some((other) => hit(n, other))),
            ...names.filter((n) => bars.some((bar) => hit(n, bar))),
        ].map((n) => n.words);
    }""")
    assert clashes == []
    small = widget.el.evaluate("""(el) => [...el.querySelectorAll("[role=option]")]
        .map((e) => e.getBoundingClientRect()).filter((box) => box.width < 24 || box.height < 24).length""")
    assert small == 0, "a finger needs 24 pixels"


@pytest.mark.parametrize("size", [b.WIDE, b.NARROW], ids=["wide", "narrow"])
def test_the_u_and_its_maps_fill_the_frame_and_share_a_screen(on, size) -> None:
    widget = Widget(on(TAG, size=size), TAG)
    widget.until("s.ready")
    click(widget, "down.2")
    frame, u, maps = (widget.el.locator(css).bounding_box() for css in (".de-panel", ".de-ud", ".de-ue-maps"))
    assert u["width"] > frame["width"] - 40 and maps["width"] == pytest.approx(u["width"], abs=1)
    top = min(widget.role(role).bounding_box()["y"] for role in ("play", "part"))
    assert maps["y"] + maps["height"] - top < size["height"]
    letters = widget.el.evaluate("""(el) => [...el.querySelectorAll("[role=option] > *")]
        .map((e) => parseFloat(getComputedStyle(e).fontSize))""")
    assert min(letters) >= 12


def test_the_room_of_the_maps_stays_where_a_part_has_none(widget) -> None:
    below = widget.el.locator(".de-ue-facts")
    click(widget, "down.2")
    before = below.bounding_box()["y"] - widget.el.bounding_box()["y"]
    click(widget, "time")
    assert widget.state["maps"] == 0
    place = widget.el.locator(".de-ue-main").bounding_box()["y"] - widget.el.bounding_box()["y"]
    assert place < before
    click(widget, "down.2")
    assert widget.el.locator(".de-ue-main").bounding_box()["y"] - widget.el.bounding_box()["y"] == pytest.approx(place)
    assert "no attention" in widget.el.locator(".de-ue-room").inner_text()
