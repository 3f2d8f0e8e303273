"""Plots of the chapters stand in the page itself, so that they follow its theme and a search finds their words.

Notebooks store a plot as SVG (`diffusion_edu.viz`). This extension puts the SVG in the place of the image that would
show it as a file, with the alternative text of the cell. Images stay files, those of `film_strip` and `show_grid` one
for each theme, so that a page loads them when they come near. A wide plot or image has a box of its own, in which a
phone moves it sideways.
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
VARIABLE = re.compile(r"var\((--[\w-]+), ([^()]*)\)")
FONT = "system-ui, sans-serif"  # a file has no fonts of the page
WORDS_ON_IMAGES = 'data-words="on images"'
LARGE = 12_000  # characters of images in a plot: with more it is a file
STYLE_SHEET = Path(__file__).parents[1] / "_static/book.css"
THEMES = {"light": "html", "dark": 'html[data-theme="dark"]'}
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


def colors_of(theme: str) -> dict[str, str]:
    """What the style sheet sets the variables of the plots to, in a theme; the ground of an image is the page's."""
    sheet = STYLE_SHEET.read_text(encoding="utf-8")
    block = re.search(rf"(?m)^{re.escape(THEMES[theme])} {{\n(.*?)\n}}", sheet, re.DOTALL)
    return {**dict(re.findall(r"(--de-[\w-]+): ([^;]+);", block[1])), "--de-figure-ground": "none"}  # type: ignore[index]


def themed(svg: str, theme: str) -> str:
    """The SVG as a file of its own, with the colors of a theme in place of variables."""
    colors = {**colors_of(theme), "--de-font": FONT}
    return VARIABLE.sub(lambda found: colors.get(found[1], found[2]), svg)


def put_files(image: nodes.image, path: Path, svg: str) -> None:
    """Replace the image by one for each theme, of which a page shows one."""
    width = float(WIDTH.search(svg)[1])  # type: ignore[index]
    both = []
    for theme in THEMES:
        name = f"{path.stem}-{theme}.svg"
        path.with_name(name).write_text(themed(svg, theme), encoding="utf-8")
        one = image.deepcopy()
        one.attributes.update(uri=image["uri"].rpartition("/")[0] + "/" + name)
        one["classes"] = [*one["classes"], f"only-{theme}"]
        both.append(one)
    if width > WIDE:
        start = nodes.raw("", f'{BOX} style="--de-width: {round(width * 1.25)}">', format="html")
        both = [start, *both, nodes.raw("", "</div>", format="html")]
    image.parent.replace(image, both)


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
        if WORDS_ON_IMAGES in svg or sum(map(len, re.findall(r"base64,([^\"]+)", svg))) > LARGE:
            put_files(image, path, svg)
            continue
        number += 1
        image.parent.replace(image, nodes.raw("", inlined(svg, image.get("alt", ""), number), format="html"))


def setup(app: Sphinx) -> dict[str, bool]:
    """Before Sphinx collects the images, which would copy the files."""
    app.connect("doctree-read", put_in, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
