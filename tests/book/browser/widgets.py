"""Handles for the widgets of a page: reading what they show, and moving them as a reader does."""

from __future__ import annotations

import base64
import json
import math
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from chromium import DRAWN, PATIENCE, wait_until
from playwright.sync_api import Locator, Page

HOMES = {
    "flow-explorer": "notebooks/01_noise_and_back",
    "x-t-explorer": "notebooks/02_forward_noising",
    "schedule-explorer": "notebooks/03_reparameterization",
    "reverse-player": "notebooks/07_sampling",
    "unet-explorer": "notebooks/05_unet",
    "conv-explorer": "notebooks/04_convolution_sizes",
    "frechet-explorer": "notebooks/09_fid",
    "cost-explorer": "notebooks/15_full_size",
}
# Of those that have no slider to move, and are not tested with the others.
OTHER_HOMES = {
    "text-search": "notebooks/10_clip",
    "prior-cloud": "notebooks/13_dalle",
    "cascade-player": "notebooks/14_imagen",
}


REST = 0.6  # seconds without a change after which a widget speaks (`announcer` in play.mjs)


def rounded(value: float) -> int:
    """The nearest whole number as JavaScript's `Math.round` takes it: a half goes up, not to the even one."""
    return math.floor(value + 0.5)


def within(holds: Callable[[], bool]) -> None:
    """Wait until something holds; as patient as the page is."""
    end = time.monotonic() + PATIENCE / 1000
    while not holds():
        assert time.monotonic() < end, f"not so within {PATIENCE / 1000} s"
        time.sleep(0.05)


@contextmanager
def clock_of(page: Page) -> Iterator[Callable[[int], None]]:
    """Stop the time of a page that was opened with `clock=True`; gives a function that lets milliseconds pass.

    What depends on time in the page is then the same on every machine. `Widget.now` reads the state meanwhile.
    """
    page.clock.pause_at(page.evaluate("Date.now() / 1000") + 1)
    try:
        yield page.clock.run_for
    finally:
        page.clock.resume()


def stays_silent(page: Page, live: Locator, act: Callable[[], object], times: int = 3) -> str:
    """Check that a live region keeps its words while the reader acts, again and again; returns these words.

    The page was opened with `clock=True`. In all, the reader takes longer than the rest after which a widget speaks; he
    does not between two acts.
    """
    with clock_of(page) as let_pass:
        let_pass(round(3000 * REST))  # what was due before is said before
        before = live.text_content() or ""
        for _ in range(times):
            act()
            let_pass(round(600 * REST))
            assert live.text_content() == before, "it speaks while the reader acts"
    return before


def payload(folder: Path, tag: str) -> dict[str, Any]:
    """The data of the first widget of a kind, as it stands in the built page."""
    text = (folder / f"{HOMES[tag]}.html").read_text(encoding="utf-8")
    found = re.search(rf'<{tag}><script type="application/json" data-run="[./]*(.*?)"', text)
    assert found, f"{HOMES[tag]} holds no <{tag}>"
    script = (folder / found[1]).read_text(encoding="utf-8")
    return json.loads(json.loads(script.removeprefix("document.currentScript.run = ").removesuffix(";\n")))


class Widget:
    """One widget in an open page."""

    def __init__(self, page: Page, tag: str, nth: int = 0) -> None:
        self.page = page
        assert page.locator(tag).count() > nth, f"{page.url} holds no <{tag}>"
        self.el: Locator = page.locator(tag).nth(nth)
        self.el.scroll_into_view_if_needed()

    @property
    def state(self) -> dict[str, Any]:
        """The numbers now shown, once the drawing that is under way is done."""
        return self.el.evaluate(f"async (el) => {{ await {DRAWN}; return el.state; }}")

    @property
    def now(self) -> dict[str, Any]:
        """The numbers as they are, without a wait: for a page whose time stands still."""
        return self.el.evaluate("(el) => el.state")

    def role(self, name: str, nth: int = 0) -> Locator:
        """A control by its data-role."""
        return self.el.locator(f'[data-role="{name}"]').nth(nth)

    def until(self, condition: str) -> dict[str, Any]:
        """Wait for a condition on the state `s`, written in JavaScript; returns the state."""
        handle = self.el.element_handle()
        try:
            wait_until(self.page, f"((s) => {condition})(arg.state)", handle)
        except Exception as error:
            raise AssertionError(f"the widget never came to {condition}; its state: {self.state}") from error
        return self.state

    def type(self, role: str, value: float) -> None:
        """Type a number into the box beside a slider, and leave the box."""
        box = self.role(f"{role}-number")
        box.fill(str(value))
        box.blur()

    def picture(self) -> str:
        """All that is drawn, canvases and curves, as one text: two pictures are equal when these are."""
        return self.el.evaluate(
            """async (el) => {
            await DRAWN;
            const look = (e) => ["d", "cx", "cy"].map((name) => e.getAttribute(name));
            const marks = [...el.querySelectorAll("path, circle")].map(look);
            return JSON.stringify([...[...el.querySelectorAll("canvas")].map((c) => c.toDataURL()), marks]);
        }""".replace("DRAWN", DRAWN)
        )

    def pixels(self, selector: str) -> np.ndarray:
        """(height, width, 3) what a canvas shows."""
        data = self.el.locator(selector).first.evaluate("""(c) => {
            const copy = Object.assign(document.createElement("canvas"), { width: c.width, height: c.height });
            const context = copy.getContext("2d", { willReadFrequently: true });
            context.drawImage(c, 0, 0);
            const { data } = context.getImageData(0, 0, c.width, c.height);
            let text = "";
            for (const byte of data) text += String.fromCharCode(byte);
            return [c.width, c.height, btoa(text)];
        }""")
        width, height, code = data
        rgba = np.frombuffer(base64.b64decode(code), dtype=np.uint8).reshape(height, width, 4)
        assert (rgba[..., 3] == 255).all(), "the picture has holes"
        return rgba[..., :3]

    def spot(self, locator: Locator, x: float, y: float = 0.5) -> tuple[float, float]:
        """A point of the page: shares of a part's width and height."""
        locator.scroll_into_view_if_needed()
        box = locator.bounding_box()
        assert box
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    def drag(self, locator: Locator, begin: tuple[float, float], end: tuple[float, float], moves: int = 8) -> int:
        """Drag with the pointer between two spots of a part; returns how often the widget drew meanwhile."""
        self.el.evaluate("(el) => { el.drawn = 0; el.addEventListener('de-change', () => { el.drawn += 1; }); }")
        start = self.spot(locator, *begin)
        stop = self.spot(locator, *end)
        self.page.mouse.move(*start)
        self.page.mouse.down()
        for i in range(1, moves + 1):
            self.page.mouse.move(*(a + (b - a) * i / moves for a, b in zip(start, stop)))
            self.page.evaluate(DRAWN)
        self.page.mouse.up()
        self.page.evaluate(DRAWN)
        return self.el.evaluate("(el) => el.drawn")
