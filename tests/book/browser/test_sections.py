"""Sections below the first screen are laid out when they come near (sections.js), and nobody is led astray."""

from __future__ import annotations

import browser as b
import pytest
from chromium import wait_until

pytestmark = pytest.mark.browser
CHAPTER = "notebooks/05_unet"
SIZES = {"phone": {"width": 390, "height": 844}, "wide": b.WIDE}
SECTIONS = ".bd-article > section > section"
# Asked without a change: to ask a section for its place would lay it out.
HIDDEN = f"""() => [...document.querySelectorAll("{SECTIONS}")].filter((section) =>
    !section.lastElementChild.checkVisibility({{contentVisibilityAuto: true}})).length"""
TOP = "(id) => document.getElementById(id).getBoundingClientRect().top"
LAST = f'() => [...document.querySelectorAll("{SECTIONS}")].at(-2).id'


@pytest.mark.parametrize("size", SIZES)
def test_a_reader_who_begins_has_all_of_it_soon(opened, size) -> None:
    with opened(CHAPTER, size=SIZES[size], whole=False) as (page, log):
        assert page.evaluate(HIDDEN) > 3, "the first screen waits for what is far below it"
        page.evaluate("scrollBy(0, 200)")
        wait_until(page, "!document.documentElement.classList.contains('de-near')")
        assert page.evaluate(HIDDEN) == 0
        assert log.problems() == []


@pytest.mark.parametrize("size", SIZES)
def test_a_menu_that_scrolls_by_itself_is_no_reader(opened, size) -> None:
    """The theme brings the name of the page into view, which for the last chapter moves the menu."""
    menu = "document.querySelector('.bd-sidebar-primary').scrollTop"
    with opened(b.chapters()[-1], size=SIZES[size], whole=False) as (page, _):
        page.evaluate(f"() => {menu} > 0 || {menu.replace('.scrollTop', '.scrollTo(0, 50)')}")
        wait_until(page, f"{menu} > 0")
        page.evaluate("() => new Promise((done) => setTimeout(done, 500))")
        assert page.evaluate(HIDDEN) > 3


@pytest.mark.parametrize("size", SIZES)
def test_a_link_into_the_page_leads_to_its_place(opened, size) -> None:
    """From another page, from this one, and by a changed address; the place stays when the rest has been laid out."""
    with opened(CHAPTER, size=SIZES[size], whole=False) as (page, _):
        name = page.evaluate(LAST)
        height = page.evaluate("innerHeight")

        def arrived():
            wait_until(page, f"(({TOP})('{name}') > -5) && (({TOP})('{name}') < {height / 3})")
            page.evaluate("() => new Promise((done) => setTimeout(done, 500))")
            assert -5 < page.evaluate(TOP, name) < height / 3

        address = page.url
        page.evaluate("(id) => { location.hash = id; }", name)
        arrived()
        page.goto("about:blank")
        page.goto(f"{address}#{name}")
        b.settle(page, whole=False)
        arrived()
        page.goto("about:blank")
        page.goto(address)
        b.settle(page, whole=False)
        assert page.evaluate(HIDDEN) > 3
        page.evaluate("(id) => document.querySelector(`.page-toc a[href='#${id}'], a[href='#${id}']`).click()", name)
        arrived()


def test_the_way_back_leads_to_where_one_was(opened) -> None:
    with opened(CHAPTER, whole=False) as (page, _):
        page.evaluate("scrollBy(0, 200)")
        wait_until(page, f"({HIDDEN})() === 0")
        page.evaluate("scrollTo({top: 6000, behavior: 'instant'})")
        wait_until(page, "Math.abs(scrollY - 6000) < 2")
        page.reload()
        b.settle(page, whole=False)
        wait_until(page, "Math.abs(scrollY - 6000) < 60")


def test_boxes_that_scroll_are_reached_by_the_keyboard(opened) -> None:
    """Also those that were far below, or folded, when the page came."""
    boxes = "() => [...document.querySelectorAll('.bd-article pre')].filter((e) => e.checkVisibility())"
    wrong = f"""() => ({boxes})().filter((e) =>
        (e.scrollWidth > e.clientWidth || e.scrollHeight > e.clientHeight) !== (e.tabIndex === 0)).length"""
    with opened("notebooks/04_convolution_sizes", size=SIZES["phone"], whole=False) as (page, _):
        page.evaluate("scrollBy(0, 200)")
        wait_until(page, f"({HIDDEN})() === 0")
        wait_until(page, f"({wrong})() === 0")
        before = page.evaluate(f"({boxes})().length")
        page.evaluate("document.querySelectorAll('.bd-article details').forEach((fold) => { fold.open = true; })")
        assert page.evaluate(f"({boxes})().length") > before
        wait_until(page, f"({wrong})() === 0")
        assert page.evaluate(f"({boxes})().some((e) => e.tabIndex === 0)")


def test_without_scripts_nothing_waits(opened) -> None:
    with opened(CHAPTER, java_script_enabled=False) as (page, _):
        assert page.locator(".de-near").count() == 0
        assert page.locator(SECTIONS).last.evaluate("(e) => getComputedStyle(e).contentVisibility") == "visible"
