"""What a cell printed in columns keeps its lines, and moves sideways where the page is narrow; sentences are wrapped.

A line has columns if a gap of two spaces or more stands inside it; one such line alone is taken for a sentence.
"""

from __future__ import annotations

import re

from docutils import nodes
from sphinx.application import Sphinx

GAP = re.compile(r"\S {2,}\S")


def in_columns(text: str) -> bool:
    """Whether at least two lines of a text have columns."""
    return sum(bool(GAP.search(line)) for line in text.splitlines()) >= 2


def mark(app: Sphinx, doctree: nodes.document) -> None:
    """Give what is printed in columns the class that the style sheet asks for."""
    for block in doctree.findall(nodes.literal_block):
        if "output" in block["classes"] and in_columns(block.astext()):
            block["classes"].append("de-columns")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the step."""
    app.connect("doctree-read", mark)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
