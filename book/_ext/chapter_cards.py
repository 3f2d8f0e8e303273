"""The list of chapters on the first page as cards: an image, the minutes that the chapter asks for, and its question.

The page holds a plain definition list, each chapter with its question. The minutes are read from the chapter, the image
is `book/_static/cards/NAME-light.webp` (and `-dark`), which `tools/card_images.py` takes from the built page.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util import logging

log = logging.getLogger(__name__)
ROOT = Path(__file__).resolve().parents[2]
CARDS = ROOT / "book/_static/cards"
PAGE, SECTION = "book/preface", "the-map"
TIME = re.compile(
    r"\b(?:Take|The chapter takes|Reading and playing takes) (?:about )?(?:(\d+) minutes|(half an hour|an hour))"
)
WORDS = {"half an hour": 30, "an hour": 60}


def minutes(notebook: Path) -> int | None:
    """The minutes that a chapter says it takes."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    found = TIME.search("\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"))
    return None if found is None else int(found[1] or WORDS[found[2]])


def together(count: int, total: int) -> str:
    """The time for the whole book, in hours."""
    return f"{count} chapters, about {round(total / 60)} hours in all if each takes as long as it says."


def image(name: str) -> str:
    """The image of a card in both themes, or nothing where none was taken; what it shows, the words beside it say."""
    files = [(theme, CARDS / f"{name}-{theme}.webp") for theme in ("light", "dark")]
    if not all(path.is_file() for _, path in files):
        return ""
    tags = (
        f'<img class="only-{theme}" src="../_static/cards/{path.name}" alt="" width="320" height="180" loading="lazy">'
        for theme, path in files
    )
    return f'<div class="de-chapter-image">{"".join(tags)}</div>'


def _chapter(item: nodes.definition_list_item) -> str | None:
    """The name of the chapter that an entry of the list links to."""
    targets = [link["reftarget"] for link in item.findall(addnodes.pending_xref)]
    chapters = [target.split("/")[-1] for target in targets if "/notebooks/" in target]
    return chapters[0] if chapters else None


def put_in(app: Sphinx, doctree: nodes.document) -> None:
    """Make a card of each entry of the list of chapters, and tell the time of all of them before it."""
    if app.env.docname != PAGE or app.builder.format != "html":
        return
    sections = [section for section in doctree.findall(nodes.section) if SECTION in section["ids"]]
    found = [part for section in sections for part in section.children if isinstance(part, nodes.definition_list)]
    if len(found) != 1:
        log.warning("the first page must have one list of chapters, under the heading %r", SECTION, location=PAGE)
        return
    cards, times = nodes.container(classes=["de-chapters"]), []
    for item in found[0].children:
        name = _chapter(item)
        if name is None:
            log.warning("an entry of the list of chapters links to no chapter", location=item)
            continue
        notebook = ROOT / f"notebooks/{name}.ipynb"
        app.env.note_dependency(str(notebook))
        time = minutes(notebook) if notebook.is_file() else None
        card, words = nodes.container(classes=["de-chapter"]), nodes.container(classes=["de-chapter-words"])
        card += nodes.raw("", image(name), format="html")
        term, *definitions = item.children
        words += nodes.paragraph("", "", *term.children, classes=["de-chapter-title"])
        words += [part for definition in definitions for part in definition.children]
        if time is not None:
            times.append(time)
            words += nodes.paragraph("", f"{time} minutes", classes=["de-chapter-time"])
        card += words
        cards += card
    list_of = found[0].parent
    at = next(i for i, part in enumerate(list_of.children) if part is found[0])
    list_of[at] = cards
    if len(times) == len(cards.children):
        list_of.insert(at, nodes.paragraph("", together(len(times), sum(times))))


def setup(app: Sphinx) -> dict[str, bool]:
    """Before Sphinx looks up the links."""
    app.connect("doctree-read", put_in, priority=450)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
