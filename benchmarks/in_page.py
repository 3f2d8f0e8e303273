"""The trained model in a page of the built book: how long it takes to load and to draw, and how far it is from Python.

    make book && python benchmarks/in_page.py --out benchmarks/results/in_page.json

It serves the site, opens chapter 7 in a headless Chromium, runs 50 DDIM steps with one picture and with four, and
compares the page's pictures with those of the package for the same noise. `--webgpu` uses Chromium's software adapter:
far too slow to be a measure of speed, it shows that the same numbers come out.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import json
import os
import platform
import sys
import threading
import time
from pathlib import Path
from typing import Any

import torch
from playwright.sync_api import Page, sync_playwright

import diffusion_edu as de
from diffusion_edu.widgets.maths.noise import widget_noise

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import find_browser  # noqa: E402
import serve  # noqa: E402

PAGE = "notebooks/07_sampling.html"
FLAGS = ["--headless", "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking"]
SOFTWARE_GPU = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"]


@torch.no_grad()
def python_draws(model: Any, steps: int, pictures: int) -> torch.Tensor:
    """What the package makes of the page's noise, with DDIM: (pictures, C, H, W)."""
    x_t = torch.cat([widget_noise(model.shape, seed) for seed in range(pictures)]).float()
    for t, s in itertools.pairwise(de.timesteps(model.schedule.T, steps)):
        x_t = de.ddim_step(x_t, model.denoiser(x_t, t), t, s, model.schedule)
    return x_t


def page_draws(page: Page, steps: int, pictures: int) -> tuple[dict[str, Any], torch.Tensor]:
    """The state after a run in the page, and its pictures."""
    page.evaluate("() => document.querySelector('live-sampler').scrollIntoView()")
    page.locator("live-sampler [data-role=method]").select_option("ddim")
    page.locator("live-sampler [data-role=samples]").select_option(str(pictures))
    for role, value in (("steps-number", steps), ("seed", 0)):
        page.locator(f"live-sampler [data-role={role}]").fill(str(value))
        page.locator(f"live-sampler [data-role={role}]").press("Tab")
    page.locator("live-sampler [data-role=run]").click()
    for phase in ("running", "done"):
        page.wait_for_function(
            f"() => ['{phase}', 'failed'].includes(document.querySelector('live-sampler').state.phase)", timeout=600_000
        )
    state = page.evaluate("() => document.querySelector('live-sampler').state")
    if state["phase"] == "failed":
        sys.exit(f"the page could not run the model: {state['reason']}")
    return state, torch.tensor(page.evaluate("() => Array.from(document.querySelector('live-sampler').result.xt)"))


def transferred(site: Path, kind: str) -> dict[str, int]:
    """Bytes of what a page loads when it runs a model, as they are and as a server that compresses sends them."""
    folder = site / "_static/page/live"
    listed = json.loads((folder / "runtime.json").read_text())[kind]
    names = [
        listed["module"],
        listed["binary"],
        "worker.mjs",
        "runtime.json",
        "fashion.onnx",
        "fashion.safetensors",
    ]
    contents = [(folder / name).read_bytes() for name in names]
    return {"raw": sum(map(len, contents)), "gzip": sum(len(gzip.compress(c, 6)) for c in contents)}


def main() -> None:
    """Serve, open, run, compare, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--site", type=Path, default=ROOT / "_build/html")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--pictures", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--webgpu", action="store_true", help="with Chromium's software adapter")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()

    model = de.load("fashion")
    server = serve.start(args.site, 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    rows = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_browser.find(), args=[*FLAGS, *(SOFTWARE_GPU if args.webgpu else ["--disable-gpu"])]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(f"http://{serve.HOST}:{server.server_address[1]}/{PAGE}")
        for pictures in args.pictures:
            wanted = python_draws(model, args.steps, pictures)
            states = []
            for _ in range(args.repeats):
                state, found = page_draws(page, args.steps, pictures)
                states.append(state)
                difference = (found.reshape(wanted.shape) - wanted).abs().max().item()
                rows.append(
                    {
                        "pictures": pictures,
                        "seconds": round(state["seconds"], 2),
                        "ms_step": round(state["ms_step"], 1),
                        "largest_difference": difference,
                    }
                )
                print(rows[-1], flush=True)
        browser.close()
    report = {
        "steps": args.steps,
        "provider": state["provider"],
        "load_seconds": round(state["load_seconds"], 2),
        "bytes": transferred(args.site, state["provider"]),
        "rows": rows,
        "machine": {"processor": platform.machine(), "cores": os.cpu_count(), "load": os.getloadavg()[0]},
        "date": time.strftime("%Y-%m-%d"),
    }
    print(json.dumps(report, indent=1))
    if args.out:
        args.out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
