"""What a reader meets on every page: pictures in the dark, folded solutions, and the search."""

from __future__ import annotations

import json
import re
from pathlib import Path

import browser as b
import pytest
from chromium import DRAWN, wait_until

pytestmark = pytest.mark.browser
PAGES = b.toc_pages()
CHAPTERS = b.chapters()
SIZES = {"phone": {"width": 390, "height": 844}, "wide": b.WIDE}
TEX = re.compile(r"\\[a-zA-Z,;!]+|\\\\|[_^]\{|\$[^$\s]")


@pytest.mark.parametrize("name", PAGES)
def test_no_picture_is_filtered_in_the_dark(visit, name) -> None:
    images = visit(name).dark["images"]
    assert [image["where"] for image in images if image["filter"] != "none"] == []


@pytest.mark.parametrize("name", ["notebooks/02_forward_noising", "notebooks/11_text_to_image"])
def test_pictures_are_there_to_be_filtered(visit, name) -> None:
    """In two chapters; one whose figures are all plots has none."""
    assert sum(image["figure"] for image in visit(name).dark["images"]) >= 2


@pytest.mark.parametrize("name", CHAPTERS)
def test_the_bar_of_a_solution_holds_no_link_and_all_of_its_words(visit, name) -> None:
    folds = visit(name).facts["folds"]
    assert len([fold for fold in folds if fold["solution"]]) >= 3
    for fold in folds:
        assert fold["links"] == 0 and fold["words"], fold
        assert fold["hint"] == '"Show"' and fold["fits"], fold


@pytest.mark.parametrize("size", SIZES)
def test_all_of_the_bar_opens_and_closes_a_solution(opened, size) -> None:
    with opened(CHAPTERS[1], size=SIZES[size], has_touch=True) as (page, log):
        address = page.url
        for fold in page.locator("details.de-fold").all():
            bar = fold.locator("> summary")
            box = bar.bounding_box()
            assert box and box["height"] >= 40, "a finger needs more"
            spots = [(6, 6), (box["width"] / 2, box["height"] / 2), (box["width"] - 6, box["height"] - 6)]
            for x, y in [*spots, spots[0]]:
                before = fold.evaluate("(e) => e.open")
                bar.tap(position={"x": x, "y": y})
                assert fold.evaluate("(e) => e.open") is not before, (x, y)
            bar.tap(position={"x": 6, "y": 6})
            assert fold.locator("> :not(summary)").first.is_visible()
            assert bar.evaluate("(e) => getComputedStyle(e.lastElementChild, '::before').content") == '"Hide"'
            bar.tap()
            assert not fold.locator("> :not(summary)").first.is_visible()
        assert page.url == address
        assert log.problems() == []


def test_solutions_are_open_on_paper(opened) -> None:
    with opened(CHAPTERS[1]) as (page, _):
        body = "() => [...document.querySelectorAll('details.de-fold > :nth-child(2)')].map((e) => e.checkVisibility())"
        assert not any(page.evaluate(body))
        page.emulate_media(media="print")
        heights = page.eval_on_selector_all(
            "details.de-fold > :nth-child(2)", "all => all.map((e) => e.getBoundingClientRect().height)"
        )
        assert len(heights) >= 3 and min(heights) > 10


def test_paper_has_no_controls_and_no_folded_code(opened) -> None:
    with opened(CHAPTERS[1]) as (page, _):
        waiting = "article .de-panel :is(input, select, button:not(:has(img, canvas))), article details.above-input"
        shown = f"() => [...document.querySelectorAll('{waiting}')].filter((e) => e.checkVisibility()).length"
        assert page.evaluate(shown) > 5
        page.emulate_media(media="print")
        assert page.evaluate(shown) == 0
        assert page.locator("article .de-panel canvas:visible").count() >= 3
        title = page.locator("#jb-print-docs-body h1")
        text = page.locator("article p:visible").first.bounding_box()
        assert title.evaluate("(e) => getComputedStyle(e).textAlign") == "left"
        assert abs(title.bounding_box()["x"] - text["x"]) <= 1


@pytest.mark.parametrize("name", CHAPTERS)
def test_what_a_cell_printed_is_wrapped_or_fades_where_it_goes_on(visit, name) -> None:
    cut = visit(name).cut  # on a phone
    assert all(columns and fade == "100% 100%" for columns, fade in cut), cut


def test_a_wide_image_keeps_its_letters_on_a_phone(opened) -> None:
    with opened("notebooks/07_sampling", size=SIZES["phone"]) as (page, _):
        boxes = page.evaluate("""() => [...document.querySelectorAll("article .de-wide-plot:has(img)")]
            .map((box) => [box.clientWidth, box.scrollWidth, box.style.getPropertyValue("--de-width")])""")
        assert boxes and all(wide > box for box, wide, _ in boxes), boxes
        assert all(abs(wide - 0.6 * int(width)) <= 1 for _, wide, width in boxes), boxes


def test_the_drawing_of_the_first_page_answers_a_pointer_and_rests_without(opened) -> None:
    pixels = "() => document.querySelector('canvas.de-hero').toDataURL()"
    with opened(PAGES[0], reduced_motion="reduce") as (page, log):
        page.mouse.move(2, 2)
        page.evaluate(DRAWN)
        rest = page.evaluate(pixels)
        box = page.locator("canvas.de-hero").bounding_box()
        assert box
        page.mouse.move(box["x"] + box["width"] / 3, box["y"] + box["height"] / 2)
        page.evaluate(DRAWN)
        pointed = page.evaluate(pixels)
        page.evaluate(DRAWN)
        assert pointed != rest and page.evaluate(pixels) == pointed, "it answers, and does not move by itself"
        page.mouse.move(2, 2)
        page.evaluate(DRAWN)
        assert page.evaluate(pixels) == rest
        assert log.problems() == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_asks_for_no_index_of_words(visit, name) -> None:
    assert [url for url in visit(name).log.asked if re.search(r"searchindex|searchtools|language_data", url)] == []


@pytest.mark.parametrize("size", SIZES)
def test_search_from_a_chapter(opened, size) -> None:
    with opened(CHAPTERS[1], size=SIZES[size], has_touch=True) as (page, log):
        page.locator(".search-button__button:visible").tap()
        field = page.locator("dialog[open] input[name=q]")
        check_field(page, "dialog[open]")
        field.fill("eta")
        field.press("Enter")
        page.wait_for_url("**/search.html?q=eta")
        check_field(page, ".bd-search-container")
        found = results(page)
        assert any("07_sampling" in href for href, _ in found)
        assert any("searchindex.js" in url for url in log.asked)
        assert log.problems() == []


def test_results_quote_the_page_as_a_reader_sees_it(opened) -> None:
    with opened("search") as (page, log):
        address = page.url
        for words in ("eta", "beta", "sigma", "noise schedule", "varepsilon", "target", "posterior variance"):
            page.goto(f"{address}?q={words}")
            found = results(page)
            assert found, words
            assert [text for _, text in found if TEX.search(text)] == [], words
        assert log.problems() == []


def test_scripts_of_the_search_block_nothing(opened) -> None:
    with opened("search") as (page, _):
        scripts = page.eval_on_selector_all("script[src]", "all => all.map((s) => [s.getAttribute('src'), s.defer])")
        mine = {src.split("/")[-1].split("?")[0]: defer for src, defer in scripts}
        assert all(mine[name] for name in ("searchindex.js", "searchtools.js", "language_data.js", "search_quotes.js"))


def check_field(page, place: str) -> None:
    """The icon stands before the words of a search field."""
    icon = page.locator(f"{place} .fa-magnifying-glass").bounding_box()
    field = page.locator(f"{place} input[name=q]")
    box = field.bounding_box()
    inset = field.evaluate("(e) => parseFloat(getComputedStyle(e).paddingLeft)")
    assert icon and box and icon["width"] > 8
    assert icon["x"] + icon["width"] <= box["x"] + inset


def results(page) -> list[tuple[str, str]]:
    """Address and text of each result, when all have come."""
    page.wait_for_selector("#search-results p.search-summary:not(:empty)")
    rows = page.locator("#search-results ul.search > li")
    whole = "[...document.querySelectorAll('ul.search > li')].every((e) => e.querySelector('p, span'))"
    wait_until(page, whole)  # what is quoted of a page comes when that page has been read
    return [tuple(row.evaluate("(e) => [e.querySelector('a').href, e.textContent]")) for row in rows.all()]


def test_a_chapter_can_be_taken_along_as_a_plain_notebook(opened, site) -> None:
    chapter = CHAPTERS[1]
    with opened(chapter, size=SIZES["phone"], has_touch=True, accept_downloads=True) as (page, log):
        link = page.get_by_role("link", name="Download this chapter as a plain notebook")
        with page.expect_download() as found:
            link.tap()
        name = f"{chapter.split('/')[1]}.ipynb"
        assert found.value.suggested_filename == name
        taken = Path(found.value.path()).read_bytes()
        assert taken == (site.folder / "plain" / name).read_bytes()
        assert json.loads(taken)["cells"][0]["id"] == "install"
        assert log.problems() == []


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_plain_notebook_has_the_numbers_of_the_page(site, chapter) -> None:
    text = (site.folder / f"{chapter}.html").read_text(encoding="utf-8")
    article = text[text.index("<article") : text.index("</article>")]
    name = f"{chapter.split('/')[1]}.ipynb"
    cells = json.loads((site.folder / "plain" / name).read_text(encoding="utf-8"))["cells"]
    words = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    assert f'href="../plain/{name}" download' in article
    for shown, said in (
        (r'class="eqno">\((\d+\.\d+)\)', r"\\tag\{(\d+\.\d+)\}"),
        (r'class="caption-number">Fig. (\d+\.\d+) ', r"^\*\*Fig\. (\d+\.\d+)\*\*"),
        (r'class="admonition-title">(?:<[^>]*>)*Exercise (\d+\.\d+)', r"^### Exercise (\d+\.\d+)"),
    ):
        numbers = re.findall(shown, article)
        assert len(numbers) >= 1
        assert re.findall(said, words, re.M) == numbers


def test_no_page_speaks_of_what_was_not_measured(site) -> None:
    pages = [path for folder in ("book", "notebooks") for path in (site.folder / folder).glob("*.html")]
    assert len(pages) == len(PAGES)
    absent = re.compile(r"not measured yet|not yet (?:been )?measured", re.I)
    assert [path.name for path in pages if absent.search(path.read_text(encoding="utf-8"))] == []
