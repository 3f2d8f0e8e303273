"""The chapters in a real JupyterLab, as `make lab` opens it: a reader sees text, and no markup of the book."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import browser as b
import pytest
from chromium import wait_until

pytestmark = pytest.mark.browser
CHAPTERS = sorted((b.ROOT / "notebooks").glob("*.ipynb"))
# A role, a directive, an option of one, a label of an equation.
RAW = re.compile(r"\{[a-z][a-z:-]*\}[`‘]?|^\s*[`:]{3,}|^\s*:[a-z-]+: |\(eq-[\w-]+\)|\$\$", re.M)
SETTINGS = {
    # all cells at once, not only those in view
    "notebook-extension/tracker": {"windowingMode": "none", "kernelShutdown": True},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}
PANEL = ".jp-NotebookPanel:not(.lm-mod-hidden)"
# The text of the cells without mathematics, whose letters stand there twice, and without code.
TEXT = """(panel) => [...document.querySelectorAll(`${panel} .jp-MarkdownCell`)].map((cell) => {
    const copy = cell.querySelector(".myst, .jp-MarkdownOutput").cloneNode(true);
    copy.querySelectorAll(".katex, pre, code, style").forEach((part) => part.remove());
    const parts = [...copy.querySelectorAll("p, li, td, h1, h2, h3, h4, div")];
    return [...parts, copy].map((e) => e.textContent).join("\\n");
})"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The address of a JupyterLab over a copy of the notebooks, with settings of its own."""
    home = tmp_path_factory.mktemp("lab")
    (home / "notebooks").mkdir()
    for chapter in CHAPTERS:  # what is read here is text: figures and widgets would only be drawn
        notebook = json.loads(chapter.read_text(encoding="utf-8"))
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                cell["outputs"] = []
        (home / "notebooks" / chapter.name).write_text(json.dumps(notebook), encoding="utf-8")
    for name, values in SETTINGS.items():
        path = home / "settings/@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values), encoding="utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folders = {"JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces"}
    folders |= {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_RUNTIME_DIR": "runtime"}
    environment = {**os.environ, **{name: str(home / folder) for name, folder in folders.items()}}
    options = [f"--port={port}", "--ServerApp.port_retries=0", "--ServerApp.ip=127.0.0.1", "--allow-root"]
    options += ["--IdentityProvider.token=", "--ServerApp.password=", f"--notebook-dir={home / 'notebooks'}"]
    log = home / "log"
    with log.open("w") as out:
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", *options]
        server = subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.STDOUT)
    try:
        wait_for(server, f"http://127.0.0.1:{port}/api/status", log)
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.terminate()
        server.wait(30)


def wait_for(server, address: str, log: Path) -> None:
    """Wait until the server answers."""
    end = time.monotonic() + 120
    while True:
        try:
            urllib.request.urlopen(address, timeout=10).close()
            return
        except (urllib.error.URLError, OSError):
            assert server.poll() is None, log.read_text(encoding="utf-8")
            assert time.monotonic() < end, log.read_text(encoding="utf-8")
            time.sleep(0.2)


@pytest.fixture(scope="module")
def opened_lab(lab, chromium):
    """One page with JupyterLab for all chapters."""
    context = chromium.new_context(viewport=b.WIDE)
    page = context.new_page()
    page.set_default_timeout(120_000)
    page.goto(f"{lab}lab")
    page.wait_for_selector(".jp-DirListing-item")
    yield page
    context.close()


def texts(page, chapter: Path) -> list[str]:
    """Open a chapter from the list of files, as a reader does, and read its cells of text; then close it."""
    page.locator(".jp-DirListing-item", has_text=chapter.name).dblclick()
    cells = json.loads(chapter.read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    # the marks where a solution begins and ends have no text of their own
    count = sum(bool(re.sub(r"^[`:].*$", "", source, flags=re.M).strip()) for source in sources)
    drawn = f"[...document.querySelectorAll('{PANEL} .jp-MarkdownCell :is(.myst, .jp-MarkdownOutput)')]"
    ready = f"{drawn}.length >= {len(sources)} && {drawn}.filter((e) => e.textContent).length >= {count}"
    wait_until(page, ready)
    found = page.evaluate(TEXT, PANEL)
    page.locator(".lm-TabBar-tab.lm-mod-current .lm-TabBar-tabCloseIcon").first.click()
    wait_until(page, f"!document.querySelector('{PANEL}') || document.querySelector('.jp-Dialog')")
    if page.locator(".jp-Dialog").count():
        page.locator(".jp-Dialog button", has_text="Discard").click()
        wait_until(page, f"!document.querySelector('{PANEL}')")
    return found


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_no_markup_of_the_book_is_shown(opened_lab, chapter) -> None:
    source = ["".join(c["source"]) for c in json.loads(chapter.read_text(encoding="utf-8"))["cells"]]
    assert any("{eq}" in text or "{cite:" in text for text in source), "there is no markup to show"
    found = texts(opened_lab, chapter)
    assert sum(map(len, found)) > 3000
    assert [raw[0] for text in found for raw in RAW.finditer(text)] == []
