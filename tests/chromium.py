"""The browser that all browser tests share: started once a file, with a new profile, kept off the network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from loading import load_file

# Milliseconds until a test that waits in vain gives up: for a machine with much else to do, and no measure of speed.
PATIENCE = 120_000
# Of a browser's own doings, in place of Playwright's list, of which the last takes all: what would ask the network or
# hold pages back, and the pop-ups of an address bar that nobody sees, a page of their own beside each page that opens.
OFF = (
    *("AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsFirstBalancedModeAutoEnable"),
    *("HttpsUpgrades", "LensOverlay", "MediaRouter", "NetworkTimeServiceQuerying", "OptimizationHints", "PaintHolding"),
    *("PreconnectToSearch", "ThirdPartyStoragePartitioning"),
    *("WebUIOmniboxAimPopup", "WebUIOmniboxFullPopup", "WebUIOmniboxPopup"),
)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--disable-features={','.join(OFF)}",
    # The network is off: every name leads nowhere, and no address but the loopback is answered.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


def at_most(seconds: int, promise: str) -> str:
    """A promise, in JavaScript, that is not waited for any longer: nothing else limits the time of `evaluate`."""
    return f"Promise.race([{promise}, new Promise((done) => setTimeout(done, {1000 * seconds}))])"


# A page that the browser does not draw has no frames.
FRAME = at_most(10, "new Promise(requestAnimationFrame)")
DRAWN = at_most(10, "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
# Undefined has no properties: what the condition reads is not there yet.
WAIT = """(arg) => {
    try {
        return CONDITION;
    } catch (error) {
        if (error.name === "TypeError") return false;
        throw error;
    }
}"""


def wait_until(page, condition: str, arg=None) -> None:
    """Wait until an expression in JavaScript holds, which may speak of `arg`, and of values that come later."""
    page.wait_for_function(WAIT.replace("CONDITION", condition), arg=arg)


@contextmanager
def running() -> Iterator:
    """The machine's Chromium, until the end of the block; a test without one fails and says what to do."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)

    # Asked before Playwright runs: only one of it can run in a process.
    path = load_file("tools/find_browser.py").find()
    if path is None:
        pytest.fail("no Chromium or Chrome found; `python tools/find_browser.py --install` fetches one", pytrace=False)
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        except Exception as error:
            pytest.fail(f"{path} does not start: {error}", pytrace=False)
        yield browser
        browser.close()
