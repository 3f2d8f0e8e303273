"""The flow explorer shows the points that the package computes, there and back, and never keeps the page waiting."""

from __future__ import annotations

import base64

import browser as b
import numpy as np
import pytest
import torch
from playwright.sync_api import expect
from widgets import Widget, clock_of, payload, within

import diffusion_edu as de
from diffusion_edu.widgets import FlowExplorer

pytestmark = pytest.mark.browser
TAG = "flow-explorer"
SHAPES = ("moons", "spiral", "rings", "letters")


@pytest.fixture
def widget(on) -> Widget:
    return Widget(on(TAG), TAG)


@pytest.fixture(scope="module")
def data(site) -> dict:
    return payload(site.folder, TAG)


def agree(state: dict, data: dict) -> None:
    """The numbers shown are those of the points that the package computes from the same random numbers."""
    points = {
        name: torch.from_numpy(np.frombuffer(base64.b64decode(shape["points"]), dtype="<f4").reshape(-1, 2).copy())
        for name, shape in data["shapes"].items()
    }
    traits = {name: state[name] for name in FlowExplorer._shared if name in state}
    here = FlowExplorer(points, n=data["n"], std=data["std"], schedule=data["schedule"], **traits)
    x, centres, schedule = here.x_t, here.oracle.means, de.NoiseSchedule.from_name(data["schedule"], data["T"])
    t = state["t"]
    wanted = {
        "n": len(x),
        "centres": len(centres),
        "alpha_bar": schedule.alpha_bar[t].item(),
        "signal": schedule.signal(t),
        "noise": schedule.noise(t),
        "noise_share": 1 - schedule.alpha_bar[t].item(),
        "std": (x - x.mean(0)).square().mean().sqrt().item(),
        "distance": torch.cdist(x[:500], centres).min(dim=1).values.mean().item(),
    }
    assert {name: state[name] for name in wanted} == pytest.approx(wanted, rel=1e-7, abs=1e-9)
    assert state["mean"] == pytest.approx(x.mean(0).tolist(), abs=1e-8)


def choose(widget: Widget, direction: str) -> None:
    widget.role("direction", 0 if direction == "noise" else 1).check(force=True)
    widget.until(f"s.direction === '{direction}'")


def unfold(widget: Widget) -> None:
    """Open the settings that few readers need."""
    widget.role("more").click()


def test_begins_with_the_shape_in_plain_words(widget) -> None:
    state = widget.state
    assert (state["t"], state["direction"]) == (0, "noise")
    assert "t = 0: 0 % noise" in widget.role("status").inner_text()
    assert widget.role("steps").is_visible() and widget.role("forward").is_hidden()
    widget.role("more").focus()
    widget.page.keyboard.press("Enter")
    assert widget.role("forward").is_visible() and widget.role("speed").is_visible()


@pytest.mark.parametrize("size", [b.WIDE, b.NARROW], ids=["wide", "narrow"])
def test_the_words_have_room(on, size) -> None:
    """Whatever is said, what lies below stays where it is."""
    widget = Widget(on(TAG, size=size), TAG)
    unfold(widget)
    box = widget.role("status")
    height = box.bounding_box()["height"]
    widget.role("forward").select_option("walk")
    widget.type("steps", 200)
    widget.type("t", 1000)
    widget.until("s.t === 1000")
    assert box.bounding_box()["height"] == height
    choose(widget, "back")
    widget.role("start").select_option("data")
    widget.type("eta", 0.35)
    widget.type("start-t", 1000)
    widget.type("t", 0)
    widget.until("s.t === 0")
    assert box.bounding_box()["height"] == height
    widget.type("steps", 10)
    widget.until("s.steps === 10 && s.ready")
    assert "Done" in box.inner_text()
    assert box.bounding_box()["height"] == height


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_on_its_way_to_noise(widget, data, shape) -> None:
    assert sorted(SHAPES) == sorted(data["shapes"])
    widget.role("shape").select_option(shape)
    widget.until(f"s.shape === '{shape}' && s.t === 0")
    for t in (0, 1, 333, 1000):
        widget.type("t", t)
        agree(widget.until(f"s.t === {t}"), data)


def test_step_by_step_is_another_way_to_the_same_distribution(widget, data) -> None:
    widget.type("t", 400)
    jump = widget.until("s.t === 400")
    unfold(widget)
    widget.role("forward").select_option("walk")
    walk = widget.until("s.forward === 'walk' && s.ready")
    agree(walk, data)
    assert walk["std"] == pytest.approx(jump["std"], abs=0.05)
    assert walk["mean"] != jump["mean"]


@pytest.mark.parametrize(("steps", "eta"), [(50, 0), (10, 1), (1, 0)])
def test_the_way_back_is_that_of_the_package(widget, data, steps, eta) -> None:
    widget.type("steps", steps)
    widget.type("eta", eta)
    choose(widget, "back")
    state = widget.until("s.t === 1000 && s.ready")
    agree(state, data)
    assert len(state["times"]) == steps + 1
    widget.type("t", 0)
    end = widget.until("s.t === 0 && s.ready")
    agree(end, data)
    assert "Done" in widget.el.locator(".de-status").inner_text()
    if steps == 50:
        assert end["distance"] < 2 * end["distance_data"] < 0.5 * end["distance_noise"]
    if steps == 1:
        assert "1 step, η" in widget.role("status").inner_text()
        assert end["std"] < 0.01, "a single step leads every point to the mean"


def test_the_way_back_may_start_half_way(widget, data) -> None:
    choose(widget, "back")
    unfold(widget)
    widget.role("start").select_option("data")
    widget.type("start-t", 250)
    state = widget.until("s.start === 'data' && s.start_t === 250 && s.t === 250 && s.ready")
    agree(state, data)
    widget.type("t", 0)
    agree(widget.until("s.t === 0 && s.ready"), data)
    widget.type("t", 900)
    assert widget.until("s.ready")["t"] == 250, "a run that starts at 250 has nothing beyond it"


def test_buttons_visit_the_steps(widget, data) -> None:
    widget.type("steps", 4)
    choose(widget, "back")
    for wanted in (750, 500, 250, 0, 0):
        widget.role("next").click()
        agree(widget.until(f"s.t === {wanted} && s.ready"), data)
    widget.role("prev").click()
    widget.until("s.t === 250")
    choose(widget, "noise")
    assert widget.until("s.t === 0")["times"] == [0, 250, 500, 750, 1000]
    widget.role("next").click()
    widget.until("s.t === 250")


def test_new_noise_gives_new_points(widget, data) -> None:
    widget.type("t", 500)
    before = widget.until("s.t === 500")
    unfold(widget)
    widget.role("seed").click()
    after = widget.until(f"s.seed === {before['seed'] + 1}")
    agree(after, data)
    assert after["mean"] != before["mean"]


def test_plays_there_and_back_and_rests(on) -> None:
    widget = Widget(on(TAG, clock=True), TAG)
    unfold(widget)
    widget.role("speed").select_option(label="fast")
    widget.type("t", 900)
    button = widget.role("play")
    button.click()
    assert button.get_attribute("aria-label") == "Pause"
    widget.until("s.t === 1000")
    expect(button, "it rests at the end of each way").to_have_attribute("aria-label", "Play")
    assert widget.state["direction"] == "noise"
    button.click()
    widget.until("s.direction === 'back' && s.t < 900")
    button.click()
    rested = widget.state
    with clock_of(widget.page) as let_pass:
        let_pass(1000)
        assert widget.now == rested
    button.click()
    done = widget.until("s.direction === 'back' && s.t === 0 && s.ready")
    assert done["distance"] < 2 * done["distance_data"]
    # a hand on the slider takes over
    button.click()
    widget.until("s.direction === 'noise' && s.t > 0")
    widget.role("t").focus()
    widget.page.keyboard.press("ArrowRight")
    assert button.get_attribute("aria-label") == "Play"


def test_plays_in_stills_where_less_motion_is_wished(on) -> None:
    widget = Widget(on(TAG, reduced_motion="reduce", clock=True), TAG)
    before = widget.state["t"]
    with clock_of(widget.page) as let_pass:
        widget.role("play").click()
        let_pass(1000)
        seen = widget.now["t"]
        widget.role("play").click()
    assert before + 100 <= seen <= before + 300, "one still in 0.8 seconds, an eighth of the way further"


def test_arrows_and_trails_are_drawn_on_request(widget) -> None:
    choose(widget, "back")
    widget.type("t", 300)
    widget.until("s.t === 300 && s.ready")
    plain = widget.picture()
    widget.role("arrows").check()
    with_arrows = widget.picture()
    widget.role("trails").check()
    with_trails = widget.picture()
    assert len({plain, with_arrows, with_trails}) == 3
    widget.role("arrows").uncheck()
    widget.role("trails").uncheck()
    assert widget.picture() == plain


def test_typed_letters_become_the_shape(widget) -> None:
    widget.role("shape").select_option("typed")
    box = widget.role("text")
    hint = widget.page.locator(f"#{box.get_attribute('aria-describedby')}")
    assert hint.inner_text() == f"at most {box.get_attribute('maxlength')} letters" and hint.is_visible()
    box.fill("Hi")
    state = widget.until("s.text === 'Hi' && s.n > 0")
    assert (state["t"], state["direction"], state["centres"]) == (0, "noise", 256)
    assert state["std"] == pytest.approx(1, abs=0.03)
    assert state["mean"] == pytest.approx([0, 0], abs=0.1)
    first = widget.picture()
    box.fill("Oo")
    widget.until("s.text === 'Oo'")
    assert widget.picture() != first
    choose(widget, "back")
    widget.type("t", 0)
    done = widget.until("s.t === 0 && s.ready")
    assert done["distance"] < 2 * done["distance_data"]
    box.fill("")
    assert widget.until("s.n === 0")["ready"]
    assert "Type" in widget.el.locator(".de-status").inner_text()


def draw_a_line(widget: Widget, moves) -> None:
    canvas = widget.el.locator("canvas")
    spots = [widget.spot(canvas, x, y) for x, y in moves]
    widget.page.mouse.move(*spots[0])
    widget.page.mouse.down()
    for spot in spots[1:]:
        widget.page.mouse.move(*spot, steps=4)
    widget.page.mouse.up()


def test_a_drawing_becomes_the_shape(widget) -> None:
    assert widget.el.locator("canvas").evaluate("(c) => getComputedStyle(c).touchAction") == "auto"
    widget.role("shape").select_option("drawn")
    assert widget.until("s.n === 0")["shape"] == "drawn"
    assert "Draw" in widget.el.locator(".de-status").inner_text()
    draw_a_line(widget, [(0.25, 0.5), (0.75, 0.5)])
    state = widget.until("s.n === 2000")
    # a level line through the middle, half as wide as the plane: uniform on (-1.6, 1.6)
    assert state["mean"] == pytest.approx([0, 0], abs=0.08)
    assert state["std"] == pytest.approx(1.6 / 6**0.5, abs=0.03)
    draw_a_line(widget, [(0.5, 0.25), (0.5, 0.75)])
    assert widget.until("s.n === 2000 && s.std < 0.72")["std"] == pytest.approx(1.6 / 6**0.5, abs=0.08)
    choose(widget, "back")
    widget.type("t", 0)
    done = widget.until("s.t === 0 && s.ready")
    assert done["distance"] < 2 * done["distance_data"]
    widget.role("clear").click()
    widget.until("s.n === 0")


def test_a_finger_draws_and_the_page_does_not_scroll(on) -> None:
    widget = Widget(on(TAG, size=b.NARROW, has_touch=True, is_mobile=True), TAG)
    widget.role("shape").select_option("drawn")
    widget.until("s.n === 0")
    canvas = widget.el.locator("canvas")
    assert canvas.evaluate("(c) => getComputedStyle(c).touchAction") == "none"
    widget.page.touchscreen.tap(*widget.spot(canvas, 0.7, 0.3))
    state = widget.until("s.n === 2000")  # a dot is a shape, too
    assert state["mean"] == pytest.approx([0.2 * 6.4, 0.2 * 6.4], abs=0.05)
    assert state["std"] == pytest.approx(0.05, rel=0.1)


LONGEST = """async (el) => {
    const tasks = [];
    const watcher = new PerformanceObserver((list) => tasks.push(...list.getEntries().map((e) => e.duration)));
    watcher.observe({ entryTypes: ["longtask"] });
    const steps = el.querySelector("[data-role=steps-number]");
    const t = el.querySelector("[data-role=t-number]");
    for (const [box, value] of [[steps, 200], [t, 0]]) {
        box.value = value;
        box.dispatchEvent(new Event("change"));
    }
    let frames = 0;
    const began = performance.now();
    while (!el.state.ready || el.state.t !== 0) {
        frames += 1;
        await new Promise((done) => requestAnimationFrame(done));
    }
    return [frames, Math.max(0, ...tasks), performance.now() - began];
}"""


def test_the_page_stays_awake_while_the_oracle_works(widget) -> None:
    """Two hundred steps for two thousand points take seconds, cut into slices of a few milliseconds."""
    choose(widget, "back")
    widget.until("s.t === 1000 && s.ready")
    frames, longest, whole = widget.el.evaluate(LONGEST)
    print(f"{frames} frames in {whole:.0f} ms, longest task {longest:.0f} ms")
    assert frames > 50
    assert longest < whole / 5, "one piece of work kept the page waiting"


def test_the_plane_takes_the_colours_of_the_theme(widget) -> None:
    light = widget.pixels("canvas")
    widget.page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert light[2, 2].mean() > 200
    within(lambda: widget.pixels("canvas")[2, 2].mean() < 60)


def test_a_number_box_follows_when_its_number_has_been_entered(widget) -> None:
    """The box keeps the focus after Enter; another shape begins at t = 0, and the box must say so."""
    box = widget.role("t-number")
    box.fill("300")
    widget.until("s.t === 300")
    assert box.input_value() == "300", "while it is typed nothing writes into it"
    box.press("Enter")
    widget.role("shape").select_option("rings")
    widget.until("s.t === 0")
    expect(box).to_have_value("0")
