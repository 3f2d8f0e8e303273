"""Widgets fetch their code and their runs when they are near (_assets/widgets.js), and say so when they cannot."""

from __future__ import annotations

import browser as b
import pytest
from chromium import wait_until

pytestmark = pytest.mark.browser
CHAPTER = "notebooks/01_noise_and_back"
FIRST, FAR = "flow-explorer", "live-sampler"
WAITS = "(tag) => document.querySelectorAll(`${tag} > script[data-run]`).length"


def asked(log, part):
    return [address for address in log.asked if part in address]


@pytest.mark.parametrize("scheme", ["http", "file"])
def test_the_first_screen_has_its_widget_and_the_others_wait_for_the_reader(opened, scheme) -> None:
    with opened(CHAPTER, scheme=scheme, size=b.NARROW, whole=False) as (page, log):
        wait_until(page, f"document.querySelector('{FIRST}').state")
        assert page.evaluate(WAITS, FAR) > 0 and asked(log, "page/live.js") == []
        assert page.locator(f"{FAR} > img").count() == 1, "its picture stands there meanwhile"
        page.evaluate("scrollBy(0, 100)")
        wait_until(page, f"document.querySelector('{FAR}').state")
        assert len(asked(log, "page/live.js")) == 1 and page.evaluate(WAITS, FAR) == 0
        assert log.problems() == []


@pytest.mark.parametrize("missing", ["_static/run/", "_static/page/flow.js"])
def test_what_cannot_be_fetched_is_told_and_the_picture_stays(chromium, site, missing) -> None:
    context = chromium.new_context(viewport=b.NARROW)
    context.route(f"**/*{missing}*", lambda route: route.abort())
    page = context.new_page()
    page.goto(site.url(CHAPTER))
    words = page.locator(f"{FIRST} + p[role=alert]")
    words.wait_for()
    assert "could not be loaded" in words.inner_text()
    assert page.locator(f"{FIRST} > img").is_visible()
    context.close()


def test_whoever_comes_to_a_place_of_the_page_finds_all_widgets(opened) -> None:
    with opened(CHAPTER, whole=False) as (page, _):
        address = page.url
        page.goto("about:blank")
        page.goto(f"{address}#exercises")
        wait_until(page, f"document.querySelector('{FIRST}').state && document.querySelector('{FAR}').state")


def test_all_scripts_of_a_page_run_and_say_so(opened) -> None:
    with opened(CHAPTER, whole=False) as (page, log):
        assert page.evaluate("document.documentElement.dataset.scripts") == "run"
        assert page.locator(".copybtn").count() > 5, "of the theme's scripts, this one gives each cell a button"
        assert log.problems() == []


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_the_first_picture_has_the_colors_of_the_readers_system(chromium, site, scheme) -> None:
    """Also where the theme's script has not come yet."""
    context = chromium.new_context(viewport=b.NARROW, color_scheme=scheme)
    context.route("**/site.js*", lambda route: route.abort())
    page = context.new_page()
    page.goto(site.url(CHAPTER))
    shade = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert (max(shade) < 100) if scheme == "dark" else (min(shade) > 200), shade
    context.close()


def test_without_scripts_the_images_of_widgets_keep_their_shape(opened) -> None:
    with opened(CHAPTER, size=b.NARROW, java_script_enabled=False) as (page, _):
        shapes = page.evaluate("""() => [...document.querySelectorAll(":not(:defined) > img")].map((image) =>
            [image.clientWidth / image.clientHeight, image.naturalWidth / image.naturalHeight])""")
        assert len(shapes) == 2
        assert [pair for pair in shapes if pair[0] != pytest.approx(pair[1], rel=0.02)] == []
