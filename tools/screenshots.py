"""Photograph every page of the built book, wide and narrow, light and dark, for people to look at.

    python tools/screenshots.py FOLDER [--pages book/preface notebooks/02_forward_noising] [--site _build/html]

Whole pages as PNG files named PAGE-wide-light.png, ...; needs Playwright and a browser (`make test` installs both).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import build_book
from browsing import THEMES, opened
from playwright.sync_api import ViewportSize

ROOT = Path(__file__).resolve().parent.parent
SIZES: dict[str, ViewportSize] = {"wide": {"width": 1280, "height": 900}, "narrow": {"width": 390, "height": 844}}
# What is drawn or loaded only when it comes near is asked for first.
READY = """async () => {
    await document.fonts.ready;
    for (let y = 0; y < document.documentElement.scrollHeight; y += innerHeight) {
        scrollTo(0, y);
        await new Promise((done) => requestAnimationFrame(done));
    }
    // An image of the other theme is not shown, and one that is not shown may never be loaded.
    const shown = [...document.images].filter((image) => image.checkVisibility());
    await Promise.all(shown.map((image) => image.decode().catch(() => null)));
    scrollTo(0, 0);
    await new Promise((done) => setTimeout(done, 400));
}"""


def shoot(site: Path, names: list[str], folder: Path) -> int:
    """Write the pictures; returns how many."""
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    with opened() as browser:
        for words, size in SIZES.items():
            context = browser.new_context(viewport=size, reduced_motion="reduce")
            page = context.new_page()
            for name in names:
                page.goto((site / f"{name}.html").as_uri())
                for theme in THEMES:
                    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
                    page.evaluate(READY)
                    target = folder / f"{name.replace('/', '-')}-{words}-{theme}.png"
                    page.screenshot(path=target, full_page=True)
                    count += 1
            context.close()
    return count


def main() -> None:
    """Read the command line and take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pages", nargs="+", default=None)
    parser.add_argument("--site", type=Path, default=ROOT / "_build/html")
    options = parser.parse_args()
    site = options.site.resolve()
    names = options.pages or build_book.pages(ROOT)
    missing = [name for name in names if not (site / f"{name}.html").is_file()]
    if missing:
        sys.exit(f"{site} holds no {', '.join(missing)}: run `make book` first")
    print(f"{shoot(site, names, options.folder)} pictures in {options.folder}")


if __name__ == "__main__":
    main()
