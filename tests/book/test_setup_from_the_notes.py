"""The page From the notes to the chapters: what it links to exists, and its corrections say where they are checked."""

import re

import nbformat
import pytest
from loading import ROOT

PAGE = (ROOT / "book/from-the-notes.md").read_text(encoding="utf-8")
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and line != "| the notes | the book |"]
LINK = re.compile(r"\[(\d+), ([^\]]+)\]\(\.\./notebooks/(\w+)\.ipynb#([^)]*)\)")
MATH = re.compile(r"\$[^$]*\$")


def anchors(name):
    """The sections of a chapter: the address within the page -> the words of the heading."""
    found = {}
    for cell in nbformat.read(ROOT / f"notebooks/{name}.ipynb", as_version=4).cells:
        if cell.cell_type != "markdown":
            continue
        for words in re.findall(r"^#{1,3} (.*)$", re.sub(r"^```.*?^```", "", cell.source, flags=re.M | re.S), re.M):
            # as myst_parser makes them: without formulas, and a number where one stands there already
            address = re.sub(r"[^\w\- ]", "", MATH.sub("", words).lower()).replace(" ", "-")
            number = 1
            while address in found:
                address, number = f"{address}-{number}", number + 1
            found[address] = words
    return found


def test_links_name_the_chapter_and_the_section_that_they_lead_to():
    links = LINK.findall(PAGE)
    assert len(links) > 80
    assert len(links) == PAGE.count(".ipynb"), "each link is of one form"
    sections = {name: anchors(name) for _, _, name, _ in links}
    for number, words, name, address in links:
        assert int(name[:2]) == int(number)
        assert sections[name].get(address) == words, (name, address, words)


def test_the_chapters_that_the_notes_speak_of_are_all_there():
    assert {int(number) for number, *_ in LINK.findall(PAGE)} >= {1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12}


@pytest.mark.parametrize("named", sorted(set(re.findall(r"`(tests/[^`]+)`", PAGE))))
def test_a_test_that_is_named_exists(named):
    path, _, name = named.partition("::")
    assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8")


def test_rows_have_two_cells_and_say_where():
    assert len(ROWS) > 60
    for row in ROWS:
        left, right = re.split(r" \| ", row.removeprefix("| ").removesuffix(" |"))
        assert left.endswith(".") and len(left) < 260, row
        assert LINK.search(right) or "so far" in right, row
        if "*Checked:*" in right or "Checked:*" in right:
            checked = right.split("Checked:*")[1]
            assert re.search(r"\{ref\}|\{eq\}|`tests/|\]\(", checked), row


def test_nothing_is_said_of_a_part_that_is_there_to_come():
    """When a chapter has come, its rows must be linked."""
    there = {path.name[:2] for path in (ROOT / "notebooks").glob("[01]*.ipynb")}
    assert "to come" not in PAGE
    assert ("In code only so far" in PAGE) == ("14" not in there), "chapter 14 is there: link its rows"
