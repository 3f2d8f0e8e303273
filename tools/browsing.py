"""The browser in which the tools look at the built book."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import find_browser
from playwright.sync_api import Browser, sync_playwright

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


@contextmanager
def opened() -> Iterator[Browser]:
    """The machine's Chromium until the end of the block; a machine without one is told what to do."""
    path = find_browser.find()  # before Playwright runs: only one of it can run in a process
    if path is None:
        sys.exit("no Chromium or Chrome found; `python tools/find_browser.py --install` fetches one")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()
