"""What all browser tests share: the built site, a server for it, one browser, and each page visited once."""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # tests are imported by path, and share browser.py

import browser as b
import widgets
from chromium import DRAWN, PATIENCE, running, wait_until


@dataclass(frozen=True)
class Site:
    """A built book: its folder, and the addresses under which it is served and lies on the disk."""

    folder: Path
    http: str
    file: str

    def url(self, page: str, scheme: str = "http") -> str:
        """The address of a page such as "notebooks/02_forward_noising"."""
        return f"{getattr(self, scheme)}{page}.html"


@dataclass
class Visit:
    """All that was seen of one page in one visit: light and dark, wide and narrow."""

    log: b.Log
    facts: dict
    at_first: list[str]  # what was asked for before the page was scrolled
    overflow: dict[str, dict] = field(default_factory=dict)
    contrast: dict[str, list] = field(default_factory=dict)
    axe: dict[str, list] = field(default_factory=dict)
    dark: dict = field(default_factory=dict)
    transparency: list = field(default_factory=list)
    unfolded: dict = field(default_factory=dict)
    cut: list = field(default_factory=list)


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """The built book, served to this machine."""
    folder = b.site_folder()
    if not (folder / "index.html").is_file():
        pytest.fail(f"{folder} holds no built book: run `make book` first", pytrace=False)
    import serve

    server = serve.start(folder, 0)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Site(folder, f"http://{serve.HOST}:{server.server_address[1]}/", folder.as_uri() + "/")
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="session")
def chromium() -> Iterator:
    """One browser for the whole run."""
    with running() as browser:
        yield browser


@pytest.fixture(scope="session")
def opened(site: Site, chromium):
    """A function that opens pages: `with opened("notebooks/...", scheme="file", **context options) as (page, log)`."""

    @contextmanager
    def open_page(
        name: str, scheme: str = "http", size: dict = b.WIDE, clock: bool = False, whole: bool = True, **options
    ):
        context = chromium.new_context(viewport=size, **options)
        if clock:
            context.clock.install()
        base = getattr(site, scheme)
        b.guard(context, base)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        log = b.watch(page, base)
        try:
            page.goto(site.url(name, scheme))
            if name == "index":  # it sends the reader on to the first page
                page.wait_for_url(lambda url: not url.endswith("/index.html"))
            if options.get("java_script_enabled", True):
                b.settle(page, whole)
            yield page, log
        finally:
            context.close()

    return open_page


# A widget as new, on a page that stays open: it is taken out, forgets what was done to it, and is put back.
RESET = """(tag) => {
    document.querySelectorAll("[data-added]").forEach((el) => el.remove());
    document.querySelectorAll(tag).forEach((el) => {
        const place = document.createComment("");
        el.replaceWith(place);
        delete el.kept;
        delete el.state;
        place.replaceWith(el);
    });
    document.activeElement?.blur();
    scrollTo(0, 0);
}"""
MOST_PAGES = 6


@pytest.fixture(scope="session")
def stage(opened) -> Iterator:
    """A function: the page that a widget is at home on, with the widget as new; some pages stay open between tests."""
    kept: OrderedDict[tuple, tuple] = OrderedDict()

    def go(tag: str, **options):
        key = (tag, *sorted((name, str(value)) for name, value in options.items()))
        if key not in kept:
            if len(kept) >= MOST_PAGES:
                kept.popitem(last=False)[1][0].__exit__(None, None, None)
            manager = opened(widgets.HOMES.get(tag) or widgets.OTHER_HOMES[tag], **options)
            kept[key] = (manager, *manager.__enter__())
        kept.move_to_end(key)
        _, page, log = kept[key]
        page.evaluate(RESET, tag)
        b.settle(page)
        return page, log

    yield go
    for manager, _, _ in kept.values():
        manager.__exit__(None, None, None)


@pytest.fixture
def on(stage) -> Iterator:
    """A function: the page of a widget; at the end of the test the page must have nothing to complain of."""
    used = []

    def go(tag: str, **options):
        page, log = stage(tag, **options)
        used.append((log, len(log.problems())))
        return page

    yield go
    assert [problem for log, before in used for problem in log.problems()[before:]] == []


# axe takes a millisecond for each element. A formula is drawn in hundreds that screen readers pass over, and a line of
# code is as many spans as words, which differ in color alone. bookFacts.contrast sees each; for axe a box of the same
# size stands in for the formula, and the text in one piece for the code. Nothing is put back: this is the last look.
SIMPLER = """() => {
    const formulas = [...document.querySelectorAll(".katex-html")].filter((el) => el.childElementCount);
    const sizes = formulas.map((el) => el.getBoundingClientRect());
    formulas.forEach((el, k) => {
        el.replaceChildren();
        Object.assign(el.style, {
            display: "inline-block", width: `${sizes[k].width}px`, height: `${sizes[k].height}px`,
        });
    });
    for (const el of document.querySelectorAll("pre, code, math > semantics")) {
        if (el.childElementCount && !el.querySelector("a, button, [tabindex], [role], [aria-label]")) {
            el.textContent = el.textContent;
        }
    }
}"""
# All that axe knows, of the page in the first theme. In the next one the colors, and all of what is shown only there.
AXE = """async () => {
    const all = [...document.body.querySelectorAll("*")].filter((el) => el.checkVisibility());
    const fresh = window.axeSaw && all.filter((el) => !axeSaw.has(el));
    window.axeSaw = new Set([...(window.axeSaw || []), ...all]);
    const options = { resultTypes: ["violations"] };
    const color = { ...options, runOnly: ["color-contrast", "link-in-text-block"] };  // on by default
    const found = [await axe.run(document, fresh ? color : options)];
    if (fresh?.length) found.push(await axe.run({ include: fresh }, options));
    const part = (n) => ({ target: n.target.join(" "), html: n.html.slice(0, 160), why: n.failureSummary });
    return found.flatMap((f) => f.violations)
        .map((v) => ({ rule: v.id, impact: v.impact, nodes: v.nodes.map(part) }));
}"""


def show(page, theme: str) -> None:
    """Change the reader's theme."""
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    wait_until(page, "document.documentElement.dataset.theme === arg", theme)
    b.settle(page)


def unfold(page) -> dict:
    """Open the first folded part by keyboard: how many there are, and what it shows before and after; then close it."""
    bars = page.locator("article details:not([open]) > summary")
    found = {"count": bars.count()}
    if found["count"]:
        bar = bars.first.element_handle()
        words = f"async (bar) => {{ await {DRAWN}; return bar.parentElement.innerText.trim(); }}"
        found |= {"bar": bar.inner_text().strip(), "before": bar.evaluate(words)}
        bar.focus()
        page.keyboard.press("Enter")
        found["after"] = bar.evaluate(words)
        page.keyboard.press("Enter")
        bar.evaluate("(bar) => bar.blur()")
    return found


@pytest.fixture(scope="session")
def visit(opened):
    """A function: one page of the table of contents, looked at from all sides, once a session."""
    if not b.AXE.is_file():
        pytest.fail(f"{b.AXE} is missing: run `make book`, which installs the JavaScript parts", pytrace=False)
    seen: dict[str, Visit] = {}
    broken: dict[str, str] = {}

    def look(name: str) -> Visit:
        if name not in seen and name not in broken:
            try:
                seen[name] = _look(name)
            except Exception as error:  # told once by each test, without waiting for the page again
                broken[name] = str(error)
        if name in broken:
            pytest.fail(f"{name} could not be looked at: {broken[name]}", pytrace=False)
        return seen[name]

    def _look(name: str) -> Visit:
        with opened(name, color_scheme="light", reduced_motion="reduce") as (page, log):
            page.wait_for_load_state("networkidle")
            at_first = list(log.asked)
            b.scroll_through(page, log)
            found = Visit(log, b.facts(page), at_first)
            found.transparency = page.evaluate("() => bookFacts.transparency()")
            found.overflow["wide"] = page.evaluate("() => bookFacts.overflow()")
            found.unfolded = unfold(page)
            found.contrast["light"] = page.evaluate("() => bookFacts.contrast()")
            show(page, "dark")
            found.contrast["dark"] = page.evaluate("() => bookFacts.contrast()")
            found.dark = page.evaluate("() => bookFacts.themed()")
            page.set_viewport_size(b.NARROW)
            b.settle(page)
            found.overflow["narrow"] = page.evaluate("() => bookFacts.overflow()")
            found.cut = page.evaluate("() => bookFacts.cut()")
            page.evaluate(SIMPLER)
            page.set_viewport_size(b.WIDE)
            b.settle(page)
            page.add_script_tag(path=b.AXE)
            for theme in ("dark", "light"):
                show(page, theme)
                found.axe[theme] = page.evaluate(AXE)
        return found

    return look
