"""The search by words in a page: how long from a key to the drawn answer, and how far embeddings are from PyTorch's.

    python benchmarks/text_search.py [--chrome PATH]

A page with <text-search> is opened from a folder in a headless Chromium and searches are typed letter by letter. The
page writes down the time from the browser's stamp on each key to the end of the drawing; once as fast as this machine
is, and once slowed down four times by the browser, as a telephone may be. On a machine that is busy with other things
some keys wait: the load average stands beside the numbers. Result: benchmarks/results/text_search.json.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from playwright.sync_api import Page, sync_playwright

from diffusion_edu.data import emoji
from diffusion_edu.systems import emoji_tokenizer
from diffusion_edu.widgets import TextSearch
from diffusion_edu.widgets.kit import bundle
from diffusion_edu.widgets.model.tower import tower_script

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "benchmarks/results/text_search.json"
sys.path.insert(0, str(ROOT / "tools"))
sys.path.insert(0, str(ROOT / "benchmarks"))

import find_browser  # noqa: E402
from compute_card import cores, processor  # noqa: E402

SEARCHES = ("a red rose", "sunset over mountains", "a person in a wheelchair playing the violin", "xylophone", "piñata")
MODULES = ("kit/unpack", "maths/text_encoder", "maths/word_pieces", "model/script", "model/tower")
STATE = "document.querySelector('text-search').state"


def write_site(widget: TextSearch, folder: Path) -> Path:
    """A page with nothing but the widget, its script, and the text encoder where it is looked for."""
    (folder / "page/live").mkdir(parents=True)
    tower = tower_script("emoji-clip", widget._tower)
    (folder / "page/live/emoji-clip-text.js").write_text(tower, encoding="utf-8")
    (folder / "page/text_search.js").write_text(bundle.classic_script("search"), encoding="utf-8")
    page = folder / "index.html"
    page.write_text(
        "<!doctype html><html lang=en><meta charset=utf-8><title>search</title>"
        "<body style='max-width:800px;margin:auto'>"
        f"{widget.html()}<script defer src=page/text_search.js></script>",
        encoding="utf-8",
    )
    return page


def typed(page: Page) -> dict[str, Any]:
    """Type all searches; milliseconds of each key."""
    keys, encoders = [], []
    for words in SEARCHES:
        page.locator("[data-role=query]").fill("")
        for letter in words:
            before = page.evaluate(f"{STATE}.query")
            page.keyboard.insert_text(letter)
            page.wait_for_function(f"(before) => {STATE}.query !== before", arg=before)
            state = page.evaluate(STATE)
            if state["query"].strip():
                keys.append(state["milliseconds"])
                encoders.append(state["encode_milliseconds"])
    return {
        "keys": len(keys),
        "median_ms": round(statistics.median(keys), 1),
        "p95_ms": round(statistics.quantiles(keys, n=20)[-1], 1),
        "longest_ms": round(max(keys), 1),
        "encoder_median_ms": round(statistics.median(encoders), 1),
        "load_average": round(os.getloadavg()[0], 1),
    }


def difference(page: Page, widget: TextSearch) -> dict[str, Any]:
    """The largest difference of an embedding to PyTorch's, over the captions of the held-out pictures."""
    captions = list(emoji("test").captions)
    sources = [[name.split("/")[1], (bundle.WIDGETS / f"{name}.mjs").read_text(encoding="utf-8")] for name in MODULES]
    found = page.evaluate(EMBED, [sources, widget._tower, captions])
    ids, mask = emoji_tokenizer().encode(captions)
    with torch.no_grad():
        wanted = widget._clip.encode_text(ids, mask)
    return {"texts": len(captions), "largest_difference": float(f"{(torch.tensor(found) - wanted).abs().max():.1e}")}


# The modules as they are, their names for each other replaced by addresses of what they hold.
EMBED = """async ([sources, tower, texts]) => {
    const at = {};
    for (const [name, text] of sources) {
        const source = text.replace(/"\\.{1,2}\\/(?:\\w+\\/)?(\\w+)\\.mjs"/g, (_, other) => JSON.stringify(at[other]));
        at[name] = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    }
    const { makeTextEncoder } = await import(at.text_encoder);
    const { unpackTower } = await import(at.tower);
    const { makeTokenizer } = await import(at.word_pieces);
    const [pieces, encoder] = [makeTokenizer(tower.words), makeTextEncoder(await unpackTower(tower), tower.heads)];
    return texts.map((text) => Array.from(encoder.encode(pieces.encode(text).ids)));
}"""


def run(chrome: str) -> dict[str, Any]:
    """One browser, at full speed and slowed down."""
    widget = TextSearch()
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        address = write_site(widget, Path(folder)).as_uri()
        browser = playwright.chromium.launch(executable_path=chrome, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(address)
        began = page.evaluate("performance.now()")
        page.locator("[data-role=load]").click()
        page.wait_for_function(f"{STATE}.phase === 'ready'", timeout=60_000)
        loaded = page.evaluate("performance.now()") - began
        page.locator("[data-role=query]").focus()
        speeds = {"as it is": typed(page)}
        page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": 4})
        speeds["four times slower"] = typed(page)
        for name, row in speeds.items():
            print(f"{name:20s} {json.dumps(row)}", flush=True)
        page.goto("about:blank")
        equal = difference(page, widget)
        version = browser.version
        browser.close()
    tower = tower_script("emoji-clip", widget._tower).encode()
    return {
        "command": "python benchmarks/text_search.py",
        "machine": {"processor": processor(), "cores": cores()},
        "browser": f"Chromium {version}, headless",
        "pictures": len(widget._data.names),
        "load_ms": round(loaded),
        "bytes": {
            "text_encoder": len(tower),
            "text_encoder_gzip": len(gzip.compress(tower, 6)),
            "element_gzip": len(gzip.compress(widget.html().encode(), 6)),
        },
        "from_key_to_answer": speeds,
        "against_pytorch": equal,
    }


def main() -> None:
    """Measure and keep the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chrome", default=None, help="the browser; default: the one that the tests use")
    chrome = parser.parse_args().chrome or find_browser.find()
    if chrome is None:
        sys.exit("no Chromium or Chrome found; `python tools/find_browser.py --install` fetches one")
    result = run(chrome)
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
