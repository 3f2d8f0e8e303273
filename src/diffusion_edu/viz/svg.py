"""A figure as SVG for a page: its words are text, its colors follow the theme, its bytes stay the same."""

from __future__ import annotations

import base64
import io
import re
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from PIL import Image

from ..palette import BLUE, EDGE, GREY, LABEL, LINE, ORANGE, PAPER, TEAL, TITLE, VIOLET

# Words stay words, and the ids do not change from run to run.
WRITER: Any = {"svg.fonttype": "none", "svg.hashsalt": "diffusion_edu"}
UNDATED = {"Date": None, "Creator": None, "Format": None, "Type": None}

# A page that sets the variable decides; everywhere else the color of the palette is seen.
VARIABLES = {
    BLUE: "--de-blue",
    ORANGE: "--de-orange",
    VIOLET: "--de-violet",
    TEAL: "--de-teal",
    GREY: "--de-grey",
    LABEL: "--de-text",
    TITLE: "--de-text",
    EDGE: "--de-border",
    LINE: "--de-border",
}
GROUND = "--de-figure-ground"
FONT = "var(--de-font, system-ui, sans-serif)"
STYLE = re.compile(r"<defs>\s*<style.*?</style>\s*</defs>\s*", re.DOTALL)
COMMENT = re.compile(r"<!--.*?-->\s*", re.DOTALL)
SPAN = re.compile(r'<tspan x="([^"]*)" y="([^"]*)" style="([^"]*)">(.*?)</tspan>', re.DOTALL)
EMBEDDED = re.compile(r"data:image/png;base64,\s*([A-Za-z0-9+/=\s]+)")
DOT = re.compile(r"M (-?[\d.]+) (-?[\d.]+) ?\nL \1 \2 ?\n?")


def _words(found: re.Match[str]) -> str:
    """Set mathematics comes letter by letter, sorted by face: put it in the order of reading, in runs of one face."""
    letters = sorted(SPAN.findall(found[0]), key=lambda letter: float(letter[0].split()[0]))
    runs: list[list[str]] = []
    for x, y, style, text in letters:
        if runs and runs[-1][1:3] == [y, style]:
            runs[-1][3] += text
        else:
            runs.append([x.split()[0], y, style, text])
    spans = "".join(f'<tspan x="{x}" y="{y}" style="{style}">{text}</tspan>' for x, y, style, text in runs)
    return f'<text xml:space="preserve">{spans}</text>'.replace("\N{NO-BREAK SPACE}", " ")


def _themed(svg: str) -> str:
    """The colors of the palette as variables, each with that color as its default."""

    def variable(found: re.Match[str]) -> str:
        name = VARIABLES.get(found[0].lower())
        return f"var({name}, {found[0]})" if name else found[0]

    svg = re.sub(r'(<(?:text|tspan) [^>]*style="(?![^"]*fill:))', rf"\g<1>fill: {TITLE}; ", svg)  # black is not written
    svg = re.sub(rf'(<path [^>]*style="fill: ){PAPER}', rf"\g<1>var({GROUND}, {PAPER})", svg)
    return re.sub(r"#[0-9a-fA-F]{6}\b", variable, svg)


def _short(svg: str) -> str:
    """Places to a hundredth of a point, dots to a tenth, and no names of groups that nothing refers to."""
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', svg))
    svg = re.sub(r' id="([^"]*)"', lambda found: found[0] if found[1] in used else "", svg)

    def rounded(found: re.Match[str]) -> str:
        return re.sub(r"-?\d+\.\d{3,}", lambda number: f"{float(number[0]):.2f}", found[0])

    svg = re.sub(r' transform="rotate\(-?0 [^"]*"', "", svg)
    svg = re.sub(r' (?:d|x|y)="[^"]*"|(?:rotate|translate)\([^)]*\)', rounded, svg)
    svg = re.sub(r"<g/>\s*", "", svg)
    svg = DOT.sub(lambda dot: f"M{float(dot[1]):.1f} {float(dot[2]):.1f}h0", svg)
    return re.sub(r"\s*\n\s*", "\n", svg)


def _packed(found: re.Match[str]) -> str:
    """An image as small as it can be: without an alpha that hides nothing, in gray where it has no colors."""
    with Image.open(io.BytesIO(base64.b64decode(found[1]))) as stored:
        image = stored.convert("RGBA")
    if image.getchannel("A").getextrema() == (255, 255):
        image = image.convert("RGB")
        red, green, blue = image.split()
        if red.tobytes() == green.tobytes() == blue.tobytes():
            image = red
    file = io.BytesIO()
    image.save(file, format="png", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def as_svg(figure: Figure) -> str:
    """The figure as one `<svg>` element, 96 pixels an inch.

    Its ground is white, or what a page sets as `--de-figure-ground`. Its words have the font of the page. Images in it
    have their own pixels, which a page shows as squares.
    """
    file = io.StringIO()
    with mpl.rc_context(WRITER):
        figure.savefig(file, format="svg", metadata=UNDATED)
    svg = file.getvalue()
    svg = COMMENT.sub("", STYLE.sub("", svg[svg.index("<svg") :]))
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font-family: [^;\"]*;? ?", "", svg)
    svg = EMBEDDED.sub(_packed, svg)
    svg = re.sub(r"<text>\s*<tspan.*?</text>", _words, svg, flags=re.DOTALL)
    width, height = figure.get_size_inches() * 96
    mark = 'data-words="on images" ' if getattr(figure, "words_on_images", False) else ""
    head = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" class="de-plot" '
        rf'{mark}viewBox="\1" width="{width:.0f}" height="{height:.0f}" stroke-linejoin="round" '
        f'style="font-family: {FONT}; max-width: 100%; height: auto">'
    )
    return _themed(_short(re.sub(r'<svg [^>]*viewBox="([^"]*)"[^>]*>', head, svg, count=1))).strip() + "\n"
