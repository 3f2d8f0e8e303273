"""The text painter in a page: how long it takes to load and to paint, and how far its images are from Python's.

    diffusion-edu export emoji-latent --graph && python benchmarks/painter.py emoji-latent

A page with <text-painter>, the worker, the graphs and the weights is written as the book writes them, served, and
opened in a headless Chromium. Each prompt is painted alone and four at a time, and compared with the package's images
for the same noise after all steps. Result: benchmarks/results/painter.json.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import torch
from playwright.sync_api import Page, sync_playwright

from diffusion_edu.widgets import TextPainter
from diffusion_edu.widgets.kit import bundle

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "benchmarks/results/painter.json"
for folder in ("book/_ext", "tools", "benchmarks"):  # the last is looked into first
    sys.path.insert(0, str(ROOT / folder))
import book_assets  # noqa: E402
import find_browser  # noqa: E402
import serve  # noqa: E402
from compute_card import cores, processor  # noqa: E402

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
STATE = "document.querySelector('text-painter').state"
PROMPTS = ("a red apple, noto style", "a blue heart, twemoji style", "a dog, fluent style")
HALF_LEVEL = 1 / 255  # half a level of an 8-bit image, in units of [-1, 1]


def write_site(widget: TextPainter, folder: Path) -> None:
    """A page with nothing but the widget, its script, and what it loads on request."""
    (folder / "page").mkdir(parents=True)
    book_assets.write_models(folder / "page/live")
    book_assets.write_text_tower(folder / "page/live")
    (folder / "page/painter.js").write_text(bundle.classic_script("painter"), encoding="utf-8")
    (folder / "index.html").write_text(
        "<!doctype html><html lang=en><meta charset=utf-8><title>painter</title>"
        f"<body style='max-width:800px;margin:auto'>{widget.html()}<script defer src=page/painter.js></script>",
        encoding="utf-8",
    )


def page_paints(page: Page, prompt: str, n: int) -> tuple[dict[str, Any], torch.Tensor]:
    """The state after a run in the page, and its images."""
    page.locator("[data-role=n]").select_option(str(n))
    page.locator("[data-role=prompt]").fill(prompt)
    page.locator("[data-role=run]").click()
    ended = "s.phase === 'failed' || (s.phase === 'done' && s.shown?.prompt === prompt && s.shown.n === n)"
    page.wait_for_function(f"([prompt, n]) => (s => {ended})({STATE})", arg=[prompt, n], timeout=600_000)
    state = page.evaluate(STATE)
    if state["phase"] == "failed":
        sys.exit(f"the page could not run the model: {state['reason']}")
    return state, torch.tensor(page.evaluate("Array.from(document.querySelector('text-painter').result.images)"))


def loaded(site: Path, widget: TextPainter) -> dict[str, dict[str, int]]:
    """Bytes of what a page loads on request, as they are and as a server that compresses sends them."""
    live, network = site / "page/live", json.loads(widget.payload)["network"]
    runtime = json.loads((live / "runtime.json").read_text())
    listed = runtime["wasm"]
    tower = f"{json.loads(widget.payload)['tower']['name']}-text.js"
    parts = {
        "model": [*network["graphs"].values(), *(runtime["packed"].get(w, w) for w in network["weights"]), tower],
        "runtime": ["worker.mjs", "runtime.json", listed["module"], listed["binary"]],
    }
    sizes = {}
    for part, names in parts.items():
        contents = [(live / name).read_bytes() for name in names]
        sizes[part] = {"raw": sum(map(len, contents)), "gzip": sum(len(gzip.compress(c, 6)) for c in contents)}
    return sizes


def measured(browser: Any, model: str, repeats: int) -> list[dict[str, Any]]:
    """The rows of one model: an image alone, and four."""
    widget = TextPainter(model)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        write_site(widget, Path(folder))
        server = serve.start(Path(folder), 0)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(f"http://{serve.HOST}:{server.server_address[1]}/index.html")
        page_paints(page, "bread", 1)  # loads, and plans; no later run has its prompt, so that each is told from it
        for n in (1, 4):
            states, differences = [], []
            for prompt in PROMPTS[:repeats]:
                state, found = page_paints(page, prompt, n)
                widget.prompt, widget.n = prompt, n
                differences.append((found.reshape(n, *widget._system.shape) - widget.paint().images).abs())
                states.append(state)
            best = min(states, key=lambda state: state["seconds"])
            whole = torch.cat(differences)
            rows.append(
                {
                    "model": model,
                    "images": n,
                    "steps": best["of"],
                    "guidance": best["guidance"],
                    "seconds": round(best["seconds"], 2),
                    "seconds_longest": round(max(state["seconds"] for state in states), 2),
                    "ms_step": round(best["ms_step"], 1),
                    "decoder_ms": round(best["decoder_ms"]),
                    "largest_difference": float(f"{whole.max():.1e}"),
                    "pixels_off_a_level": round(float((whole > HALF_LEVEL).float().mean()), 6),
                    "load_seconds": round(best["load_seconds"], 2),
                    "bytes": loaded(Path(folder), widget),
                    "provider": best["provider"],
                    "load_average": round(os.getloadavg()[0], 1),
                }
            )
            print(json.dumps(rows[-1]), flush=True)
        page.close()
        server.shutdown()
        server.server_close()
    return rows


def main() -> None:
    """Measure each model and keep the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", help="names of models of the package whose graphs were exported")
    parser.add_argument("--repeats", type=int, default=len(PROMPTS), choices=range(1, len(PROMPTS) + 1))
    parser.add_argument("--out", type=Path, default=RESULT)
    args = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser.find(), args=FLAGS)
        rows = [row for model in args.models for row in measured(browser, model, args.repeats)]
        version = browser.version
        browser.close()
    result = {
        "command": f"python benchmarks/painter.py {' '.join(args.models)}",
        "machine": {"processor": processor(), "cores": cores()},
        "browser": f"Chromium {version}, headless",
        "rows": rows,
    }
    args.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
