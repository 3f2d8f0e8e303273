"""A page with one widget and nothing around it, opened from the disk as a reader opens the built book."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import browser as b
import numpy as np
from chromium import PATIENCE
from PIL import Image
from playwright.sync_api import Browser
from widgets import Widget

from diffusion_edu.widgets.kit import bundle

PAGE = """<!doctype html><html lang=en data-theme=light><head><meta charset=utf-8><title>{tag}</title>
<meta name=viewport content="width=device-width,initial-scale=1"></head>
<body><main><h1>One widget</h1><article>{html}</article></main><script defer src={tag}.js></script></body></html>"""
VIOLATIONS = "async () => (await axe.run(document)).violations.map((v) => [v.id, v.nodes[0].html])"


def write_page(folder: Path, tag: str, html: str) -> None:
    """The page TAG.html and its script."""
    (folder / f"{tag}.js").write_text(bundle.classic_script(bundle.elements()[tag]), encoding="utf-8")
    (folder / f"{tag}.html").write_text(PAGE.format(tag=tag, html=html), encoding="utf-8")


@contextmanager
def opened(
    chromium: Browser, folder: Path, tag: str, size: dict = b.WIDE, clock: bool = False, **options: Any
) -> Iterator[Widget]:
    """The widget of such a page, ready; the page must have nothing to complain of at the end."""
    context, base = chromium.new_context(viewport=size, **options), folder.as_uri() + "/"
    if clock:
        context.clock.install()
    b.guard(context, base)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    log = b.watch(page, base)
    try:
        page.goto(f"{base}{tag}.html")
        b.settle(page)
        widget = Widget(page, tag)
        widget.until("s.ready")
        yield widget
        problems = log.problems()
        assert not problems, problems
    finally:
        context.close()


def violations(widget: Widget, theme: str) -> list[list[str]]:
    """What axe finds in a theme."""
    page = widget.page
    if not page.evaluate("'axe' in window"):
        page.add_script_tag(path=b.AXE)
    page.evaluate(
        "(theme) => { document.documentElement.dataset.theme = theme;"
        " document.body.style.background = theme === 'dark' ? '#14181f' : '#fff';"
        " document.body.style.color = theme === 'dark' ? '#e6eaf0' : '#1f2933'; }",
        theme,
    )
    return page.evaluate(VIOLATIONS)


def too_small(widget: Widget) -> list[str]:
    """Controls on which a finger has no room: 24 pixels is the least that WCAG 2.2 allows."""
    return widget.el.evaluate("""(el) => [...el.querySelectorAll("button, select, input")]
        .filter((e) => e.checkVisibility())
        .map((e) => [e.dataset.role, e.getBoundingClientRect()])
        .filter(([, box]) => box.width < 24 || box.height < 24)
        .map(([role, box]) => `${role} ${box.width}x${box.height}`)""")


def tile(sheet: Image.Image, side: int, columns: int, index: int) -> np.ndarray:
    """(side, side, 3) one image of a sheet."""
    left, top = side * (index % columns), side * (index // columns)
    return np.asarray(sheet.crop((left, top, left + side, top + side))).astype(int)
