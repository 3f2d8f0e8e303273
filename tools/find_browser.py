"""Find a Chromium for the browser tests, or fetch one.

    python tools/find_browser.py              print its path
    python tools/find_browser.py --install    fetch one where there is none: Playwright's, else Debian's package

Asked in this order: $CHROMIUM, the programs on the PATH, Playwright's own. Each is started once before it is believed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
APPLICATIONS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)


def _works(path: str) -> bool:
    """True when the browser starts and opens an empty page."""
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", "about:blank"]
    try:
        done = subprocess.run([path, *flags], capture_output=True, timeout=90)
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0 and b"<html" in done.stdout


def _playwrights() -> str | None:
    """Where Playwright keeps its Chromium, when it has fetched one."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if os.path.exists(path) else None


def find() -> str | None:
    """The path of a browser that starts, or None."""
    named = os.environ.get("CHROMIUM")
    if named:
        if not _works(named):
            sys.exit(f"CHROMIUM names {named}, which does not start as a headless browser")
        return named
    for path in [*map(shutil.which, NAMES), *APPLICATIONS]:
        if path and os.path.exists(path) and _works(path):
            return path
    own = _playwrights()
    return own if own and _works(own) else None


def _try(command: list[str]) -> bool:
    print("  $", " ".join(command), flush=True)
    try:
        return subprocess.run(command, timeout=900, stdin=subprocess.DEVNULL).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False


def install() -> str:
    """A browser that starts, fetched if need be; ends the program with the reason when none can be had."""
    path = find()
    if path:
        return path
    print("No Chromium or Chrome here: fetching one for the browser tests", flush=True)
    _try([sys.executable, "-m", "playwright", "install", "chromium"])
    path = find()
    if path is None and shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
        os.environ["DEBIAN_FRONTEND"] = "noninteractive"
        _try(["apt-get", "update", "-qq"])
        _try(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"])
        path = find()
    if path is None:
        sys.exit(
            "The browser tests need Chromium or Chrome, and none could be found or fetched. Install one and run\n"
            "`make test` again, or name it: CHROMIUM=/path/to/chromium make test"
        )
    return path


if __name__ == "__main__":
    found = install() if "--install" in sys.argv else find()
    print(found or sys.exit("no Chromium or Chrome found; `make test` fetches one"))
