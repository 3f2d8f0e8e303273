"""Run single cells of a chapter, found by their ids, so that tests and readers look at the same code."""

from pathlib import Path

import nbformat

from diffusion_edu import viz

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


def run_cells(chapter, *ids, **names):
    """The namespace after running these cells in this order, with `names` defined beforehand."""
    found = {cell.id: cell.source for cell in nbformat.read(NOTEBOOKS / f"{chapter}.ipynb", as_version=4).cells}
    names = {"viz": viz, "display": print, **names}  # what every chapter has at hand
    for name in ids:
        exec(compile(found[name], f"{chapter}:{name}", "exec"), names)
    return names


def printed(chapter, name):
    """What a cell of a chapter shows as text: what it prints, and its tables."""
    (cell,) = [c for c in nbformat.read(NOTEBOOKS / f"{chapter}.ipynb", as_version=4).cells if c.id == name]
    return "\n".join(o.text if o.output_type == "stream" else o.data.get("text/plain", "") for o in cell.outputs)
