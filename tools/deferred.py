"""Take out of a page what only its widgets need, and pictures within the text: _assets/widgets.js fetches it later.

A widget's stored runs and its code were up to two thirds of a chapter, and a reader's line carried them before the
first sentence could be read. They become files beside the page, which load from a disk too.
"""

from __future__ import annotations

import base64
import hashlib
import html
import importlib.util
import json
import re
from io import BytesIO
from pathlib import Path

from PIL import Image

BUNDLE = Path(__file__).resolve().parent.parent / "src/diffusion_edu/widgets/kit/bundle.py"
# A custom element as the package writes it (widgets/kit/payload.py): its data, and the picture for who has no scripts.
WIDGET = re.compile(
    r'<(?P<tag>[a-z]+(?:-[a-z0-9]+)+)><script type="application/json">(?P<run>.*?)</script>'
    r'<img src="(?P<picture>data:[^"]+)"',
    re.S,
)
CODE = re.compile(r'[ \t]*<script\b[^>]*\bsrc="((?:\.\./)*_static/page/([\w-]+)\.js[^"]*)"[^>]*></script>\n?')
EMBEDDED = re.compile(r'(<image\b[^>]*?\bhref=")(data:image/(?:png|webp);base64,[A-Za-z0-9+/=]+)"')
LARGE = 3000  # characters: a smaller picture within a drawing is no file of its own


def _elements() -> dict[str, str]:
    """The custom elements and the script of each; by its path, since importing the package would import torch."""
    spec = importlib.util.spec_from_file_location("deferred_bundle", BUNDLE)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.elements()


def _written(folder: Path, ending: str, content: bytes) -> str:
    """A file named after its content; returns its name."""
    folder.mkdir(exist_ok=True)
    name = f"{hashlib.sha256(content).hexdigest()[:16]}.{ending}"
    (folder / name).write_bytes(content)
    return name


def _picture(address: str, site: Path) -> tuple[str, int, int]:
    """The name of a file in place of a picture in base64, and its size in pixels."""
    kind, text = re.fullmatch(r"data:image/(\w+);base64,(.*)", html.unescape(address)).groups()  # type: ignore[union-attr]
    content = base64.b64decode(text)
    with Image.open(BytesIO(content)) as picture:
        width, height = picture.size
    return _written(site / "_images", kind, content), width, height


def _light(text: str, up: str, site: Path, elements: dict[str, str]) -> str:
    """A page without what has become files; `up` leads from it to the site."""
    codes = {name: address for address, name in CODE.findall(text)}
    found: list[str] = []

    def widget(match: re.Match[str]) -> str:
        # The first one is what the first screen of a chapter shows.
        lazy = ' loading="lazy"' if found else ""
        found.append(elements[match["tag"]])
        # As a script it loads from a disk too, where a page may not read files.
        run = f"document.currentScript.run = {json.dumps(match['run'])};\n"
        run = _written(site / "_static/run", "js", run.encode())
        picture, width, height = _picture(match["picture"], site)
        return (
            f'<{match["tag"]}><script type="application/json" data-run="{up}_static/run/{run}" '
            f'data-code="{codes[found[-1]]}"></script>'
            f'<img src="{up}_images/{picture}" width="{width}" height="{height}"{lazy}'
        )

    def image(match: re.Match[str]) -> str:
        small = len(match[2]) < LARGE
        return match[0] if small else f'{match[1]}{up}_images/{_picture(match[2], site)[0]}"'

    text = EMBEDDED.sub(image, WIDGET.sub(widget, text))
    return CODE.sub(lambda match: "" if match[2] in found else match[0], text)


def defer(site: Path) -> None:
    """Move the data and the code of widgets, and the larger pictures in drawings, to files of their own."""
    elements = _elements()
    for page in sorted(site.rglob("*.html")):
        old = page.read_text(encoding="utf-8")
        new = _light(old, "../" * (len(page.relative_to(site).parts) - 1), site, elements)
        if new != old:
            page.write_text(new, encoding="utf-8")
