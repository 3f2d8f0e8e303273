"""Take the images of the cards on the first page from the built book: of each chapter its first widget, in both themes.

    make book && python tools/card_images.py [NAME ...]      # default: every chapter

Writes book/_static/cards/NAME-light.webp and -dark.webp, 640 x 360 pixels for a place of 320 x 180. Needs Playwright
and a browser (`make test` installs both).
"""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path
from typing import Literal

from browsing import THEMES, opened
from PIL import Image
from playwright.sync_api import FloatRect, Page

ROOT = Path(__file__).resolve().parent.parent
CARDS = ROOT / "book/_static/cards"
SIZE = 640, 360
LARGEST = """() => {
    const large = (e) => e.tagName.includes("-") && e.getBoundingClientRect().height > 100;
    const host = [...document.querySelectorAll("article *")].find(large);
    if (!host) return null;
    const inside = [...host.querySelectorAll("canvas, svg, img")].filter((e) => e.getBoundingClientRect().height >= 60);
    const boxes = (inside.length ? inside : [host]).map((e) => e.getBoundingClientRect());
    const top = Math.min(...boxes.map((b) => b.top));
    const row = boxes.filter((b) => b.top < top + 40);  // what stands side by side
    const left = Math.min(...row.map((b) => b.left)), right = Math.max(...row.map((b) => b.right));
    const bottom = Math.max(...row.map((b) => b.bottom));
    return { x: left + scrollX, y: top + scrollY, width: right - left, height: bottom - top };
}"""


def take(page: Page, address: str, theme: Literal["light", "dark"]) -> bytes | None:
    """The middle of what the first widget of a page draws, as PNG."""
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    page.goto(address)
    page.evaluate("document.fonts.ready")
    page.wait_for_timeout(1500)  # what is drawn in small slices is there
    box = page.evaluate(LARGEST)
    if box is None:
        return None
    width = max(box["width"] + 16, 320)
    height = width * SIZE[1] / SIZE[0]
    left = box["x"] + box["width"] / 2 - width / 2
    top = box["y"] - 8 + max(0.0, (box["height"] + 16 - height) / 2)  # the middle of what is taller than the card
    clip = FloatRect(x=max(left, 0), y=max(top, 0), width=width, height=height)
    return page.screenshot(clip=clip, full_page=True)


def main() -> int:
    """Read the command line and write the files; the exit code is the number of chapters without a widget."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--site", type=Path, default=ROOT / "_build/html")
    options = parser.parse_args()
    names = options.names or sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
    CARDS.mkdir(parents=True, exist_ok=True)
    missing = 0
    with opened() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 900}, device_scale_factor=2)
        for name in names:
            for theme in THEMES:
                png = take(page, (options.site.resolve() / f"notebooks/{name}.html").as_uri(), theme)
                if png is None:
                    print(f"{name}: no widget", file=sys.stderr)
                    missing += theme == THEMES[0]
                    continue
                with Image.open(io.BytesIO(png)) as picture:
                    small = picture.convert("RGB").resize(SIZE, Image.Resampling.LANCZOS)
                small.save(CARDS / f"{name}-{theme}.webp", quality=72, method=6)
    return missing


if __name__ == "__main__":
    sys.exit(main())
