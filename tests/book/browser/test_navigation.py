"""Finding the way: the menu and the contents open where a reader taps, and the book's links lead through all of it."""

from __future__ import annotations

import re

import browser as b
import pytest
from chromium import DRAWN, wait_until

pytestmark = pytest.mark.browser
PAGES = b.toc_pages()
OPEN = [name for name in PAGES if not name.startswith("book/api-")]  # the others stand in a fold of the menu
CHAPTER = b.chapters()[1]
PHONE = {"width": 390, "height": 844}
HALF = {"width": 800, "height": 900}
SIZES = {"phone": PHONE, "half": HALF}
MENU, CONTENTS = ".primary-toggle", ".secondary-toggle"
# The links of a drawer that a reader sees: inside the window, and nothing of the page lies over them.
SEEN = """(part) => [...part.querySelectorAll("a")].filter((a) => {
    a.scrollIntoView({ block: "nearest" });
    const box = a.getBoundingClientRect();
    const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    return box.width > 0 && box.x >= 0 && box.right <= innerWidth && (a === top || a.contains(top));
}).map((a) => a.href)"""


def address(href: str) -> str:
    """The page of an address, such as "notebooks/02_forward_noising"."""
    return href.split("#")[0].split("/", 3)[3].removesuffix(".html")


def tap(page, selector: str) -> None:
    """Tap the one button of a kind that the page shows."""
    shown = page.locator(f"{selector}:visible")
    assert shown.count() == 1, f"{page.url} shows {shown.count()} buttons {selector}"
    shown.tap()


def drawer(page):
    """The drawer that is open."""
    opened = page.locator("dialog[open]")
    assert opened.count() == 1, f"{opened.count()} drawers are open"
    wait_until(page, "document.querySelector('dialog[open]').getAnimations({subtree: true}).length === 0")
    return opened


@pytest.mark.parametrize("size", SIZES)
def test_the_menu_opens_and_leads_to_every_page(opened, size) -> None:
    with opened(CHAPTER, size=SIZES[size], has_touch=True) as (page, log):
        assert page.locator("dialog[open]").count() == 0
        tap(page, MENU)
        seen = [address(href) for href in drawer(page).evaluate(SEEN)]
        assert list(dict.fromkeys(seen[1:])) == OPEN[1:]
        assert seen[0] == PAGES[0], "the name of the book leads to the first page"
        drawer(page).locator(".toctree-toggle").tap()
        seen = [address(href) for href in drawer(page).evaluate(SEEN)]
        assert list(dict.fromkeys(seen[1:])) == PAGES[1:], "with those under the page of the reference"
        page.keyboard.press("Escape")
        assert page.locator("dialog[open]").count() == 0
        tap(page, MENU)
        drawer(page).locator(f"a[href$='{b.chapters()[3].split('/')[1]}.html']").tap()
        page.wait_for_url(f"**/{b.chapters()[3]}.html")
        assert log.problems() == []


@pytest.mark.parametrize("size", SIZES)
def test_the_contents_of_a_page_open_and_lead_to_its_parts(opened, size) -> None:
    with opened(CHAPTER, size=SIZES[size], has_touch=True) as (page, log):
        tap(page, CONTENTS)
        seen = [href.split("#")[1] for href in drawer(page).evaluate(SEEN)]
        parts = page.eval_on_selector_all("article section section[id]", "all => all.map((e) => e.id)")
        assert len(parts) >= 8 and set(seen) <= set(parts) and len(seen) >= len(parts) - 2
        last = seen[-1]
        drawer(page).locator(f"a[href$='#{last}']").tap()
        page.wait_for_url(f"**#{last}")
        assert log.problems() == []


def test_a_wide_page_has_both_lists_and_the_menu_button_folds_the_left_one(opened) -> None:
    with opened(CHAPTER, size=b.WIDE, has_touch=True) as (page, log):
        left, right = page.locator("#pst-primary-sidebar"), page.locator("#pst-secondary-sidebar")
        pages = [address(href) for href in left.evaluate(SEEN)]
        assert list(dict.fromkeys(pages)) == OPEN
        page.evaluate("scrollTo(0, 0)")
        assert len(right.evaluate(SEEN)) >= 8
        assert page.locator(f"{CONTENTS}:visible").count() == 0, "a button for a list that stands there"
        wide = page.locator("article").bounding_box()
        tap(page, MENU)
        wait_until(page, "getComputedStyle(document.querySelector('#pst-primary-sidebar')).opacity === '0'")
        assert not left.is_visible()
        folded = page.locator("article").bounding_box()
        assert wide and folded and folded["x"] < wide["x"]
        tap(page, MENU)
        left.wait_for(state="visible")
        assert log.problems() == []


def test_the_name_of_the_book_and_the_search_stay_in_sight(opened) -> None:
    with opened(b.chapters()[-1], size=b.WIDE) as (page, _):
        left = page.locator("#pst-primary-sidebar")
        assert left.evaluate("(e) => e.scrollTop") > 100, "the list is scrolled to the page that is open"
        for part in (".navbar-brand", ".search-button__button"):
            box = left.locator(part).bounding_box()
            assert box and box["y"] >= 0 and box["y"] + box["height"] < 200, part
        head = left.locator(".search-button__button").bounding_box()
        here = left.locator("a.current").bounding_box()
        assert head and here and here["y"] > head["y"] + head["height"]


@pytest.mark.parametrize("size", [*SIZES, "wide"])
def test_no_tap_leaves_a_tooltip_over_the_page(opened, size) -> None:
    with opened(CHAPTER, size=SIZES.get(size, b.WIDE), has_touch=True) as (page, _):
        for button in (".search-button__button", ".theme-switch-button", MENU):
            tap(page, button)
            page.keyboard.press("Escape")
        page.wait_for_timeout(300)  # a tooltip fades in
        assert page.locator(".tooltip").count() == 0
        assert page.locator("header button[title], .bd-header-article button[title]").count() == 0


def test_a_phone_walks_the_book_from_the_first_page_to_the_last(opened) -> None:
    with opened(PAGES[0], size=PHONE, has_touch=True) as (page, log):
        walked = [address(page.url)]
        while (onward := page.locator("a.right-next:visible")).count() and len(walked) <= len(PAGES):
            tap(page, MENU)
            here = drawer(page).locator("li.current a.current")
            if walked[-1] != PAGES[0]:  # the first page stands in the menu as the name of the book
                assert here.count() == 1 and address(here.evaluate("(a) => a.href")) == walked[-1]
            page.keyboard.press("Escape")
            before = page.url
            onward.tap()
            page.wait_for_url(lambda url, before=before: url != before)
            b.settle(page)  # while the rest of a page is laid out its end moves
            walked.append(address(page.url))
        assert walked == PAGES
        assert log.problems() == []


def test_a_chapter_read_to_its_end_is_marked_and_the_mark_stays_in_this_browser(opened) -> None:
    marked = "[...document.querySelectorAll('.bd-sidebar-primary a.de-read')].map((a) => a.href)"
    with opened(CHAPTER, size=b.WIDE) as (page, log):
        assert page.evaluate(marked) == []
        page.evaluate("document.querySelector('.prev-next-footer').scrollIntoView()")
        wait_until(page, f"{marked}.length")
        assert [address(href) for href in page.evaluate(marked)] == [CHAPTER]
        page.goto(page.url.replace(CHAPTER.split("/")[1], b.chapters()[2].split("/")[1]))
        b.settle(page, whole=False)
        assert [address(href) for href in page.evaluate(marked)] == [CHAPTER], "the next page knows it too"
        assert page.locator("a.de-read").first.text_content().endswith(" (read)"), "said to screen readers"
        assert log.problems() == []
    with opened(CHAPTER, size=b.WIDE) as (page, _):
        assert page.evaluate(marked) == [], "another reader's browser knows nothing of it"


def test_a_browser_that_keeps_nothing_reads_without_marks(opened) -> None:
    with opened(CHAPTER, size=b.WIDE) as (page, log):
        page.add_init_script("""const write = Storage.prototype.setItem;
            Storage.prototype.setItem = function (key, value) {
                if (key === "diffusion-edu-read") throw new Error("full");
                write.call(this, key, value);
            };""")
        page.reload()
        b.settle(page)
        page.evaluate("document.querySelector('.prev-next-footer').scrollIntoView()")
        page.evaluate(DRAWN)
        assert page.locator("a.de-read").count() == 0
        assert log.problems() == []


def test_each_reference_leads_to_the_paper_and_back_to_where_it_is_cited(opened) -> None:
    with opened("book/references", size=b.WIDE) as (page, log):
        entries = page.evaluate("""[...document.querySelectorAll("div.citation")].map((entry) => ({
            label: entry.querySelector(".label").textContent,
            out: [...entry.querySelectorAll("a[href^='https:']")].map((a) => a.href),
            back: [...entry.querySelectorAll(".de-cited a")].map((a) => a.href) }))""")
        assert len(entries) > 50
        for entry in entries:
            assert re.search(r", (19|20)\d\d[a-z]?\]?$", entry["label"]), entry
            assert len(entry["out"]) == 1, entry
            assert re.match(r"https://(arxiv\.org|doi\.org|jmlr\.org)/", entry["out"][0]), entry
            assert entry["back"], entry
        page.goto(entries[0]["back"][0])
        place = page.locator(f"#{entries[0]['back'][0].split('#')[1]}")
        assert entries[0]["label"].strip("[]").split(",")[0] in place.text_content()
        assert log.problems() == []


def test_the_faces_come_with_the_book(opened) -> None:
    with opened(CHAPTER, size=b.WIDE) as (page, log):
        wait_until(page, "document.fonts.status === 'loaded'")
        faces = page.evaluate("[...document.fonts].filter((f) => f.status === 'loaded').map((f) => f.family)")
        assert {"Book Text", "Book Heading"} <= {face.strip('"') for face in faces}
        assert log.problems() == []
