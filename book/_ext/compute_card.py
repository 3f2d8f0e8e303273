"""A card at the top of each chapter: what running it costs, as benchmarks/compute_card.py measured it."""

from __future__ import annotations

import html
import json
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

log = logging.getLogger(__name__)
ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks/compute"
ABSENT = "not measured yet"


def _seconds(value: float | None) -> str:
    return ABSENT if value is None else f"{value:.0f} s" if value >= 10 else f"{value:.1f} s"


def _bytes(value: int | None) -> str:
    if value is None:
        return ABSENT
    if value == 0:
        return "none"
    return f"{value / 1e9:.1f} GB" if value >= 1e9 else f"{value / 1e6:.0f} MB"


def facts(result: dict) -> list[tuple[str, str]]:
    """The card's names and values; what was not measured says so."""
    gpu = result.get("gpu") or {}
    on_gpu = _seconds(gpu.get("wall_seconds")) + (f" ({gpu['name']})" if gpu.get("name") else "")
    return [
        ("time on a CPU", _seconds(result.get("wall_seconds"))),
        ("CPU seconds, all cores", _seconds(result.get("cpu_seconds"))),
        ("peak memory", _bytes(result.get("peak_memory_bytes"))),
        ("download", _bytes(result.get("download_bytes"))),
        ("time with a GPU", on_gpu),
    ]


def _html(result: dict) -> str:
    rows = "".join(f"<div><dt>{html.escape(k)}</dt><dd>{html.escape(v)}</dd></div>" for k, v in facts(result))
    where = result.get("machine", {})
    note = ""
    if where:
        versions = ", ".join(f"{k} {v}" for k, v in result.get("versions", {}).items())
        note = f"<p>Measured on {html.escape(where['processor'])}, {where['cores']} cores; {html.escape(versions)}.</p>"
    return f'<aside class="de-card" aria-label="What running this chapter costs"><dl>{rows}</dl>{note}</aside>'


def add_card(app: Sphinx, doctree: nodes.document) -> None:
    """Put the card under the title of a chapter."""
    docname = app.env.docname
    if not docname.startswith("notebooks/"):
        return
    path = RESULTS / f"{docname.split('/')[1]}.json"
    app.env.note_dependency(str(path))
    result = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    title = next(iter(doctree.findall(nodes.title)), None)
    if title is None:
        log.warning("the chapter has no title", location=docname)
        return
    title.parent.insert(title.parent.index(title) + 1, nodes.raw("", _html(result), format="html"))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the card."""
    app.connect("doctree-read", add_card)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
