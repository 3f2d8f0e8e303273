"""Plots of the chapters stand in the page itself, so that they follow its theme and a search finds their words.

Notebooks store a plot as SVG (`diffusion_edu.viz`). This extension puts the SVG in the place of the image that would
show it as a file, with the alternative text of the cell. Images stay files. A wide plot or image has a box of its own,
in which a phone moves it sideways.
"""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

from docutils import nodes
from PIL import Image
from sphinx.application import Sphinx
from sphinx.util import logging

log = logging.getLogger(__name__)
HEAD = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" class="de-plot"'
WIDTH = re.compile(r' width="(\d+)"')
WIDE = 620  # pixels: letters of a wider plot would be too small on a phone, where it moves sideways instead
WIDE_IMAGE = 720  # the same for a stored image, whose letters have about twice as many pixels
BOX = '<div class="de-wide-plot" tabindex="0" role="group" aria-label="figure"'
NAMES = re.compile(r'(\bid="|href="#|url\(#)')


def inlined(svg: str, alt: str, number: int) -> str:
    """The SVG as a part of a page: named by its alternative text, its ids told from those of the other plots."""
    label = escape(alt, quote=True).replace("\\", "&#92;")
    svg = NAMES.sub(rf"\g<1>plot{number}-", svg.strip())
    svg = svg.replace('class="de-plot"', f'class="de-plot" role="img" aria-label="{label}"', 1)
    if float(WIDTH.search(svg)[1]) <= WIDE:  # type: ignore[index]
        return svg
    return f"{BOX}>{svg}</div>"


def box_image(image: nodes.image, path: Path) -> None:
    """Put a wide image in its box, which knows its width; on a phone a share of it is enough to read the letters."""
    with Image.open(path) as stored:
        width = stored.width
    if width > WIDE_IMAGE:
        start = nodes.raw("", f'{BOX} style="--de-width: {width}">', format="html")
        image.parent.replace(image, [start, image, nodes.raw("", "</div>", format="html")])


def put_in(app: Sphinx, doctree: nodes.document) -> None:
    """Replace each image of a stored plot by the plot, and box what is wide."""
    if app.builder.format != "html":
        return
    number = 0
    for image in list(doctree.findall(nodes.image)):
        path = Path(app.env.srcdir) / image["uri"].lstrip("/")
        path = path if path.is_file() else (Path(app.env.doc2path(app.env.docname)).parent / image["uri"]).resolve()
        if path.suffix == ".png" and path.is_file():
            box_image(image, path)
        if path.suffix != ".svg" or not path.is_file():
            continue
        svg = path.read_text(encoding="utf-8")
        if not svg.startswith(HEAD):
            continue
        if not image.get("alt"):
            log.warning("a plot without an alternative text", location=image, type="plot")
        number += 1
        image.parent.replace(image, nodes.raw("", inlined(svg, image.get("alt", ""), number), format="html"))


def setup(app: Sphinx) -> dict[str, bool]:
    """Before Sphinx collects the images, which would copy the files."""
    app.connect("doctree-read", put_in, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
