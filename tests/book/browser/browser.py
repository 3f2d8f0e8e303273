"""A real browser over the built book: keeping it off the network, and writing down what a page did."""

from __future__ import annotations

import os
import re
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from chromium import DRAWN, FRAME, PATIENCE, at_most
from playwright.sync_api import BrowserContext, Page

ROOT = Path(__file__).resolve().parents[3]
TOOLS = ROOT / "tools"
FACTS = Path(__file__).with_name("facts.js")
AXE = ROOT / "node_modules/axe-core/axe.min.js"
WIDE = {"width": 1280, "height": 900}
NARROW = {"width": 390, "height": 844}
INSIDE = ("data:", "blob:", "about:")

if str(TOOLS) not in sys.path:
    sys.path.insert(0, str(TOOLS))  # build_book and serve are programs, not a package


def site_folder() -> Path:
    """The built book: $BOOK_HTML, else where `make book` puts it."""
    return Path(os.environ.get("BOOK_HTML") or ROOT / "_build/html").resolve()


def toc_pages() -> list[str]:
    """Every page that the table of contents names, such as "book/preface"."""
    import build_book

    return build_book.pages(ROOT)


def chapters() -> list[str]:
    """The pages that are chapters."""
    return [page for page in toc_pages() if page.startswith("notebooks/")]


@dataclass
class Log:
    """What a page did while it was watched; each list is empty on a good page, `asked` aside."""

    console: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    under_way: set = field(default_factory=set)

    def problems(self) -> list[str]:
        """All that went wrong, in words."""
        names = ("console", "errors", "failed", "foreign")
        return [f"{name}: {line}" for name in names for line in getattr(self, name)]


def guard(context: BrowserContext, base: str) -> None:
    """Stop each request that would leave the site which lies under the address `base`."""
    own = re.compile("^(?!" + "|".join(re.escape(start) for start in (base, *INSIDE)) + ")")
    context.route(own, lambda route: route.abort("internetdisconnected"))


def watch(page: Page, base: str) -> Log:
    """Start to write down what a page does."""
    log = Log()

    def on_request(request) -> None:
        log.asked.append(request.url)
        log.under_way.add(request)
        if not request.url.startswith((base, *INSIDE)):
            log.foreign.append(request.url)

    def on_response(response) -> None:
        if response.status >= 400:
            log.failed.append(f"{response.status} {response.url}")

    def on_failed(request) -> None:
        log.under_way.discard(request)
        # What the browser itself withdraws when it leaves a page (an icon still under way) is no fault of the page;
        # a file that is missing, or a request that `guard` stopped, has another name.
        if request.failure != "net::ERR_ABORTED":
            log.failed.append(f"{request.failure} {request.url}")

    def on_console(message) -> None:
        if message.type in ("error", "warning", "assert"):
            place = message.location
            log.console.append(f"{message.type}: {message.text} ({place.get('url')}:{place.get('lineNumber')})")

    page.on("request", on_request)
    page.on("response", on_response)
    page.on("requestfailed", on_failed)
    page.on("requestfinished", lambda request: log.under_way.discard(request))
    page.on("console", on_console)
    page.on("pageerror", lambda error: log.errors.append(str(error)))
    return log


def settle(page: Page, whole: bool = True) -> None:
    """Wait until the page has all that it asked for, has run its scripts and has drawn its widgets.

    A page is laid out below the first screen, and its widgets are loaded there, when its reader begins to scroll
    (_assets/sections.js, widgets.js); with `whole` it is told so, and all its parts are in their places.
    """
    page.wait_for_load_state("load")
    page.evaluate(
        """async (whole) => {
        const until = performance.now() + 60000;
        const none = async (waits) => {
            while (waits() && performance.now() < until) await new Promise((done) => setTimeout(done, 20));
        };
        const root = document.documentElement;
        const widgets = [...document.querySelectorAll('article *')].filter((e) => e.localName.includes('-'));
        const started = () => none(() => widgets.some((w) => customElements.get(w.localName) && !w.state));
        await FONTS;
        if (document.querySelector('script[src*="site.js"]')) await none(() => !root.dataset.scripts);
        await started();
        if (whole) {
            document.dispatchEvent(new Event("scroll"));
            await none(() => root.classList.contains("de-near") || document.querySelector("script[data-run]"));
            await started();
        }
        await DRAWN;
    }""".replace("FONTS", at_most(60, "document.fonts.ready")).replace("DRAWN", DRAWN),
        whole,
    )


def scroll_through(page: Page, log: Log) -> None:
    """Bring every part of the page into view once, so that what is loaded late is loaded."""
    page.evaluate(
        """async () => {
        // A picture in a folded part is loaded late too, and not before the part is open.
        const folded = [...document.querySelectorAll('details:not([open])')];
        folded.forEach((part) => (part.open = true));
        for (let y = 0; y < document.documentElement.scrollHeight; y += innerHeight) {
            scrollTo(0, y);
            await FRAME;
        }
        const shown = () => [...document.images].filter((image) => image.checkVisibility());
        const until = performance.now() + 60000;  // one that is loaded late may not have begun when it is passed
        while (shown().some((image) => !image.complete) && performance.now() < until) await FRAME;
        const decoded = shown().map((image) => image.decode().catch(() => null));
        await DECODED;
        folded.forEach((part) => (part.open = false));
        scrollTo(0, 0);
    }""".replace("FRAME", FRAME).replace("DECODED", at_most(60, "Promise.all(decoded)"))
    )
    end = time.monotonic() + PATIENCE / 1000
    while log.under_way:
        assert time.monotonic() < end, f"still under way: {[request.url for request in log.under_way]}"
        page.evaluate(DRAWN)


def facts(page: Page) -> dict:
    """What facts.js finds in the open page."""
    page.evaluate(f"() => {{ {FACTS.read_text(encoding='utf-8')} }}")
    return page.evaluate("() => window.bookFacts.all()")


def local_path(url: str, base: str, folder: Path) -> Path:
    """The file of the site behind an address under `base`."""
    rest = unquote(urlsplit(url[len(base) :]).path)
    path = folder / rest.lstrip("/")
    return path / "index.html" if rest.endswith("/") or not rest else path
