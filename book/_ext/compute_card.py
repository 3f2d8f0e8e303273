"""A card at the end of each chapter: what running it costs, as measured, and its download."""

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


def _seconds(value: float) -> str:
    return f"{value:.0f} s" if value >= 10 else f"{value:.1f} s"


def _bytes(value: int) -> str:
    if value == 0:
        return "none"
    return f"{value / 1e9:.1f} GB" if value >= 1e9 else f"{value / 1e6:.0f} MB"


def facts(result: dict) -> list[tuple[str, str]]:
    """The card's names and values; what was not measured is not shown."""
    gpu = result.get("gpu") or {}
    on_gpu = f"time on a GPU ({gpu['name']})" if gpu.get("name") else "time on a GPU"
    rows = [
        ("time on a CPU", _seconds, result.get("wall_seconds")),
        ("peak memory", _bytes, result.get("peak_memory_bytes")),
        ("download", _bytes, result.get("download_bytes")),
        (on_gpu, _seconds, gpu.get("wall_seconds")),
    ]
    return [(name, tell(value)) for name, tell, value in rows if value is not None]


PLAIN = (
    '<p><a href="../plain/{name}.ipynb" download>Download this chapter as a plain notebook</a>, '
    'for <a href="../book/how-to-run.html#in-a-hosted-notebook">a hosted notebook service</a>.</p>'
)


def _html(name: str, result: dict) -> str:
    rows = "".join(f"<div><dt>{html.escape(k)}</dt><dd>{html.escape(v)}</dd></div>" for k, v in facts(result))
    where = result.get("machine", {})
    note = ""
    if where:
        versions = ", ".join(f"{k} {v}" for k, v in result.get("versions", {}).items())
        note = f"<p>Measured on {html.escape(where['processor'])}, {where['cores']} cores; {html.escape(versions)}.</p>"
    measured = f"<dl>{rows}</dl>{note}" if rows else ""
    download = PLAIN.format(name=html.escape(name))
    return f'<aside class="de-card" aria-label="What running this chapter costs">{measured}{download}</aside>'


def add_card(app: Sphinx, doctree: nodes.document) -> None:
    """Put the card at the end of a chapter: a page begins with what it is about."""
    docname = app.env.docname
    if not docname.startswith("notebooks/"):
        return
    name = docname.split("/")[1]
    path = RESULTS / f"{name}.json"
    app.env.note_dependency(str(path))
    result = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    title = next(iter(doctree.findall(nodes.title)), None)
    if title is None:
        log.warning("the chapter has no title", location=docname)
        return
    title.parent.append(nodes.raw("", _html(name, result), format="html"))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the card."""
    app.connect("doctree-read", add_card)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
