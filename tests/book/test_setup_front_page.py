"""The way into the book: the cards of the first page, and the film of the README."""

import re
import sys
from pathlib import Path

import pytest
import yaml
from docutils import nodes
from PIL import Image
from sphinx import addnodes

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "book/_ext"))
import chapter_cards  # noqa: E402

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_every_chapter_says_how_long_it_takes(path):
    assert 20 <= chapter_cards.minutes(path) <= 90


def test_the_hours_of_the_book_are_those_of_its_chapters():
    total = sum(chapter_cards.minutes(path) for path in NOTEBOOKS)
    assert chapter_cards.together(len(NOTEBOOKS), total).startswith(
        f"{len(NOTEBOOKS)} chapters, about {total / 60:.0f} h"
    )


@pytest.mark.parametrize("file", ["book/preface.md", "README.md"])
def test_the_time_is_told_at_the_start_as_the_chapters_tell_it(file):
    start = (ROOT / file).read_text(encoding="utf-8").split("\n## ")[0]
    hours = round(sum(chapter_cards.minutes(path) for path in NOTEBOOKS) / 60)
    told = re.search(r"(\d+) chapters\b.*? about (\d+) hours", start)
    assert told and (int(told[1]), int(told[2])) == (len(NOTEBOOKS), hours)
    assert "a little PyTorch" in start


def test_the_first_page_leads_on_to_the_first_chapter():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    first = toc["parts"][0]["chapters"][0]["file"]
    assert first == f"notebooks/{NOTEBOOKS[0].stem}"
    button = (ROOT / f"{toc['root']}.md").read_text(encoding="utf-8").split("{button-ref} ")[1].split()[0]
    assert button == f"/{first}", "the button and the Next of the first page"


class App:
    """As much of Sphinx as the cards ask for."""

    class env:
        docname = "book/preface"

        @staticmethod
        def note_dependency(_):
            pass

    class builder:
        format = "html"


def page(*names):
    items = []
    for name in names:
        link = addnodes.pending_xref("", nodes.inline("", name), reftarget=f"/notebooks/{name}")
        words = nodes.paragraph("", f"the question of {name}?")
        items.append(nodes.definition_list_item("", nodes.term("", "", link), nodes.definition("", words)))
    document = nodes.document("", "")
    document += nodes.section("", nodes.title("", "The map"), nodes.definition_list("", *items), ids=["the-map"])
    return document


def test_each_entry_of_the_list_becomes_a_card_with_its_link_question_and_minutes():
    names = [path.stem for path in NOTEBOOKS[:3]]
    document = page(*names)
    chapter_cards.put_in(App, document)
    cards = [node for node in document.findall(nodes.container) if "de-chapter" in node["classes"]]
    assert len(cards) == 3
    for card, path in zip(cards, NOTEBOOKS):
        assert [link["reftarget"] for link in card.findall(addnodes.pending_xref)] == [f"/notebooks/{path.stem}"]
        assert f"the question of {path.stem}?" in card.astext()
        assert f"{chapter_cards.minutes(path)} minutes" in card.astext()
    assert "3 chapters, about 2 hours" in document.astext()
    assert not list(document.findall(nodes.definition_list))


def test_a_chapter_without_an_image_has_a_card_all_the_same(monkeypatch, tmp_path):
    monkeypatch.setattr(chapter_cards, "CARDS", tmp_path)
    assert chapter_cards.image("01_noise_and_back") == ""
    document = page("99_not_there")
    chapter_cards.put_in(App, document)
    assert "the question of 99_not_there?" in document.astext() and "minutes" not in document.astext()


def test_images_of_cards_are_small_and_of_one_size():
    files = sorted(chapter_cards.CARDS.glob("*.webp"))
    assert {path.stem.rpartition("-")[2] for path in files} == {"light", "dark"}
    for path in files:
        assert path.stat().st_size < 40_000
        with Image.open(path) as picture:
            assert picture.size == (640, 360)
    for name in {path.stem.rpartition("-")[0] for path in files}:
        assert chapter_cards.image(name).count("<img") == 2


def test_the_film_of_the_readme_moves_and_is_small():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    files = re.findall(r"book/_static/flow-\w+\.webp", text)
    assert sorted(files) == ["book/_static/flow-dark.webp", "book/_static/flow-light.webp"]
    assert len(re.search(r'alt="([^"]+)"', text)[1]) > 40
    for file in files:
        assert (ROOT / file).stat().st_size < 1_000_000
        with Image.open(ROOT / file) as film:
            assert film.n_frames > 20 and film.width >= 500
