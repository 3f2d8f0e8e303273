"""The live mount: the module as a notebook runs it, with a model on the other side, in a real browser."""

from __future__ import annotations

import json

import pytest
import torch
from chromium import PATIENCE, wait_until
from dalle_parts import TEXTS, randn, system
from kernel import MOUNT
from tiny_cascade import cascade

from diffusion_edu.widgets import (
    CascadePlayer,
    CostExplorer,
    FlowExplorer,
    FrechetExplorer,
    PriorCloud,
    ReversePlayer,
    ScheduleExplorer,
    XTExplorer,
    record,
)

pytestmark = pytest.mark.browser
PIXELS = torch.randint(0, 256, (3, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def page(chromium):
    problems = []
    page = chromium.new_page()
    page.set_default_timeout(PATIENCE)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: message.type == "error" and problems.append(message.text))
    page.set_content("<!doctype html><html lang=en><body></body></html>")
    yield page
    page.close()
    assert problems == []


@pytest.fixture
def mount(page):
    def go(widget):
        traits = {name: getattr(widget, name) for name in ("payload", *widget._shared)}
        page.evaluate(MOUNT, [widget._esm, traits])
        wait_until(page, "document.querySelector('.de-widget').state")
        return page

    return go


def state(page, until: str) -> dict:
    """The state of the widget, once `until` (an expression of s) holds."""
    wait_until(page, f"((s) => {until})(document.querySelector('.de-widget').state)")
    return page.evaluate("document.querySelector('.de-widget').state")


def make(tag, oracle):
    if tag == "flow-explorer":
        return FlowExplorer(n=200, t=300)
    if tag == "cost-explorer":
        return CostExplorer(share=30)
    if tag == "frechet-explorer":
        return FrechetExplorer("turned", n=30)
    if tag == "cascade-player":
        return CascadePlayer(cascade(), ["cat"], steps=4, frame=3)
    if tag == "prior-cloud":
        images, training = (randn(n, 3, 16, 16, seed=n).clamp(-1, 1) for n in (3, 30))
        return PriorCloud(system(), TEXTS, images, training, guidances=(1, 4), n=2, steps=2, prior_steps=2)
    if tag == "x-t-explorer":
        return XTExplorer(PIXELS, t=300)
    if tag == "schedule-explorer":
        return ScheduleExplorer(PIXELS[:1], t=300)
    runs = [{"label": "A", "method": "ddim", "steps": 8}, {"label": "B", "method": "ddpm", "steps": 100}]
    return ReversePlayer(record(oracle, runs=runs, shape=(1, 8, 8), seeds=(0, 1), frames=9), frame=3)


@pytest.mark.parametrize(
    ("tag", "role", "trait", "start"),
    [
        ("x-t-explorer", "t", "t", 300),
        ("schedule-explorer", "t", "t", 300),
        ("reverse-player", "step", "frame", 3),
        ("flow-explorer", "t", "t", 300),
        ("cost-explorer", "share", "share", 30),
        ("cascade-player", "frame", "frame", 3),
    ],
)
def test_the_page_and_python_follow_each_other(mount, oracle, tag, role, trait, start):
    page = mount(make(tag, oracle))
    assert state(page, "true")[trait] == start
    slider = page.locator(f"[data-role={role}]")
    slider.focus()
    page.keyboard.press("ArrowRight")
    state(page, f"s.{trait} === {start + 1}")
    wait_until(page, f"model.saved.{trait} === {start + 1}")
    # JupyterLab keeps its own commands off a control that says so.
    assert slider.get_attribute("data-lm-suppress-shortcuts") == "true"
    page.evaluate(f"model.push({json.dumps(trait)}, 5)")
    state(page, f"s.{trait} === 5")
    assert slider.input_value() == "5"


def test_the_canvases_hold_the_very_pixels(mount, oracle):
    explorer = make("x-t-explorer", oracle)
    page = mount(explorer)
    read = """(c) => Array.from(c.getContext("2d").getImageData(0, 0, c.width, c.height).data)
        .filter((_, i) => i % 4 === 0)"""
    x_t, x0, eps = (torch.tensor(c.evaluate(read)) for c in page.locator("canvas[role=img]").all())
    assert torch.equal(x0, PIXELS[0].flatten().long())
    for shown, expected in ((x_t, explorer.x_t), (eps, explorer.eps)):
        exact = ((expected.double().clamp(-1, 1) + 1) * 127.5).flatten()
        assert (shown - exact).abs().max() <= 0.5 + 1e-4, "the nearest grey, and clipped"


def test_choices_are_synced_as_well(mount, oracle):
    page = mount(make("schedule-explorer", oracle))
    page.locator("[data-role=kind]").select_option("cosine")
    page.locator("[data-role=T-number]").fill("500")
    wait_until(page, "model.saved.T === 500 && model.saved.kind === 'cosine'")
    assert page.evaluate("model.saved.t") == 150, "t keeps its place, 30 % of the way"
    page.evaluate("model.push('points', [0.001, 0.002, 0.003, 0.004, 0.005]); model.push('kind', 'custom')")
    assert state(page, "s.kind === 'custom'")["points"][4] == 0.005
    assert page.locator("[data-role=kind]").input_value() == "custom"


def test_a_second_run_is_shown_on_request_from_python(mount, oracle):
    page = mount(make("reverse-player", oracle))
    page.evaluate("model.push('run_b', 1)")
    other = state(page, "s.other !== null")["other"]
    assert other["label"] == "B"
    assert page.locator("[data-role=compare]").is_checked()


def test_a_moved_gaussian_reaches_python_and_the_other_way_round(mount, oracle):
    page = mount(make("frechet-explorer", oracle))
    page.locator("[data-role=real-first]").focus()
    page.keyboard.press("ArrowUp")
    page.locator("[data-role=more]").click()
    wait_until(page, "model.saved.real[2] === 1.6 && model.saved.draws === 2")
    explorer = FrechetExplorer(real=page.evaluate("model.saved.real"), generated=[1.0, 0.0, 0.5, 0.0, 10.0])
    page.evaluate(f"model.push('generated', {json.dumps(explorer.generated)})")
    shown = state(page, "s.generated[0] === 1")
    assert shown["distance"] == pytest.approx(explorer.terms.distance, rel=1e-9)
    assert page.locator("[data-role=generated-along]").input_value() == "0.5"


def test_a_chosen_point_reaches_python_and_the_other_way_round(mount, oracle):
    page = mount(make("prior-cloud", oracle))
    page.locator("[data-role=point]").nth(2).focus()
    page.keyboard.press("ArrowRight")
    page.locator("[data-role=guidance]").select_option("4")
    wait_until(page, "model.saved.point === 3 && model.saved.guidance === '4'")
    page.evaluate("model.push('caption', 2)")
    assert state(page, "s.caption === 2")["text"] == TEXTS[2]
    assert page.locator("[data-role=caption]").input_value() == "2"


LEAVING = ["x-t-explorer", "schedule-explorer", "reverse-player", "flow-explorer", "frechet-explorer"]


@pytest.mark.parametrize("tag", [*LEAVING, "cascade-player", "prior-cloud"])
def test_leaving_removes_every_trace(mount, oracle, tag):
    page = mount(make(tag, oracle))
    page.evaluate("leave()")
    assert page.evaluate("Object.values(model.listeners).flat().length") == 0
    assert page.locator(".de-panel").count() == 0


def test_data_that_cannot_be_read_is_said_in_words(page):
    explorer = XTExplorer(PIXELS)
    traits = {name: getattr(explorer, name) for name in explorer._shared} | {
        "payload": '{"labels": ["a"], "pixels": "%"}'
    }
    page.evaluate(MOUNT, [explorer._esm, traits])
    assert "This widget cannot start" in page.locator("[role=alert]").inner_text()


def test_the_answer_is_covered_until_the_reader_asks_for_it(mount):
    page = mount(XTExplorer(PIXELS, t=300, covered=True))
    state(page, "s.t === 300")
    canvases = [page.locator(f".de-{colour} > canvas") for colour in ("violet", "blue", "orange")]
    assert [canvas.is_visible() for canvas in canvases] == [True, False, False]
    assert canvases[2].get_attribute("aria-label") == "the noise, covered"
    page.get_by_label("cover x₀ and ε").uncheck()
    canvases[1].wait_for()
    assert [canvas.is_visible() for canvas in canvases] == [True, True, True]
    assert canvases[2].get_attribute("aria-label") == "noise, seed 0"


def test_nothing_is_covered_and_no_box_asks_for_it_unless_that_is_wanted(mount):
    page = mount(XTExplorer(PIXELS, t=300))
    state(page, "s.t === 300")
    assert page.locator(".de-orange > canvas").is_visible() and not page.get_by_label("cover x₀ and ε").count()
