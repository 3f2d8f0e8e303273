"""Tables of the benchmarks page, made from the files that the benchmarks wrote: nothing in them is typed in.

```{benchmark} training_step
```

stands for the table of benchmarks/results/training_step.json. What was not measured is not shown: no row,
no table, and no section that holds nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive
from speed_tables import (
    Table,
    cost,
    cpu,
    frechet,
    gpu,
    lighthouse,
    machine_of,
    profile,
    sampler_overhead,
    training_step,
)
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from text_systems_tables import cascade, priors, text_encoder_study
from text_to_image_tables import Parts
from text_to_image_tables import tables as of_text_to_image

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks/results"


def _parts(made: Callable[[dict[str, Any], str], list[Parts]]) -> Callable[[dict[str, Any]], list[Table]]:
    """Tables whose makers stand in files of their own."""
    return lambda result: [Table(*one) for one in made(result, machine_of(result))]


MAKERS: dict[str, Callable[[dict[str, Any]], list[Table]]] = {
    "training_step": training_step,
    "sampler_overhead": sampler_overhead,
    "frechet": frechet,
    "cost": cost,
    "profile": profile,
    "gpu": gpu,
    "cpu": cpu,
    "lighthouse": lighthouse,
    "text_to_image": _parts(of_text_to_image),
    "priors": _parts(priors),
    "cascade": _parts(cascade),
    "text_encoder_study": _parts(text_encoder_study),
}


def tables(name: str) -> list[Table]:
    """The tables of one result; none where it was not measured."""
    path = RESULTS / f"{name}.json"
    made = MAKERS[name](json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else []
    return [table for table in made if table.rows]


def _node(table: Table) -> nodes.table:
    """The same for docutils."""
    group = nodes.tgroup(cols=len(table.head))
    group += [nodes.colspec(colwidth=1) for _ in table.head]

    def line(cells: Sequence[str]) -> nodes.row:
        return nodes.row("", *[nodes.entry("", nodes.paragraph("", cell)) for cell in cells])

    group += nodes.thead("", line(table.head))
    group += nodes.tbody("", *[line(cells) for cells in table.rows])
    node = nodes.table(classes=["de-benchmark"])
    if table.caption:
        node += nodes.title("", table.caption)
    node += group
    return node


class nothing(nodes.Invisible, nodes.Element):
    """Stands where a table would, until its section is looked at."""


def drop_empty(app: Sphinx, doctree: nodes.document) -> None:
    """Take out each section whose only table was not measured, and the mark itself where there is another."""
    for mark in list(doctree.findall(nothing)):
        section = mark.parent
        tables_there = next(iter(section.findall(nodes.table)), None)
        part = section if isinstance(section, nodes.section) and tables_there is None else mark
        part.parent.remove(part)


class Benchmark(SphinxDirective):
    """The directive."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Its tables, each in a box that scrolls sideways by itself on a narrow page."""
        name = self.arguments[0]
        if name not in MAKERS:
            raise self.error(f"benchmark must be one of {', '.join(MAKERS)}, got {name!r}")
        self.env.note_dependency(str(RESULTS / f"{name}.json"))
        return [_node(table) for table in tables(name)] or [nothing()]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    directive: type[Directive] = Benchmark
    app.add_directive("benchmark", directive)
    app.connect("doctree-read", drop_empty, priority=50)  # before Sphinx collects the titles
    return {"parallel_read_safe": True, "parallel_write_safe": True}
