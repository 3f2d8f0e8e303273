"""What every widget does, each on its chapter: it moves by keyboard, pointer and touch, speaks, and rests."""

from __future__ import annotations

import json

import browser as b
import pytest
from chromium import wait_until
from playwright.sync_api import expect
from widgets import HOMES, Widget, clock_of, payload, stays_silent

pytestmark = pytest.mark.browser
TAGS = sorted(HOMES)
MAIN = {
    "flow-explorer": "t",
    "x-t-explorer": "t",
    "schedule-explorer": "t",
    "reverse-player": "step",
    "unet-explorer": "part",
    "conv-explorer": "cell",
    "frechet-explorer": "n",
    "cost-explorer": "share",
}
SLIDERS = [
    ("flow-explorer", "t"),
    ("x-t-explorer", "t"),
    ("schedule-explorer", "t"),
    ("schedule-explorer", "T"),
    ("schedule-explorer", "beta-start"),
    ("schedule-explorer", "beta-end"),
    ("schedule-explorer", "s"),
    ("reverse-player", "step"),
    ("unet-explorer", "part"),
    ("conv-explorer", "cell"),
    ("frechet-explorer", "n"),
    ("cost-explorer", "share"),
    ("cost-explorer", "batch"),
]
ON_THE_WAY = {
    "t": 300,
    "T": 500,
    "beta-start": 0.001,
    "beta-end": 0.05,
    "s": 0.05,
    "step": 500,
    "part": 4,
    "cell": 8,
    "n": 100,
    "share": 40,
    "batch": 256,
}


def prepared(page, tag: str, role: str) -> Widget:
    """The widget with the slider in sight and away from its ends."""
    widget = Widget(page, tag)
    if tag == "schedule-explorer":
        widget.role("kind").select_option("cosine" if role == "s" else "linear")
    widget.type(role, ON_THE_WAY[role])
    assert widget.role(role).is_visible()
    return widget


@pytest.mark.parametrize(("tag", "role"), SLIDERS)
def test_slider_moves_by_keyboard(on, tag, role) -> None:
    widget = prepared(on(tag), tag, role)
    slider = widget.role(role)
    before, number, name = widget.picture(), float(slider.input_value()), slider.get_attribute("aria-valuetext")
    slider.focus()
    widget.page.keyboard.press("ArrowRight")
    after = widget.picture()
    assert float(slider.input_value()) > number
    assert slider.get_attribute("aria-valuetext") != name or role.startswith("beta")  # those are said in few digits
    assert after != before, "the picture stayed as it was"
    widget.page.keyboard.press("ArrowLeft")
    assert float(slider.input_value()) == number
    assert role.startswith("beta") or widget.picture() == before  # typed betas lie between two places of the slider
    widget.page.keyboard.press("End")
    widget.page.keyboard.press("ArrowRight")  # nothing lies beyond
    assert slider.input_value() == slider.get_attribute("max")
    widget.page.keyboard.press("Home")
    assert slider.input_value() == slider.get_attribute("min")
    assert widget.picture() not in (before, after)


@pytest.mark.parametrize(("tag", "role"), SLIDERS)
def test_slider_moves_by_pointer(on, tag, role) -> None:
    widget = prepared(on(tag), tag, role)
    slider = widget.role(role)
    low, high = (float(slider.get_attribute(name)) for name in ("min", "max"))
    begin = (float(slider.input_value()) - low) / (high - low)
    before = widget.picture()
    drawn = widget.drag(slider, (begin, 0.5), (0.85, 0.5))
    share = (float(slider.input_value()) - low) / (high - low)
    assert share == pytest.approx(0.85, abs=0.04 + 1 / (high - low))
    assert drawn >= 3, "the picture does not follow the pointer"
    assert widget.picture() != before


@pytest.mark.parametrize("tag", TAGS)
def test_slider_follows_a_finger(on, tag) -> None:
    widget = prepared(on(tag, size=b.NARROW, has_touch=True, is_mobile=True), tag, MAIN[tag])
    before = widget.picture()
    widget.page.touchscreen.tap(*widget.spot(widget.role(MAIN[tag]), 0.75))
    assert widget.picture() != before
    # a finger needs some room: 24 pixels is the least that WCAG 2.2 allows
    small = widget.el.evaluate("""(el) => [...el.querySelectorAll("button, select, input, .de-handle")]
        .filter((e) => e.checkVisibility() && e.type !== "checkbox")
        .map((e) => [e.dataset.role, e.getBoundingClientRect()])
        .filter(([, box]) => box.width < 24 || box.height < 24)
        .map(([role, box]) => `${role} ${box.width}x${box.height}`)""")
    assert small == []


@pytest.mark.parametrize("tag", TAGS)
def test_works_from_the_disk(on, site, tag) -> None:
    served, disk = Widget(on(tag), tag), Widget(on(tag, scheme="file"), tag)
    assert disk.state == served.state
    assert disk.picture() == served.picture()
    disk.role(MAIN[tag]).focus()
    before = disk.picture()
    disk.page.keyboard.press("ArrowRight")
    assert disk.picture() != before


@pytest.mark.parametrize("tag", TAGS)
def test_nothing_moves_until_the_reader_moves_it(on, tag) -> None:
    widget = Widget(on(tag, clock=True), tag)
    before, state = widget.picture(), widget.state
    with clock_of(widget.page) as let_pass:
        let_pass(2000)
        assert widget.now == state
    assert widget.picture() == before


@pytest.mark.parametrize("tag", ["x-t-explorer", "reverse-player", "unet-explorer", "conv-explorer"])
def test_plays_and_pauses(on, tag) -> None:
    widget = Widget(on(tag, clock=True), tag)
    key = {"x-t-explorer": "t", "reverse-player": "frame", "unet-explorer": "index", "conv-explorer": "index"}[tag]
    button = widget.role("play")
    widget.role(MAIN[tag]).focus()
    widget.page.keyboard.press("Home")
    assert widget.state[key] == 0
    button.click()
    assert button.get_attribute("aria-label") == "Pause"
    widget.until(f"s.{key} >= 2")
    button.click()
    assert button.get_attribute("aria-label") != "Pause"
    rested = widget.state
    with clock_of(widget.page) as let_pass:
        let_pass(1000)
        assert widget.now == rested
    # it stops by itself at the end, and begins anew from there
    widget.role(MAIN[tag]).focus()
    widget.page.keyboard.press("End")
    last = widget.state[key]
    widget.page.keyboard.press("ArrowLeft")
    button.click()
    widget.until(f"s.{key} === {last}")
    expect(button).not_to_have_attribute("aria-label", "Pause")
    button.click()
    widget.until(f"s.{key} < {last}")
    # a hand on the slider takes over ("Home" would move nothing while it plays the first frame)
    widget.role(MAIN[tag]).focus()
    widget.page.keyboard.press("ArrowRight")
    assert button.get_attribute("aria-label") != "Pause"


@pytest.mark.parametrize("tag", ["x-t-explorer", "reverse-player", "unet-explorer", "conv-explorer"])
def test_plays_in_stills_where_less_motion_is_wished(on, tag) -> None:
    widget = Widget(on(tag, reduced_motion="reduce", clock=True), tag)
    widget.role(MAIN[tag]).focus()
    widget.page.keyboard.press("Home")
    before = widget.picture()
    widget.el.evaluate("(el) => { el.drawn = 0; el.addEventListener('de-change', () => { el.drawn += 1; }); }")
    with clock_of(widget.page) as let_pass:
        widget.role("play").click()
        let_pass(2000)
        assert widget.el.evaluate("(el) => el.drawn") == 2, "one in 0.8 seconds"
        widget.role("play").click()
    assert widget.picture() != before


@pytest.mark.parametrize("tag", TAGS)
def test_speaks_once_the_reader_rests(on, tag) -> None:
    widget = Widget(on(tag, clock=True), tag)
    live = widget.el.locator("[role=status]")
    assert live.get_attribute("aria-live") == "polite"
    slider = widget.role(MAIN[tag])
    slider.focus()
    key = "ArrowRight" if slider.evaluate("(el) => el.value === el.min") else "ArrowLeft"
    before = stays_silent(widget.page, live, lambda: widget.page.keyboard.press(key))
    state = widget.state
    expect(live).not_to_have_text(before)
    words = f"t = {state.get('t')}"
    if tag == "conv-explorer":
        words = f"output ({', '.join(map(str, state['cell']))})"
    if tag == "frechet-explorer":
        words = f"n = {state['n']}"
    if tag == "cost-explorer":
        words = f"at {state['share']} % of the peak"
    assert words in live.text_content()
    # and it says in text what it shows
    assert words in widget.el.locator(".de-status").inner_text()


@pytest.mark.parametrize("tag", TAGS)
def test_shows_a_picture_where_no_script_runs(opened, tag) -> None:
    with opened(HOMES[tag], java_script_enabled=False) as (page, log):
        picture = page.locator(f"{tag} > img").first
        picture.scroll_into_view_if_needed()
        assert picture.is_visible()
        box = picture.bounding_box()
        assert box and box["width"] > 300 and box["height"] > 30
        assert picture.evaluate("(img) => img.complete && img.naturalWidth > 0")
        assert picture.get_attribute("alt").count(" ") > 4
        assert page.locator(f"{tag} script").first.is_hidden()
        assert log.problems() == []


@pytest.mark.parametrize("tag", TAGS)
def test_says_so_when_its_data_are_broken(on, site, tag) -> None:
    page = on(tag)
    broken = json.dumps(
        {
            **payload(site.folder, tag),
            "size": "x",
            "schedule": {"name": "no such"},
            "pixels": "%",
            "data_t": "%",
            "mode": "no such",
            "real": "no such",
            "machine": "no such",
        }
    )
    page.evaluate(ADD, [tag, broken])
    words = page.locator(tag).last.locator(".de-warn:visible, .de-status:visible").first
    words.wait_for()
    wait_until(page, "/cannot/.test(arg.textContent)", words.element_handle())
    # the healthy one does not mind
    healthy = Widget(page, tag)
    before = healthy.picture()
    healthy.role(MAIN[tag]).focus()
    page.keyboard.press("ArrowRight")
    assert healthy.picture() != before


ADD = """([tag, json]) => {
    const el = document.createElement(tag);
    const data = Object.assign(document.createElement("script"), { type: "application/json", textContent: json });
    el.append(data);
    el.dataset.added = "";
    document.querySelector("article").append(el);
}"""


@pytest.mark.parametrize("tag", TAGS)
def test_two_on_a_page_leave_each_other_alone(on, site, tag) -> None:
    page = on(tag)
    page.evaluate(ADD, [tag, json.dumps(payload(site.folder, tag))])
    second = Widget(page, tag, page.locator(tag).count() - 1)
    second.until("Boolean(s)")
    first = Widget(page, tag)
    assert first.state == second.state
    assert first.picture() == second.picture()
    before = first.picture()
    second.role(MAIN[tag]).focus()
    page.keyboard.press("ArrowRight")
    assert second.picture() != before
    assert first.picture() == before
    ids = page.eval_on_selector_all(f"{tag} [id]", "all => all.map((e) => e.id)")
    assert ids and len(ids) == len(set(ids))


@pytest.mark.parametrize("tag", TAGS)
def test_can_be_taken_away_and_put_back(on, tag) -> None:
    """As scripts of a page may do; it keeps its place and leaves no clockwork behind."""
    page = on(tag)
    widget = Widget(page, tag)
    widget.role(MAIN[tag]).focus()
    page.keyboard.press("ArrowRight")
    state, picture = widget.state, widget.picture()
    if widget.role("play").count():
        widget.role("play").click()
        widget.role("play").click()
        state, picture = widget.state, widget.picture()
    widget.el.evaluate("(el) => { const home = el.parentNode; el.remove(); delete el.state; home.append(el); }")
    widget.until("Boolean(s)")
    assert widget.state == state
    assert widget.picture() == picture


SHIFT = """() => new Promise((done) => {
    let sum = 0;
    const watcher = new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value;
    });
    watcher.observe({ type: "layout-shift", buffered: true });
    setTimeout(() => done(sum), 100);
})"""


@pytest.mark.parametrize("size", [b.WIDE, b.NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("tag", TAGS)
def test_keeps_its_room_while_it_starts(opened, tag, size) -> None:
    """The text below a widget may not jump when its script arrives."""
    with opened(HOMES[tag], size=size) as (page, _):
        shift = page.evaluate(SHIFT)
    assert shift < 0.1
