"""Find a Chromium for the browser tests, or fetch one.

    python tools/find_browser.py              print its path
    python tools/find_browser.py --install    fetch one where there is none: Playwright's, else Debian's package

Asked in this order: $CHROMIUM, what `--install` found, the programs on the PATH, Playwright's own. Each is started once
before it is believed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
APPLICATIONS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)


SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Where `--install` writes down what it found, so that the tests open that one, wherever it lies. Not outside a venv.
NOTE = Path(sys.prefix, ".browser") if sys.prefix != sys.base_prefix else None
# Playwright's own answer, from a process of its own: only one Playwright can run in a process, and it may be this one.
ASK_PLAYWRIGHT = """
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    print(playwright.chromium.executable_path)
"""


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
    done = subprocess.run([sys.executable, "-c", ASK_PLAYWRIGHT], capture_output=True, text=True, timeout=90)
    path = done.stdout.strip()
    return path if done.returncode == 0 and os.path.exists(path) else None


def _noted() -> str | None:
    """The browser that `--install` found, while it is still there."""
    try:
        path = NOTE.read_text(encoding="utf-8") if NOTE else ""
    except OSError:
        return None
    return path if os.access(path, os.X_OK) else None


def find() -> str | None:
    """The path of a browser that starts, or None."""
    named = os.environ.get("CHROMIUM")
    if named:
        if not _works(named):
            sys.exit(f"CHROMIUM names {named}, which does not start as a headless browser")
        return named
    noted = _noted()
    if noted:
        return noted
    for path in [*map(shutil.which, NAMES), *APPLICATIONS]:
        if path and os.path.exists(path) and _works(path):
            return path
    own = _playwrights()
    return own if own and _works(own) else None


def _try(command: list[str], **environment: str) -> bool:
    print("  $", " ".join(command), flush=True)
    try:
        env = {**os.environ, **environment}
        return subprocess.run(command, timeout=900, stdin=subprocess.DEVNULL, env=env).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False


def _from_playwright() -> str | None:
    """Playwright's own Chromium, fetched. It brings none of the libraries that it needs, so it may not start."""
    if not _try([sys.executable, "-m", "playwright", "install", "chromium"]):
        return None
    path = _playwrights()
    return path if path and _works(path) else None


def _of_the_system() -> str | None:
    """A browser that the system has installed where the caller's PATH does not reach."""
    paths = (shutil.which(name, path=SYSTEM_PATH) for name in NAMES)
    return next((path for path in paths if path and _works(path)), None)


def _from_debian() -> str | None:
    """Debian's package, with all that it needs; only root may install it."""
    apt = shutil.which("apt-get", path=SYSTEM_PATH)
    if apt is None or os.geteuid() != 0:
        return None
    # The scripts of the packages call programs that the caller's PATH may not have.
    settings = {"PATH": SYSTEM_PATH, "DEBIAN_FRONTEND": "noninteractive"}
    _try([apt, "update", "-qq"], **settings)
    _try([apt, "install", "-y", "-qq", "--no-install-recommends", "chromium"], **settings)
    return _of_the_system()


def install() -> str:
    """A browser that starts, fetched if need be; ends the program with the reason when none can be had."""
    if NOTE:
        NOTE.unlink(missing_ok=True)
    path = find() or _of_the_system()
    if path is None:
        print("No Chromium or Chrome here: fetching one for the browser tests", flush=True)
        path = _from_playwright() or _from_debian()
    if path is None:
        sys.exit(
            "The browser tests need Chromium or Chrome, and none could be found or fetched. Install one and run\n"
            "`make test` again, or name it: CHROMIUM=/path/to/chromium make test"
        )
    if NOTE and path != os.environ.get("CHROMIUM"):
        NOTE.write_text(path, encoding="utf-8")
    return path


if __name__ == "__main__":
    found = install() if "--install" in sys.argv else find()
    print(found or sys.exit("no Chromium or Chrome found; `make test` fetches one"))
