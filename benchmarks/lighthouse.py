"""How fast each page of the built book opens on a slow phone, and Lighthouse's four scores for it.

    make book && python benchmarks/lighthouse.py           # about 20 s a page; leave the machine alone meanwhile
    python benchmarks/lighthouse.py --page notebooks/07_sampling --runs 3

Lighthouse comes from npm, and measures with its own mobile setting: a processor that is slowed down four times and a
line of 1.6 Mbit/s, which it simulates. A page is measured `--runs` times; the run of median performance is kept.
Result: benchmarks/results/lighthouse.json. The file is written after each page.

    version   of Lighthouse
    pages     NAME -> {"performance", "accessibility", "best-practices", "seo": 0..100, "first_paint", "largest_paint",
              "blocked": seconds (first and largest contentful paint, total blocking time), "shift": of the layout,
              "elements", "kilobytes": received before the reader does anything}
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
for folder in ("tools", "benchmarks"):
    sys.path.insert(0, str(ROOT / folder))
import build_book  # noqa: E402
import find_browser  # noqa: E402
import js  # noqa: E402
import serve  # noqa: E402
from compute_card import cores, processor  # noqa: E402

RESULT = ROOT / "benchmarks/results/lighthouse.json"
VERSION = "12.8.2"
FLAGS = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
SCORES = ("performance", "accessibility", "best-practices", "seo")
TIMES = {"first_paint": "first-contentful-paint", "largest_paint": "largest-contentful-paint"}


def read(report: dict[str, Any]) -> dict[str, Any]:
    """What is kept of a report of Lighthouse."""
    audits = report["audits"]
    value = {name: audit.get("numericValue", 0.0) for name, audit in audits.items()}
    scores = {name: round(100 * report["categories"][name]["score"]) for name in SCORES}
    times = {name: round(value[audit] / 1000, 3) for name, audit in TIMES.items()}
    return {
        **scores,
        **times,
        "blocked": round(value["total-blocking-time"] / 1000, 3),
        "shift": round(value["cumulative-layout-shift"], 3),
        "elements": round(value["dom-size"]),
        "kilobytes": round(value["total-byte-weight"] / 1000),
    }


def measure(address: str, browser: str) -> dict[str, Any]:
    """One run of Lighthouse; ends the program where it fails."""
    words = ["exec", "--yes", f"lighthouse@{VERSION}", "--", address, "--quiet", "--output=json"]
    words += [f"--chrome-flags={FLAGS}", "--max-wait-for-load=60000"]
    done = js.npm(*words, environment={"CHROME_PATH": browser}, captured=True)
    report = json.loads(done.stdout) if done.returncode == 0 else {}
    if not report or report.get("runtimeError"):
        sys.exit(f"Lighthouse failed: {report.get('runtimeError') or done.stderr}")
    return read(report)


def main() -> None:
    """Serve the site, measure its pages, write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--page", nargs="+", default=None, metavar="NAME", help="such as notebooks/07_sampling")
    parser.add_argument("--runs", type=int, default=1, help="of each page; the median is kept")
    parser.add_argument("--out", type=Path, default=RESULT)
    args = parser.parse_args()
    known = build_book.pages(ROOT)
    names = args.page or [*known, "search"]
    if unknown := set(names) - {*known, "search"}:
        parser.error(f"--page must be a page of _toc.yml, got {', '.join(sorted(unknown))}")
    browser = find_browser.find() or sys.exit("no Chromium found: python tools/find_browser.py --install")
    server = serve.start(ROOT / "_build/html", 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found: dict[str, Any] = json.loads(args.out.read_text()) if args.out.is_file() and args.page else {}
    machine = {"processor": processor(), "cores": cores()}
    found |= {"command": "python benchmarks/lighthouse.py", "version": VERSION, "machine": machine}
    pages = found.setdefault("pages", {})
    for name in names:
        address = f"http://{serve.HOST}:{server.server_address[1]}/{name}.html"
        runs = sorted((measure(address, browser) for _ in range(args.runs)), key=lambda run: run["performance"])
        pages[name] = runs[len(runs) // 2]
        args.out.write_text(json.dumps(found, indent=1) + "\n")
        print(f"{name:36s}", *(pages[name].values()), flush=True)
    server.shutdown()


if __name__ == "__main__":
    main()
