"""The search: titles in the index as a reader sees them, without TeX; and the index only on the page that searches."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

from docutils import nodes
from katex_strict import katex
from sphinx.application import Sphinx

CALL = re.compile(r"^(Search\.setIndex\()(.*)(\)\s*;?\s*)$", re.S)


def words(math: nodes.math) -> str:
    """A formula as plain text: what its MathML shows, such as "x0" for x_0."""
    shown = katex.render(math.astext(), False).get("html", "")
    found = re.search(r"<semantics>(.*?)<annotation", shown, re.S)
    text = html.unescape(re.sub(r"<[^>]*>", "", found[1])) if found else math.astext()
    return re.sub(r"[\u2061-\u2064\u200b]", "", text)


def plain(title: nodes.title) -> str:
    """A title in plain text."""
    parts = [words(node) if isinstance(node, nodes.math) else str(node) for node in title.findall(_ends)]
    return "".join(parts)


def _ends(node: nodes.Node) -> bool:
    """True for a formula, and for a text that stands in none."""
    return isinstance(node, nodes.math) or (isinstance(node, nodes.Text) and not isinstance(node.parent, nodes.math))


def collect(app: Sphinx, env) -> None:
    """Note each title that holds a formula: as Sphinx writes it into the index, and in plain text."""
    found: dict[str, str] = {}
    for name in env.found_docs:
        for title in env.get_doctree(name).findall(nodes.title):
            if next(iter(title.findall(nodes.math)), None) is not None:
                found[title.astext()] = plain(title)
    app.book_titles = found  # type: ignore[attr-defined]


def rewrite(app: Sphinx, exception: Exception | None) -> None:
    """Put the plain titles into the index that was written."""
    path = Path(app.outdir) / "searchindex.js"
    if exception or not path.is_file():
        return
    call = CALL.match(path.read_text(encoding="utf-8"))
    assert call, f"{path} is not as Sphinx writes it"
    index = json.loads(call[2])
    names = app.book_titles  # type: ignore[attr-defined]
    titles: dict[str, list] = {}
    for title, places in index["alltitles"].items():
        titles.setdefault(names.get(title, title), []).extend(places)
    index["alltitles"] = titles
    text = json.dumps(index, ensure_ascii=False, separators=(",", ":"))
    path.write_text(f"{call[1]}{text}{call[3]}", encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the two steps."""
    app.connect("env-check-consistency", collect)
    app.connect("build-finished", rewrite)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
