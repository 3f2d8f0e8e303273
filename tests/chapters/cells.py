"""Run single cells of a chapter, found by their ids, so that tests and readers look at the same code."""

from pathlib import Path

import nbformat

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


def run_cells(chapter, *ids, **names):
    """The namespace after running these cells in this order, with `names` defined beforehand."""
    found = {cell.id: cell.source for cell in nbformat.read(NOTEBOOKS / f"{chapter}.ipynb", as_version=4).cells}
    for name in ids:
        exec(compile(found[name], f"{chapter}:{name}", "exec"), names)
    return names
