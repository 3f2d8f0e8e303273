"""Good calls: figures, and networks as ONNX files."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch
from torch import nn

import diffusion_edu as de
from diffusion_edu import export, viz

from .pieces import P, S, X, folder, generator, rand
from .registry import good

good(
    "show_grid",
    viz.show_grid,
    lambda: {"x": X, "titles": ["a", "b"], "columns": 2, "cell": 0.5},
    "x:wider,beyond",
    x="images",
)
good(
    "film_strip",
    viz.film_strip,
    lambda: {"frames": [X, X], "labels": ["a", "b"], "rows": ["c", "d"], "cell": 0.5},
    frames="frames",
)
good(
    "heat_map",
    viz.heat_map,
    lambda: {
        "panels": {"a": rand(2, 3)},
        "xlabel": "x",
        "ylabel": "y",
        "signed": True,
        "mark": (1, 1),
        "size": (1.5, 1.5),
    },
    "xlabel:empty ylabel:empty mark:zeros panels:number_names",
    mark="ints",
    size="reals",
    panels="tables",
)
good(
    "match_table",
    viz.match_table,
    lambda: {"values": rand(2, 6), "pictures": P, "texts": ["a", "b"], "cell": 0.5},
    "values:numpy,list,uint8,int64 pictures:wider,beyond",
    pictures="images",
)
good(
    "panels",
    viz.panels,
    lambda: {"rows": 1, "columns": 2, "size": (2.0, 1.5)},
    size="reals",
)
good(
    "point_strip",
    viz.point_strip,
    lambda: {"frames": {"a": rand(5, 2)}, "rows": ["r"], "colors": [viz.BLUE], "cell": 0.5, "half": 3.0, "most": 4},
    frames="tables",
    half="float",
)
good(
    "table",
    viz.table,
    lambda: {"columns": ["a", "b"], "rows": [["x", 1.0], ["y", 2.0]], "form": ".2f", "bars": ["b"]},
    "form:empty rows:empty bars:empty",
)
good("plot_schedule", viz.plot_schedule, lambda: {"schedules": {"a": S}})
good(
    "plot_loss",
    viz.plot_loss,
    lambda: {"steps": [1, 2, 3], "losses": [0.3, 0.2, 0.1], "smooth": 2, "label": "loss"},
    "smooth:zero label:empty",
    losses="reals",
)
good(
    "hist_against_normal",
    viz.hist_against_normal,
    lambda: {"x": rand(20), "bins": 8, "label": "values", "color": viz.VIOLET},
    "x:scalar,rank,wider label:empty",
    color="choice",
)
good(
    "plot_lines",
    viz.plot_lines,
    lambda: {
        "x": [1, 2, 3],
        "lines": {"a": [0.1, 0.2, 0.3]},
        "xlabel": "x",
        "ylabel": "y",
        "title": "title",
        "xscale": "log",
        "yscale": "log",
        "colors": [viz.BLUE],
        "markers": True,
    },
    "xlabel:empty ylabel:empty title:empty lines:number_names",
    x="reals",
    lines="rows",
    xscale="choice",
    yscale="choice",
)


class Two(nn.Module):
    """A network for which an ONNX file is quickly made."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """A matrix product."""
        return self.inner(x)


@cache
def two() -> Two:
    """It, with the same numbers at every call."""
    network = Two()
    with torch.no_grad():
        for value in network.state_dict().values():
            value.copy_(torch.rand(value.shape, generator=generator()).half().float() + 0.1)
    return network.eval()


@cache
def stored() -> Path:
    """Its tensors in a file."""
    path = folder() / "two.safetensors"
    de.files.write(path, dict(two().state_dict()), {})
    return path


EXAMPLE = {"x": torch.tensor([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]])}
good(
    "to_onnx",
    export.to_onnx,
    lambda: {
        "model": two(),
        "path": folder() / "two.onnx",
        "example": EXAMPLE,
        "output": "y",
        "half": True,
        "size": 32,
    },
    model="module",
    example="example",
)
good(
    "to_graph",
    export.to_graph,
    lambda: {
        "model": two(),
        "path": folder() / "two.onnx",
        "weights": stored(),
        "example": EXAMPLE,
        "prefix": "",
        "within": two(),
        "output": "y",
        "size": 32,
    },
    "prefix:empty",
    model="module",
    within="module",
    example="example",
)


class Small(nn.Module):
    """A system of one graph."""

    def __init__(self) -> None:
        super().__init__()
        self.two = two()

    def graphs(self) -> dict[str, tuple[nn.Module, dict[str, torch.Tensor]]]:
        """One."""
        return {"two": (self.two, EXAMPLE)}


@cache
def small_file() -> Path:
    """The tensors of that system in a file."""
    path = folder() / "small.safetensors"
    de.files.write(path, dict(Small().state_dict()), {})
    return path


good(
    "to_graphs",
    export.to_graphs,
    lambda: {"system": Small(), "path": folder() / "small.onnx", "weights": small_file(), "half": True},
    system="module",
)
