"""Under each numbered equation: the function that computes it and the tests that check it, read from the docstrings.

Also the directive `{equation-table}`, the whole table on one page. What is missing is a warning, which stops the build.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import equations  # noqa: E402
from source_pages import link  # noqa: E402

log = logging.getLogger(__name__)
claims_of_the_book = cache(equations.claims)  # read once a build: files do not change meanwhile
labels_of_the_book = cache(equations.labels)


def _joined(parts: list[nodes.Node], word: str = ", ") -> list[nodes.Node]:
    """The parts with a word between each two."""
    out: list[nodes.Node] = []
    for part in parts:
        out += [nodes.Text(word), part] if out else [part]
    return out


def function_links(app: Sphinx, docname: str, claims: list[equations.Claim]) -> list[nodes.Node]:
    """Links to the functions of some claims."""
    return _joined([link(app, docname, c.function.path, c.function.line, c.function.name) for c in claims])


def test_links(app: Sphinx, docname: str, claims: list[equations.Claim]) -> list[nodes.Node]:
    """Links to the tests of some claims, each test once."""
    names = dict.fromkeys(test for claim in claims for test in claim.tests)
    places = [place for name in names if (place := equations.find_test(name))]
    return _joined([link(app, docname, p.path, p.line, p.name.split("::")[-1]) for p in places])


def under_equations(app: Sphinx, doctree: nodes.document) -> None:
    """Put the line under each labeled equation of a page."""
    made = claims_of_the_book()
    docname = app.env.docname
    for block in list(doctree.findall(nodes.math_block)):
        label = block.get("label")
        if not label or not label.startswith("eq-"):
            continue
        claims = [claim for claim in made if claim.label == label]
        if not claims:
            continue  # reported once, for the whole book
        line = nodes.paragraph(classes=["de-checked"])
        line += [nodes.Text("code "), *function_links(app, docname, claims)]
        tests = [node for node in test_links(app, docname, claims) if isinstance(node, nodes.reference)]
        if tests:
            line += [nodes.Text(" test "), *_joined([_chip(test, i + 1) for i, test in enumerate(tests)], " ")]
        block.parent.insert(block.parent.index(block) + 1, line)


def _chip(test: nodes.reference, number: int) -> nodes.reference:
    """A link to a test in one sign: the name, which is a sentence, is shown on hover."""
    test["reftitle"] = test.astext().replace("_", " ")
    test.children = [nodes.literal("", str(number))]
    return test


class EquationTable(SphinxDirective):
    """All numbered equations with their source, function and test."""

    def run(self) -> list[nodes.Node]:
        """Build the table; rows stand in the order of the chapters."""
        app, docname = self.env.app, self.env.docname
        made = claims_of_the_book()
        rows = []
        for label in labels_of_the_book():
            claims = [claim for claim in made if claim.label == label]
            if not claims:
                continue
            number = addnodes.pending_xref(
                "",
                nodes.inline(label, label),
                refdomain="math",
                reftype="eq",
                reftarget=label,
                refdoc=docname,
                refexplicit=False,
                refwarn=True,
            )
            sources = [nodes.Text("; ".join(dict.fromkeys(c.source for c in claims if c.source)))]
            rows.append([[number], sources, function_links(app, docname, claims), test_links(app, docname, claims)])
        return [table(["equation", "source", "computed by", "checked by"], rows, [10, 24, 26, 40])]


def table(head: list[str], rows: list[list[list[nodes.Node]]], widths: list[int]) -> nodes.Node:
    """A docutils table from cells that are lists of inline nodes."""
    group = nodes.tgroup(cols=len(head))
    group += [nodes.colspec(colwidth=width) for width in widths]

    def row(cells: list[list[nodes.Node]]) -> nodes.row:
        return nodes.row("", *[nodes.entry("", nodes.paragraph("", "", *cell)) for cell in cells])

    group += nodes.thead("", row([[nodes.Text(name)] for name in head]))
    group += nodes.tbody("", *[row(cells) for cells in rows])
    return nodes.container("", nodes.table("", group, classes=["de-table"]), classes=["de-scroll"])


def report(app: Sphinx, env) -> None:
    """Each missing label, function or test is a warning."""
    for problem in equations.problems():
        log.warning("%s", problem, type="equations")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the lines, the table and the check."""
    app.setup_extension("source_pages")
    app.add_directive("equation-table", EquationTable)
    app.connect("doctree-read", under_equations)
    app.connect("env-check-consistency", report)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
