"""The Frechet explorer: dragged, stretched and turned, it shows the package's distances, exact and from points."""

from __future__ import annotations

import math

import pytest
from playwright.sync_api import expect
from widgets import Widget, payload

from diffusion_edu.widgets import FrechetExplorer

pytestmark = pytest.mark.browser
TAG = "frechet-explorer"
SETTINGS = ("real", "generated", "n", "draws", "seed")
HALF = 4  # of the plane that is shown


@pytest.fixture
def widget(on) -> Widget:
    return Widget(on(TAG), TAG)


def agree(widget: Widget) -> dict:
    """The numbers of the page, in state and in words, are the package's."""
    state = widget.state
    explorer = FrechetExplorer(**{name: state[name] for name in SETTINGS})
    exact, estimates = explorer.terms, explorer.estimates
    close = {"rel": 1e-9, "abs": 3e-8}  # what numpy can tell of a flat ellipse
    assert state["mean_term"] == pytest.approx(exact.mean, **close)
    assert state["covariance_term"] == pytest.approx(exact.covariance, **close)
    assert state["distance"] == pytest.approx(exact.distance, **close)
    assert state["estimates"] == pytest.approx([terms.distance for terms in estimates], **close)
    assert state["estimate"]["mean"] == pytest.approx(estimates[-1].mean, **close)
    assert state["average"] == pytest.approx(sum(state["estimates"]) / state["draws"])
    said = widget.role("status").inner_text()
    assert f"d² = {state['distance']:.2f}" in said and f"n = {state['n']}" in said
    assert f"{state['mean_term']:.2f} (means) + {state['covariance_term']:.2f} (covariances)" in said
    assert widget.el.locator("circle").count() == state["draws"]
    assert widget.el.locator(".de-fr-dots").first.get_attribute("d").count("M") == state["n"]
    return state


def lengths(widget: Widget, bar: str) -> list[float]:
    """The widths of the two parts of a bar, in pixels."""
    return widget.role(bar).evaluate("(bar) => [...bar.children].map((part) => part.getBoundingClientRect().width)")


def grip(widget: Widget, role: str) -> tuple[float, float]:
    """Where a handle is, in the units of the plane."""
    plane = widget.el.locator(".de-fr-plane").bounding_box()
    box = widget.role(role).bounding_box()
    x, y = box["x"] + box["width"] / 2 - plane["x"], box["y"] + box["height"] / 2 - plane["y"]
    return HALF * (2 * x / plane["width"] - 1), HALF * (1 - 2 * y / plane["height"])


def pull(widget: Widget, role: str, by: tuple[float, float]) -> int:
    """Drag a handle by a way in the plane; returns how often the widget drew meanwhile."""
    unit = widget.el.locator(".de-fr-plane").bounding_box()["width"] / (2 * HALF)
    side = widget.role(role).bounding_box()["width"]
    return widget.drag(widget.role(role), (0.5, 0.5), (0.5 + by[0] * unit / side, 0.5 - by[1] * unit / side))


def open_boxes(widget: Widget) -> None:
    """Unfold the boxes of the ten numbers."""
    expect(widget.role("real-x")).to_be_hidden()
    widget.role("numbers").click()
    expect(widget.role("real-x")).to_be_visible()


PARTS = [f"{role}-{part}" for role in ("real", "generated") for part in ("first", "second", "centre")]
ON_TOP = "(e) => { const b = e.getBoundingClientRect(); const at = [b.x + b.width / 2, b.y + b.height / 2];" + (
    " return document.elementFromPoint(...at) === e; }"
)


def test_begins_where_the_chapter_left_it(widget, site) -> None:
    data, state = payload(site.folder, TAG), agree(widget)
    assert {name: state[name] for name in SETTINGS} == {name: data[name] for name in SETTINGS}
    assert state["preset"] == widget.role("preset").input_value() == "shifted"


@pytest.mark.parametrize("name", ["same", "shifted", "wider", "turned", "collapsed", "correlated"])
def test_presets(widget, site, name) -> None:
    widget.role("preset").select_option(name)
    widget.until(f"s.preset === '{name}'")
    state = agree(widget)
    preset = payload(site.folder, TAG)["presets"][name]
    assert (state["real"], state["generated"]) == (preset["real"], preset["generated"])
    for box, value in zip(("x", "y", "along", "across", "turn"), preset["generated"]):
        assert float(widget.role(f"generated-{box}").input_value()) == value


def test_a_centre_follows_the_pointer_and_only_the_means_feel_it(widget) -> None:
    before = agree(widget)
    at = grip(widget, "real-centre")
    assert at == pytest.approx(before["real"][:2], abs=0.03)
    drawn = pull(widget, "real-centre", (-1.0, 0.8))
    after = agree(widget)
    assert drawn >= 3, "the picture does not follow the pointer"
    assert after["real"][:2] == pytest.approx([at[0] - 1.0, at[1] + 0.8], abs=0.05)
    assert after["real"][2:] == before["real"][2:] and after["generated"] == before["generated"]
    assert after["covariance_term"] == pytest.approx(before["covariance_term"], abs=1e-9)
    assert after["mean_term"] != pytest.approx(before["mean_term"], rel=0.05)
    assert after["preset"] == widget.role("preset").input_value() == "own"


@pytest.mark.parametrize(("role", "axis"), [("generated-first", 0), ("generated-second", 1)])
def test_the_end_of_an_axis_stretches_and_turns(widget, role, axis) -> None:
    before = agree(widget)
    centre, at = before["generated"][:2], grip(widget, role)
    pull(widget, role, (-0.7, 0.6))
    after = agree(widget)
    way = (at[0] - 0.7 - centre[0], at[1] + 0.6 - centre[1])
    turn = math.degrees(math.atan2(way[1], way[0])) - 90 * axis
    assert after["generated"][4] == pytest.approx(turn, abs=2)
    longer = math.hypot(*way) - math.dist(at, centre)
    assert after["generated"][2 + axis] == pytest.approx(before["generated"][2 + axis] + longer, abs=0.05)
    assert after["generated"][3 - axis] == before["generated"][3 - axis]
    assert after["generated"][:2] == before["generated"][:2]
    assert after["mean_term"] == before["mean_term"] and after["covariance_term"] > 0.05
    # the handle is where it was let go
    assert grip(widget, role) == pytest.approx([at[0] - 0.7, at[1] + 0.6], abs=0.06)


def test_an_ellipse_can_be_pressed_flat_and_opened_again(widget) -> None:
    angle = math.radians(widget.state["generated"][4] + 90)
    out = math.cos(angle), math.sin(angle)
    pull(widget, "generated-second", (-0.75 * out[0], -0.75 * out[1]))
    flat = agree(widget)
    assert flat["generated"][3] == 0 and flat["distance"] > 1
    pull(widget, "generated-second", (0.8 * out[0], 0.8 * out[1]))
    opened = agree(widget)
    assert opened["generated"][3] > 0.3 and opened["covariance_term"] < flat["covariance_term"]


def test_handles_by_keyboard(widget) -> None:
    press = widget.page.keyboard.press
    state = agree(widget)
    widget.role("real-centre").focus()
    press("ArrowRight")
    press("ArrowUp")
    press("Shift+ArrowUp")
    moved = agree(widget)
    assert moved["real"][:2] == pytest.approx([state["real"][0] + 0.1, state["real"][1] + 0.11])
    widget.role("generated-second").focus()
    press("ArrowUp")
    press("ArrowRight")
    press("Shift+ArrowRight")
    turned = agree(widget)
    assert turned["generated"][3] == pytest.approx(state["generated"][3] + 0.1)
    assert turned["generated"][4] == state["generated"][4] - 6
    handle = widget.role("generated-second")
    assert handle.get_attribute("role") == "slider"
    assert float(handle.get_attribute("aria-valuenow")) == turned["generated"][3]
    assert "degrees" in handle.get_attribute("aria-valuetext")


def test_handles_follow_a_finger(on) -> None:
    widget = Widget(on(TAG, size={"width": 390, "height": 844}, has_touch=True, is_mobile=True), TAG)
    assert widget.role("real-centre").evaluate("(e) => getComputedStyle(e).touchAction") == "none"
    before = widget.state["real"][0]
    pull(widget, "real-centre", (-1.0, 0.0))
    assert agree(widget)["real"][0] == pytest.approx(before - 1, abs=0.06)


def test_boxes_take_what_is_allowed(widget) -> None:
    open_boxes(widget)
    widget.role("real-turn").fill("-75")
    assert widget.until("s.real[4] === -75")["generated"][4] == 30
    agree(widget)
    box = widget.role("real-along")
    box.fill("9")
    assert widget.state["real"][2] == 1.2, "nothing outside the limits is shown"
    box.blur()
    assert widget.until("s.real[2] === 2.5") and box.input_value() == "2.5"
    assert widget.el.locator(".de-limits").inner_text() == "0 to 2.5"
    agree(widget)


@pytest.mark.parametrize("turn", [0, 45, 170, -90])
def test_no_handle_leaves_the_plane(widget, turn) -> None:
    open_boxes(widget)
    for role, value in (("x", 3.5), ("y", -3.5), ("along", 2.5), ("turn", turn)):
        widget.role(f"generated-{role}").fill(str(value))
    widget.until(f"s.generated[4] === {turn}")
    widget.el.locator(".de-fr-plane").scroll_into_view_if_needed()
    for part in PARTS:
        assert max(map(abs, grip(widget, part))) < HALF, f"{part} is out of reach"
    assert grip(widget, "generated-centre") == pytest.approx((3.5, -3.5), abs=0.03)
    before = widget.state["generated"][2]
    widget.role("generated-first").focus()
    widget.page.keyboard.press("ArrowDown")
    assert widget.until(f"s.generated[2] < {before}")["generated"][2] == pytest.approx(before - 0.1)
    agree(widget)


def test_handles_that_coincide_can_all_be_taken(widget) -> None:
    widget.role("preset").select_option("same")
    widget.until("s.preset === 'same'")
    widget.el.locator(".de-fr-plane").scroll_into_view_if_needed()
    assert [part for part in PARTS if not widget.role(part).evaluate(ON_TOP)] == []
    pull(widget, "real-centre", (-1.0, 0.5))
    state = agree(widget)
    assert state["real"][:2] == pytest.approx([-1.0, 0.5], abs=0.05), "it did not jump when it was taken"
    assert state["generated"][:2] == [0, 0]
    assert grip(widget, "real-centre") == pytest.approx(state["real"][:2], abs=0.03)


def test_says_what_the_ellipses_are(widget) -> None:
    assert "Ellipses: 1 and 2 standard deviations." in widget.el.locator(".de-note").inner_text()


def test_bars_have_the_lengths_of_the_terms(widget) -> None:
    open_boxes(widget)
    widget.role("real-along").fill("2")
    widget.until("s.real[2] === 2")
    state = agree(widget)
    mean, covariance = lengths(widget, "exact-bar")
    assert mean / covariance == pytest.approx(state["mean_term"] / state["covariance_term"], rel=0.02)
    seen = lengths(widget, "draw-bar")
    assert sum(seen) / (mean + covariance) == pytest.approx(state["estimate"]["distance"] / state["distance"], rel=0.02)
    assert f"means {state['mean_term']:.2f}" in widget.role("exact-bar").get_attribute("aria-label")


def test_few_points_say_too_much_and_many_say_less(widget) -> None:
    """The answer to the chapter's question."""
    widget.role("preset").select_option("same")
    averages = {}
    for n in (10, 100, 1000):
        widget.type("n", n)
        while widget.state["draws"] < 100:
            widget.role("many").click()
        state = agree(widget)
        assert state["distance"] < 1e-9 and min(state["estimates"]) > 0
        assert f"Mean of 100 draws: {state['average']:.2f}" in widget.role("status").inner_text()
        averages[n] = state["average"]
    assert averages[10] > 5 * averages[100] > 25 * averages[1000]
    assert averages[10] > 0.1 and averages[1000] < 0.02
    assert widget.role("more").is_disabled() and widget.role("many").is_disabled()


def test_draws_add_up_and_begin_anew(widget) -> None:
    first = agree(widget)
    widget.role("more").click()
    second = agree(widget)
    assert second["draws"] == 2 and second["estimates"][0] == first["estimates"][0]
    assert second["estimates"][1] != first["estimates"][0]
    widget.role("seed").click()
    again = agree(widget)
    assert (again["draws"], again["seed"]) == (1, first["seed"] + 1)
    assert again["estimates"][0] not in second["estimates"]
