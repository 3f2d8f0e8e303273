"""Every page of the built book, from a server and from the disk: it opens, it is whole, and it stays at home."""

from __future__ import annotations

import gzip
import pickle
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import browser as b
import pytest

pytestmark = pytest.mark.browser
PAGES = b.toc_pages()
MOST_BYTES = 500 * 1024  # until the page stands there: the faces take 70, the stored runs of a text painter 90
MOST_BYTES_IN_ALL = 850 * 1024  # with the figures that come when the reader nears them
ZIPPED = {".html", ".js", ".css", ".svg", ".json"}
RAW_TEX = re.compile(
    r"\$\$|\\(?:frac|sqrt|bar|alpha|beta|epsilon|mathbf|mathcal|sum|left|text|begin)\b|\$[^$\s][^$\n]*\$"
)
EXTRA = ["search", "genindex", "source/src/diffusion_edu/diffusion/process"]  # pages that no table of contents names


@pytest.fixture(params=PAGES)
def name(request) -> str:
    return request.param


def test_every_page_of_the_contents_is_built(site) -> None:
    assert len(PAGES) > 5
    assert [page for page in [*PAGES, "index"] if not (site.folder / f"{page}.html").is_file()] == []


def test_opens_from_a_server_without_a_complaint(visit, name) -> None:
    log = visit(name).log
    assert log.asked, "nothing was asked for: the page was not watched"
    assert log.problems() == []


@pytest.mark.parametrize("page_name", [*PAGES, *EXTRA])
def test_opens_from_the_disk_without_a_complaint(opened, site, page_name) -> None:
    with opened(page_name, scheme="file") as (page, log):
        b.scroll_through(page, log)
        found = b.facts(page)
        assert log.problems() == []
        assert found["h1"] >= 1
        assert all(drawn for _, drawn in found["widgets"]), found["widgets"]
        assert all(image["loaded"] for image in found["images"] if image["figure"])
        # the style sheets have arrived: the sidebar stands beside the text, formulas have their fonts
        assert found["formulas"]["unstyled"] == found["formulas"]["doubled"] == 0
        assert page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--de-violet').trim()")


@pytest.mark.parametrize("page_name", ["index", *EXTRA])
def test_other_pages_open_from_a_server(opened, page_name) -> None:
    with opened(page_name) as (page, log):
        b.scroll_through(page, log)
        assert log.problems() == []
        assert page.title()


def test_search_finds_a_chapter(opened) -> None:
    with opened("search") as (page, log):
        page.goto(page.url + "?q=posterior")
        page.wait_for_selector("#search-results li a")
        found = page.eval_on_selector_all("#search-results li a", "links => links.map((a) => a.href)")
        assert any("/notebooks/" in href or "/book/" in href for href in found), found
        assert log.problems() == []


def test_title_and_description_say_what_the_page_is(visit, name) -> None:
    found = visit(name).facts
    assert found["language"] == "en"
    assert len(found["title"]) > 10
    assert found["h1"] == 1
    assert 30 <= len(found["description"]) <= 320, found["description"]


def test_no_two_pages_have_one_title_or_description(site) -> None:
    texts = [(site.folder / f"{name}.html").read_text(encoding="utf-8") for name in PAGES]
    for pattern in (r"<title>(.*?)</title>", r'<meta [^>]*name="description"[^>]*>'):
        found = [re.search(pattern, text, re.S) for text in texts]
        assert len({match[0] for match in found if match}) == len(PAGES), pattern


EXTENSIONS = Path(__file__).resolve().parents[3] / "book/_ext"


def formulas_in_source(folder: Path, name: str) -> int:
    """How many formulas the builder read in the source of a page."""
    from docutils import nodes

    path = folder.parent / ".doctrees" / f"{name}.doctree"
    if not path.is_file():
        pytest.fail(f"{path} is missing: build the book anew (`make clean book`)", pytrace=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(EXTENSIONS))  # a page may hold nodes of the book's own
        tree = pickle.loads(path.read_bytes())
    return sum(1 for _ in tree.findall(nodes.math)) + sum(1 for _ in tree.findall(nodes.math_block))


def test_every_formula_is_set(visit, site, name) -> None:
    found = visit(name).facts["formulas"]
    assert found["katex"] == formulas_in_source(site.folder, name)
    assert found["errors"] == found["bare"] == []
    assert found["unstyled"] == found["doubled"] == found["empty"] == 0


def test_no_raw_tex_is_shown(visit, name) -> None:
    assert RAW_TEX.findall(visit(name).facts["prose"]) == []


@pytest.mark.parametrize("chapter", b.chapters())
def test_chapters_hold_formulas_and_numbered_equations(visit, chapter) -> None:
    found = visit(chapter).facts
    assert found["formulas"]["katex"] >= 10
    assert found["equations"]


def test_numbered_equations_name_their_function_and_test(visit, site, name) -> None:
    number = re.match(r"notebooks/0*(\d+)_", name)
    for equation in visit(name).facts["equations"]:
        assert equation["links"] >= 2, f"{equation['id']} has no line 'code ... test ...'"
        if number:
            assert equation["number"].startswith(f"({number[1]}."), equation
    checked = [link for link in visit(name).facts["links"] if link["checked"]]
    assert all(re.search(r"/source/.*#L\d+$", link["href"]) for link in checked), checked


def test_pictures_load_and_say_what_they_show(visit, name) -> None:
    images = visit(name).facts["images"]
    assert [image["src"] for image in images if not image["loaded"]] == []
    assert [image["where"] for image in images if image["alt"] is None] == []
    for image in images:
        if image["figure"]:
            assert image["alt"].count(" ") >= 3, f"{image['where']}: the text {image['alt']!r} describes no figure"
            assert not re.search(r"[0-9a-f]{16}|\.png", image["alt"]), image["alt"]


def test_figures_keep_their_ground_in_dark_mode(visit, name) -> None:
    assert [figure for figure in visit(name).transparency if figure["clear"] > 0.01] == []


def test_of_images_for_each_theme_one_is_shown_and_both_are_there(visit, site, name) -> None:
    seen = visit(name)
    for facts, dark in ((seen.facts, False), (seen.dark, True)):
        for pair in facts["pairs"]:
            assert [for_dark for _, for_dark, _ in pair] == [False, True], pair
            shown = [for_dark for _, for_dark, is_shown in pair if is_shown]
            assert shown in ([dark], []), f"{pair}; neither where they are in a fold"
            for address, _, _ in pair:
                assert b.local_path(address, site.http, site.folder).is_file(), address


@pytest.mark.parametrize("name", ["notebooks/07_sampling"])
def test_strips_of_images_follow_the_theme(visit, name) -> None:
    seen = visit(name)
    shown = [pair for pair in seen.dark["pairs"] if any(is_shown for *_, is_shown in pair)]
    assert len(shown) >= 4, "others are in a fold, and small strips stand in the page itself"


class Ids(HTMLParser):
    """The anchors of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag, attrs) -> None:
        for key, value in attrs:
            if key == "id" or (tag == "a" and key == "name"):
                self.found.add(value)


_ids: dict[Path, set[str]] = {}


def anchors(path: Path) -> set[str]:
    if path not in _ids:
        parser = Ids()
        parser.feed(path.read_text(encoding="utf-8"))
        _ids[path] = parser.found
    return _ids[path]


def dead_links(links: list[dict], base: str, folder: Path) -> list[str]:
    """Links into the site that lead to no file or to no anchor of it; and links that are neither inside nor https."""
    dead = []
    for link in links:
        href = link["href"]
        if not href.startswith(base):
            if not href.startswith(("https://", "mailto:")):
                dead.append(href)
            continue
        path = b.local_path(href, base, folder)
        anchor = unquote(urlsplit(href).fragment)
        # scripts of the theme hang on "#" alone, which is the page itself
        if not path.is_file() or (anchor and path.suffix == ".html" and anchor not in anchors(path)):
            dead.append(f"{link['raw']} ({link['words']})")
    return dead


def test_links_lead_somewhere(visit, site, name) -> None:
    links = visit(name).facts["links"]
    assert len(links) > 10
    assert dead_links(links, site.http, site.folder) == []


def test_a_dead_link_would_be_seen(site) -> None:
    page = b.toc_pages()[0]
    links = [
        {"href": f"{site.http}{rest}", "raw": rest, "words": ""}
        for rest in ("no/such.html", f"{page}.html#no-such-anchor")
    ]
    assert len(dead_links(links, site.http, site.folder)) == 2


@pytest.mark.parametrize("width", ["wide", "narrow"])
def test_nothing_sticks_out_of_the_page(visit, name, width) -> None:
    found = visit(name).overflow[width]
    assert found["out"] == []
    assert found["page"] <= 0


def test_follows_the_readers_dark_theme(visit, name) -> None:
    seen = visit(name)
    assert (seen.facts["theme"], seen.dark["theme"]) == ("light", "dark")
    assert seen.facts["background"] > 0.7
    assert seen.dark["background"] < 0.05


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_text_has_contrast(visit, name, theme) -> None:
    """Formulas and charts too, which tools for screen readers pass over."""
    assert visit(name).contrast[theme] == []


def test_theme_button_changes_the_theme_and_the_site_remembers(opened) -> None:
    with opened(PAGES[0], color_scheme="light") as (page, log):
        theme = "document.documentElement.dataset.theme"
        for _ in range(3):  # light, dark and the system's own, in turn
            page.locator("button.theme-switch-button:visible").first.click()
            if page.evaluate(theme) == "dark":
                break
        assert page.evaluate(theme) == "dark"
        page.goto(page.url.replace(PAGES[0], PAGES[1]))
        assert page.evaluate(theme) == "dark"
        assert log.problems() == []


def weight(asked: list[str], base: str, folder: Path) -> dict[str, int]:
    """What each thing that a page loads weighs on the line, where text is compressed."""
    sizes = {}
    for url in asked:
        if url.startswith(base):
            path = b.local_path(url, base, folder)
            data = path.read_bytes()
            sizes[path.relative_to(folder).as_posix()] = (
                len(gzip.compress(data, 6)) if path.suffix in ZIPPED else len(data)
            )
    return sizes


@pytest.mark.parametrize("chapter", b.chapters())
def test_a_chapter_is_light(visit, site, chapter, capsys) -> None:
    seen = visit(chapter)
    first, whole = (weight(asked, site.http, site.folder) for asked in (seen.at_first, seen.log.asked))
    heaviest = sorted(whole.items(), key=lambda item: -item[1])[:6]
    with capsys.disabled():
        print(
            f"\n{chapter}: {sum(first.values()) / 1000:.0f} KB in {len(first)} files to open, "
            f"{sum(whole.values()) / 1000:.0f} KB in all"
        )
    assert any(name.endswith(".css") for name in first) and f"{chapter}.html" in first
    assert sum(first.values()) <= MOST_BYTES, heaviest
    assert sum(whole.values()) <= MOST_BYTES_IN_ALL, heaviest


def test_no_page_loads_what_the_book_left_out(visit, name) -> None:
    heavy = re.compile(r"fontawesome.*\.js|mathjax|require(\.min)?\.js|thebe|html-manager", re.I)
    assert [url for url in visit(name).log.asked if heavy.search(url)] == []
