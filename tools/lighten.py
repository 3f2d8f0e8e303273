"""Take out of a built site what no page asks for, such as 2,000 icons of which we use twenty, and pack the pictures."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import deferred
import faces
import joined
from PIL import Image

UNUSED = ("*.map", "fontawesome.js", "*.LICENSE.txt", "fa-*.ttf", "sphinx-thebe.*", "*webpack-macros.html")
RULE = re.compile(r'((?:\.fa-[\w-]+:{1,2}before,?)+)\{content:"\\[0-9a-f]+"\}')
CODE = re.compile(r"\\([ef][0-9a-f]{3})\b|([\ue000-\uf8ff])")  # written as a number, or as the character itself


def _drop_icon_rules(site: Path) -> set[int]:
    """Keep of each style sheet the icons that a page or script names; returns the code points that are left."""
    texts = [p.read_text(encoding="utf-8") for kind in ("*.html", "*.js") for p in site.rglob(kind)]
    named = {name for text in texts for name in re.findall(r"\bfa-[a-z0-9-]+", text)}

    def keep(rule: re.Match[str]) -> str:
        return rule[0] if named & set(re.findall(r"fa-[\w-]+", rule[1])) else ""

    codes: set[int] = set()
    for path in (site / "_static").rglob("*.css"):
        old = path.read_text(encoding="utf-8")
        new = RULE.sub(keep, old)
        codes |= {int(number, 16) if number else ord(character) for number, character in CODE.findall(new)}
        if new != old:
            path.write_text(new, encoding="utf-8")
    return codes


def _repack_pictures(site: Path) -> None:
    """Store the figures as lossless WebP: half the size, the same pixels; pages load them when they come near.

    Those that are files of the themes (_ext/plots_in_page.py) stay as they are.
    """
    sizes: dict[str, tuple[str, int, int]] = {}
    for path in (site / "_images").glob("*.png"):
        with Image.open(path) as picture:
            small = path.with_suffix(".webp")
            picture.save(small, lossless=True, quality=100, method=4, exact=True)
            sizes[path.name] = (small.name, *picture.size)
        path.unlink()

    for path in (site / "_images").glob("*.svg"):
        if re.search(r"-(light|dark)$", path.stem):
            width, height = re.findall(r' (?:width|height)="(\d+)"', path.read_text(encoding="utf-8"))[:2]
            sizes[path.name] = (path.name, int(width), int(height))

    def rewrite(tag: re.Match[str]) -> str:
        name, width, height = sizes[tag[3]]
        # the size keeps the place free, so that the text does not jump when the picture comes
        return f'<img{tag[1]}src="{tag[2]}{name}" width="{width}" height="{height}" loading="lazy"'

    for page in site.rglob("*.html"):
        old = page.read_text(encoding="utf-8")
        new = re.sub(r'<img([^>]*?)src="((?:\.\./)*_images/)([^"/]+(?:\.png|-(?:light|dark)\.svg))"', rewrite, old)
        if new != old:
            page.write_text(new, encoding="utf-8")


def _drop_double_names(site: Path) -> None:
    """Every exercise calls its body by the same id, which may stand only once in a page and which nothing links to."""
    for page in site.rglob("*.html"):
        old = page.read_text(encoding="utf-8")
        new = re.sub(r' id="(?:exercise|solution)-content"', "", old)
        if new != old:
            page.write_text(new, encoding="utf-8")


def _name_folds_of_the_menu(site: Path) -> None:
    """The mark that unfolds the pages under an entry of the menu has no words; who listens needs a name for it."""
    bare = '<summary><span class="toctree-toggle"'
    for page in site.rglob("*.html"):
        old = page.read_text(encoding="utf-8")
        new = old.replace(bare, bare.replace("<summary>", '<summary aria-label="the pages under it">'))
        if new != old:
            page.write_text(new, encoding="utf-8")


# The theme's script asks each box of a page for its size and changes the box before it asks the next one, so the page
# is laid out as many times. _assets/sections.js does the same in one go.
# The theme of Python 3.10 has the boxes as one text, the newer one as a list.
WALK = re.compile(r'querySelectorAll\((?:\["pre",[^\]]*\]\.join\(", "\)|"pre, [^"]*")\)\.forEach')


def _drop_walk_over_boxes(site: Path) -> None:
    """Let the theme's script find no box; ends the program where another version of the theme does it otherwise."""
    script = site / "_static/scripts/pydata-sphinx-theme.js"
    text, times = WALK.subn('querySelectorAll("de-none").forEach', script.read_text(encoding="utf-8"))
    if times != 1:
        sys.exit(f"{script.name} has changed: what it does to boxes that scroll (WALK in lighten.py) is not there once")
    script.write_text(text, encoding="utf-8")


def lighten(site: Path) -> None:
    """Make the site as small as it can be without a change that a reader could see."""
    for pattern in UNUSED:
        for path in (site / "_static").rglob(pattern):
            path.unlink()
    codes = _drop_icon_rules(site)
    for path in (site / "_static").rglob("fa-*.woff2"):
        faces.cut(path, {chr(code) for code in codes}, [])
    faces.cut_all(site)
    _repack_pictures(site)
    _drop_double_names(site)
    _name_folds_of_the_menu(site)
    _drop_walk_over_boxes(site)
    deferred.defer(site)
    joined.join(site)
