"""The schematic drawings stand in the page itself, so that they follow its theme and a search finds their words.

A page shows a drawing with a plain figure, ``{figure} ../book/_static/drawings/NAME.svg``: JupyterLab shows the file,
and this extension puts the SVG in its place in the built book.
"""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

log = logging.getLogger(__name__)
PLACE = re.compile(r"_static/drawings/(?P<name>[\w-]+)\.svg$")
STYLE = re.compile(r"<style>.*?</style>\n?", re.DOTALL)
TITLE = re.compile(r"<title[^>]*>(.*?)</title>\n?", re.DOTALL)
DESCRIPTION = re.compile(r"<desc[^>]*>(.*?)</desc>\n?", re.DOTALL)


def inlined(svg: str, name: str, copy: int = 1, style: bool = True) -> str:
    """The SVG as a part of a page.

    The title becomes a label: as an element it would be shown under the mouse. The description stays, for a search.

    Args:
        svg: the text of the file.
        name: of the drawing; its ids begin with dw-NAME-.
        copy: which one of this drawing it is on the page; from the second one on the ids get a number.
        style: False where the page has had the style already.
    """
    title, description = TITLE.search(svg), DESCRIPTION.search(svg)
    assert title and description, f"{name}.svg has no title or no description"
    svg = TITLE.sub("", svg).replace(f'aria-labelledby="dw-{name}-title dw-{name}-alt"', "LABEL", 1)
    label = f'aria-label="{title[1]}" aria-describedby="dw-{name}-alt"'.replace("\\", "&#92;")
    svg = svg.replace("LABEL", label, 1)
    if not style:
        svg = STYLE.sub("", svg)
    if copy > 1:
        svg = re.sub(rf'(["#\s])dw-{re.escape(name)}-', rf"\g<1>dw-{name}-{copy}-", svg)
    return svg


def put_in(app: Sphinx, doctree: nodes.document) -> None:
    """Replace each image of a drawing by the drawing; warn of an alternative text that is not the drawing's."""
    if app.builder.format != "html":
        return
    copies: dict[str, int] = {}
    for image in list(doctree.findall(nodes.image)):
        found = PLACE.search(image["uri"])
        path = (Path(app.env.doc2path(app.env.docname)).parent / image["uri"]).resolve()
        if not found or not path.is_file():
            continue  # Sphinx reports a file that is missing
        name = found["name"]
        svg = path.read_text(encoding="utf-8")
        app.env.note_dependency(str(path))
        description = DESCRIPTION.search(svg)
        given = image.get("alt")
        if description and given and escape(given, quote=False) != description[1]:
            log.warning("the alternative text of %s.svg is not that of words.py", name, location=image, type="drawing")
        copies[name] = copies.get(name, 0) + 1
        html = inlined(svg, name, copies[name], style=sum(copies.values()) == 1)
        image.parent.replace(image, nodes.raw("", html, format="html"))


def setup(app: Sphinx) -> dict[str, bool]:
    """Before Sphinx collects the images, which would copy the files."""
    app.connect("doctree-read", put_in, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
