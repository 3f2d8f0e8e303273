"""Frame rate of the flow of 2,000 points: how evenly the page draws, and how much work a frame is.

    python benchmarks/flow_rate.py [--points 2000] [--chrome PATH]

A page with <flow-explorer> is played in a headless Chromium, each scene from one end to the other. A callback of
requestAnimationFrame writes down the time of each frame; the browser's own counters say how long its main thread
worked on scripts and in all (scripts, styles, layout, painting). On a machine that is busy with other things frames
come late: the load average stands beside the numbers. Result: benchmarks/results/flow_rate.json.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from diffusion_edu.widgets import FlowExplorer
from diffusion_edu.widgets.kit import bundle

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "benchmarks/results/flow_rate.json"
sys.path.insert(0, str(ROOT / "tools"))
sys.path.insert(0, str(ROOT / "benchmarks"))

import find_browser  # noqa: E402
from compute_card import cores, processor  # noqa: E402

SIZE = {"width": 1280, "height": 900}
SCENES: dict[str, dict[str, Any]] = {
    "to noise, one draw": {"t": 0},
    "to noise, 50 steps": {"t": 0, "forward": "walk"},
    "back, DDIM, 50 steps": {"direction": "back", "t": 1000},
    "back, DDPM, 50 steps": {"direction": "back", "t": 1000, "eta": 1.0},
    "back, DDPM, 200 steps": {"direction": "back", "t": 1000, "eta": 1.0, "steps": 200},
    "back, DDIM, 50 steps, arrows and trails": {"direction": "back", "t": 1000, "arrows": True, "trails": True},
}

PLAY = """async () => {
    const el = document.querySelector("flow-explorer");
    const button = el.querySelector("[data-role=play]");
    const times = [];
    button.click();
    await new Promise((done) => {
        const tick = (now) => {
            times.push(now);
            if (button.getAttribute("aria-label") === "Pause") requestAnimationFrame(tick);
            else done();
        };
        requestAnimationFrame(tick);
    });
    return times;
}"""


def open_scene(page: Page, folder: Path, points: int, options: dict[str, Any]) -> None:
    """A page with nothing but the widget in this state."""
    html = FlowExplorer(n=points, **options).html()
    script = bundle.classic_script("flow")
    path = folder / "flow.html"
    path.write_text(
        f"<!doctype html><html lang=en><meta charset=utf-8><title>flow</title>"
        f"<body style='max-width:800px;margin:auto'>{html}<script>{script}</script>",
        encoding="utf-8",
    )
    page.goto(path.as_uri())
    page.wait_for_function("document.querySelector('flow-explorer').state?.ready")
    page.wait_for_timeout(500)


def counters(session: Any) -> dict[str, float]:
    """Seconds of work of the main thread until now."""
    return {m["name"]: m["value"] for m in session.send("Performance.getMetrics")["metrics"]}


def measure(page: Page) -> dict[str, float]:
    """Play the scene once; numbers of its frames."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    before = counters(session)
    times = page.evaluate(PLAY)
    after = counters(session)
    gaps = [b - a for a, b in itertools.pairwise(times)]
    frames = len(gaps)
    work = {name: 1000 * (after[name] - before[name]) / frames for name in ("ScriptDuration", "TaskDuration")}
    return {
        "seconds": round((times[-1] - times[0]) / 1000, 1),
        "frames": frames,
        "frames_per_second": round(1000 * frames / (times[-1] - times[0]), 1),
        "median_gap_ms": round(statistics.median(gaps), 1),
        "p95_gap_ms": round(statistics.quantiles(gaps, n=20)[-1], 1),
        "share_of_gaps_over_25_ms": round(sum(gap > 25 for gap in gaps) / frames, 4),
        "script_ms_per_frame": round(work["ScriptDuration"], 1),
        "main_thread_ms_per_frame": round(work["TaskDuration"], 1),
    }


def run(points: int, chrome: str) -> dict[str, Any]:
    """All scenes in one browser."""
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=chrome, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport=SIZE)
        scenes = {}
        for name, options in SCENES.items():
            open_scene(page, Path(folder), points, options)
            scenes[name] = measure(page) | {"load_average": round(os.getloadavg()[0], 1)}
            print(f"{name:42s} {json.dumps(scenes[name])}", flush=True)
        canvas = page.evaluate("document.querySelector('flow-explorer canvas').width")
        centres = page.evaluate("document.querySelector('flow-explorer').state.centres")
        version = browser.version
        browser.close()
    return {
        "command": f"python benchmarks/flow_rate.py --points {points}",
        "machine": {"processor": processor(), "cores": cores(), "graphics": "none: drawn by the processor"},
        "browser": f"Chromium {version}, headless",
        "points": points,
        "centres": centres,
        "canvas_pixels": canvas,
        "scenes": scenes,
    }


def main() -> None:
    """Measure and keep the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=2000)
    parser.add_argument("--chrome", default=None, help="the browser; default: the one that the tests use")
    options = parser.parse_args()
    chrome = options.chrome or find_browser.find()
    if chrome is None:
        sys.exit("no Chromium or Chrome found; `python tools/find_browser.py --install` fetches one")
    result = run(options.points, chrome)
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
