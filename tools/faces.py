"""Keep of each face of a built site the letters, the weights and the features that its pages can show."""

from __future__ import annotations

import html
import re
from io import BytesIO
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.varLib import instancer

# A reader may type words of his own into a widget, in the letters of Western languages.
WESTERN = {chr(code) for code in (*range(0x20, 0x7F), *range(0xA0, 0x100))}
FEATURES = ["kern", "liga", "calt", "ccmp", "locl", "mark", "mkmk", "tnum"]  # tnum: digits of one width, in tables
WEIGHTS = (400, 700)
TAG = re.compile(r"<[^>]*>")
# So JSON writes a letter that is not ASCII: the data of widgets within a page.
ESCAPED = re.compile(r"\\u([0-9a-f]{4})")
# KaTeX has these letters, and the signs that Plain TeX lacks, in a face of their own.
AMS = re.compile(r'class="[^"]*\b(?:mathbb|amsrm)\b[^"]*"[^>]*>([^<]*)<')


def cut(path: Path, letters: set[str], features: list[str]) -> None:
    """Write a face again with these letters, as far as it has them, and with the weights of the book."""
    options = subset.Options(layout_features=features, notdef_outline=True)
    font = subset.load_font(str(path), options)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=[ord(letter) for letter in letters])
    cutter.subset(font)
    if "fvar" in font:
        plain = BytesIO()  # what was cut is complete only when it has been written
        font.flavor = None
        font.save(plain)
        font = instancer.instantiateVariableFont(TTFont(plain), {"wght": WEIGHTS})
    font.flavor = "woff2"
    font.save(str(path))


def cut_all(site: Path) -> None:
    """Cut the faces of the text and of the formulas."""
    pages = [path.read_text(encoding="utf-8") for path in site.rglob("*.html")]
    shown = {letter for page in pages for letter in html.unescape(TAG.sub("", page))}
    shown |= {letter for path in (site / "_static").rglob("*.js") for letter in path.read_text(encoding="utf-8")}
    shown |= {letter for path in site.rglob("*.svg") for letter in html.unescape(path.read_text(encoding="utf-8"))}
    shown |= {chr(int(code, 16)) for page in pages for code in ESCAPED.findall(page)}
    special = {letter for page in pages for text in AMS.findall(page) for letter in html.unescape(text)}
    for path in sorted((site / "_static/fonts").glob("*.woff2")):
        cut(path, shown | WESTERN, FEATURES)
    for path in sorted((site / "_static/vendor/katex/fonts").glob("*.woff2")):
        cut(path, special if "_AMS" in path.name else shown, ["*"])
