"""The book for readers who use a keyboard or a screen reader: axe finds nothing, and Tab reaches everything."""

from __future__ import annotations

import itertools

import browser as b
import pytest
from widgets import HOMES, Widget

pytestmark = pytest.mark.browser
PAGES = b.toc_pages()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(visit, name, theme) -> None:
    found = [
        f"{violation['rule']} ({violation['impact']}): {node['target']}\n  {node['html']}\n  {node['why']}"
        for violation in visit(name).axe[theme]
        for node in violation["nodes"]
    ]
    assert found == [], "\n".join(found)


@pytest.mark.parametrize("name", PAGES)
def test_no_two_parts_of_a_page_have_one_id(visit, name) -> None:
    assert visit(name).facts["double_ids"] == []


# What tells a focused control from one that is not: its own look, or that of the boxes just around it.
LOOK = """() => {
    const el = document.activeElement;
    const look = [];
    for (let e = el, i = 0; e && i < 3; e = e.parentElement, i += 1) {
        const s = getComputedStyle(e);
        const none = s.outlineStyle === "none" || parseFloat(s.outlineWidth) === 0;
        const outline = none ? "" : `${s.outlineWidth} ${s.outlineColor}`;
        look.push([outline, s.boxShadow, s.borderColor, s.backgroundColor, s.textDecoration].join("|"));
    }
    return look.join(" / ");
}"""
STOP = """() => {
    const el = document.activeElement;
    if (!el || el === document.body) return null;
    window.stops ||= [];
    const again = window.stops.includes(el);
    window.stops.push(el);
    const box = el.getBoundingClientRect();
    return {
        again, role: el.dataset.role || "", name: el.localName,
        words: (el.ariaLabel || el.textContent || "").trim().slice(0, 40),
        seen: el.checkVisibility({ visibilityProperty: true })
            && box.width > 0 && box.bottom > 0 && box.top < innerHeight,
        widget: Boolean(el.closest(".de-widget")),
    };
}"""


def looks_focused(page) -> bool:
    """Whether the focused control looks different without the focus."""
    focused = page.evaluate(LOOK)
    plain = page.evaluate(f"""() => {{
        const el = document.activeElement, real = document.activeElement;
        el.blur();
        Object.defineProperty(document, "activeElement", {{ value: el, configurable: true }});
        const look = ({LOOK})();
        delete document.activeElement;
        real.focus({{ preventScroll: true, focusVisible: true }});
        return look;
    }}""")
    return focused != plain


@pytest.mark.parametrize("tag", sorted(HOMES))
def test_tab_reaches_every_control_and_shows_where_it_is(on, tag) -> None:
    page = on(tag)
    widget = Widget(page, tag)
    if tag == "schedule-explorer":
        widget.role("kind").select_option("custom")  # with the most controls
        widget.until("s.kind === 'custom'")
    if tag == "reverse-player":
        widget.role("compare").check()
        widget.until("s.other")
    assert widget.state, "it is drawn, and its buttons are as they stay"
    wanted = widget.el.evaluate("""(el) => {
        const groups = new Set();  // radio buttons of one name are one stop
        return [...el.querySelectorAll("button, select, input, summary, [tabindex='0']")].filter((e) => {
            if (!e.checkVisibility() || e.disabled || e.tabIndex < 0) return false;  // one stop of several: arrow keys
            if (e.type !== "radio") return true;
            return !groups.has(e.name) && groups.add(e.name);
        }).map((e) => e.dataset.role || e.localName);
    }""")
    widget.el.evaluate("""(el) => {
        const before = Object.assign(document.createElement("button"), { textContent: "before" });
        before.dataset.added = "";
        el.before(before);
        before.focus();
    }""")
    reached, unseen, plain = [], [], []
    for _ in range(len(wanted) + 1):
        page.keyboard.press("Tab")
        stop = page.evaluate(STOP)
        if not stop or not stop["widget"]:
            break
        reached.append(stop["role"] or stop["name"])
        if not stop["seen"]:
            unseen.append(stop["role"])
        if not looks_focused(page):
            plain.append(stop["role"])
    page.evaluate("() => { delete window.stops; }")
    assert sorted(reached) == sorted(wanted)
    assert unseen == [], "out of sight when focused"
    assert plain == [], "no mark of the focus"


def test_tab_walks_through_a_page_without_a_trap(opened) -> None:
    with opened(PAGES[0]) as (page, log):
        stops = []
        for _ in range(400):
            page.keyboard.press("Tab")
            stop = page.evaluate(STOP)
            if stop is None or stop["again"]:
                break
            stops.append(stop)
        else:
            pytest.fail("Tab never came to the end of the page")
        assert stops[0]["words"].lower().startswith("skip"), "the first stop leads past the navigation"
        words = {stop["words"] for stop in stops}
        inside = page.eval_on_selector_all(
            "article a[href], article button",
            """(all) => all.filter((e) => e.checkVisibility() && !e.matches(".headerlink"))
                .map((e) => (e.ariaLabel || e.textContent).trim().slice(0, 40))""",
        )
        assert [name for name in inside if name not in words] == []
        assert [stop for stop in stops if not stop["words"] and stop["name"] in ("a", "button")] == [], "without a name"
        assert log.problems() == []


@pytest.mark.parametrize("chapter", b.chapters())
def test_hidden_solutions_open_by_keyboard(visit, chapter) -> None:
    seen = visit(chapter).unfolded
    assert seen["count"] >= 3, "at least three exercises have a folded solution"
    assert seen["before"] == seen["bar"]
    assert len(seen["after"]) > len(seen["bar"]) + 20


@pytest.mark.parametrize("name", PAGES)
def test_headings_make_an_outline(visit, name) -> None:
    levels = visit(name).facts["headings"]
    assert levels[0] == 1
    steps = [(a, c) for a, c in itertools.pairwise(levels) if c > a + 1]
    assert steps == [], f"a level is left out: {levels}"
