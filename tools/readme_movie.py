"""Film a widget of the built book for the README: points on their way to noise and back, in both themes.

    make book && python tools/readme_movie.py

Writes book/_static/flow-light.webp and flow-dark.webp, animated, each far below a megabyte. The frames are the widget's
own, at chosen steps, so the film does not depend on how fast the machine is. Needs Playwright and a browser.
"""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path

from browsing import THEMES, opened
from PIL import Image
from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parent.parent
STATIC = ROOT / "book/_static"
THERE = (0, 40, 80, 120, 160, 200, 250, 300, 360, 430, 520, 640, 800, 1000)
BACK = (1000, 900, 800, 700, 620, 560, 500, 440, 400, 360, 320, 280, 240, 200, 160, 120, 80, 60, 40, 20, 0)
WIDTH = 560
FRAME, REST = 110, 1200  # milliseconds: of a frame, and at both ends
MOST = 1_000_000  # bytes


def frames(page: Page) -> list[tuple[Image.Image, int]]:
    """What the plane shows at each step, and for how long."""
    found: list[tuple[Image.Image, int]] = []
    host = page.locator("flow-explorer").first
    for direction, steps in ((0, THERE), (1, BACK)):
        host.locator('[data-role="direction"]').nth(direction).check(force=True)
        for t in steps:
            host.locator('[data-role="t"]').evaluate(
                "(e, t) => { e.value = t; e.dispatchEvent(new Event('input', { bubbles: true })); }", t
            )
            page.wait_for_function(
                "t => { const s = document.querySelector('flow-explorer').state; return s.t === t && s.ready; }", arg=t
            )
            page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
            with Image.open(io.BytesIO(host.locator("canvas").first.screenshot())) as picture:
                height = round(WIDTH * picture.height / picture.width)
                frame = picture.convert("RGB").resize((WIDTH, height), Image.Resampling.LANCZOS)
            found.append((frame, REST if t in (0, 1000) and t == steps[-1] else FRAME))
    return found


def main() -> int:
    """Read the command line and write both films; 1 if one is too large."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--site", type=Path, default=ROOT / "_build/html")
    parser.add_argument("--shape", default="letters")
    options = parser.parse_args()
    large = 0
    with opened() as browser:
        for theme in THEMES:
            context = browser.new_context(
                viewport={"width": 1280, "height": 900}, color_scheme=theme, reduced_motion="reduce"
            )
            page = context.new_page()
            page.goto((options.site.resolve() / "notebooks/01_noise_and_back.html").as_uri())
            page.locator('flow-explorer [data-role="shape"]').select_option(options.shape)
            film = frames(page)
            target = STATIC / f"flow-{theme}.webp"
            first, *rest = [frame for frame, _ in film]
            times = [time for _, time in film]
            first.save(target, save_all=True, append_images=rest, duration=times, loop=0, quality=70, method=6)
            print(f"{target.name}: {len(film)} frames, {target.stat().st_size / 1000:.0f} kB")
            large += target.stat().st_size > MOST
            context.close()
    return int(large > 0)


if __name__ == "__main__":
    sys.exit(main())
