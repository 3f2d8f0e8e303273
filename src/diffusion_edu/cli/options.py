"""What can be typed: one dataclass a command; the words below the fields are the help text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro


def _option(metavar: str | None = None, **kwargs: Any) -> Any:
    """An option whose default is told in its help text."""
    return tyro.conf.arg(metavar=metavar, help_behavior_hint="", **kwargs)


Folder = Annotated[Path | None, _option("FOLDER")]
Count = Annotated[int | None, _option("N")]
Number = Annotated[float | None, _option("X")]
Device = Annotated[str | None, _option("NAME")]


@dataclass(frozen=True)
class Train:
    """Train a network by a recipe; a run that was stopped goes on where it was."""

    recipe: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RECIPE")]
    """What to train; `diffusion-edu list` shows the recipes."""
    out: Folder = None
    """Folder of the run: checkpoint, metrics and, at the end, the weights. Default: runs/RECIPE."""
    data: Folder = None
    """Folder with your pictures (recipe "folder") or with the original files of the data set."""
    steps: Count = None
    """Training steps. Default: the recipe's, as for the next four."""
    batch_size: Count = None
    """Pictures a step."""
    rate: Number = None
    """Learning rate."""
    seed: Count = None
    """Seed of everything random."""
    precision: Annotated[Literal["auto", "fp32", "bf16"] | None, _option("auto|fp32|bf16")] = None
    """Arithmetic of the network."""
    compile: Annotated[tyro.conf.FlagCreatePairsOff[bool], _option()] = False
    """Run the network through torch.compile, whatever the recipe says."""
    minutes: Number = None
    """Stop after this time; the same command goes on later. Default: no limit."""
    samples_every: Count = None
    """Steps between grids of pictures on the way, in the folder `samples` of the run; 0 draws none. Default: one at
    every checkpoint."""
    skip_bad: Annotated[tyro.conf.FlagCreatePairsOff[bool], _option()] = False
    """Leave out pictures that cannot be read. Default: stop and name them."""
    device: Device = None
    """Such as cpu or cuda. Default: a GPU when there is one."""
    resume: bool = True
    """Go on from the checkpoint in the folder; with --no-resume, a folder that holds one is refused."""


@dataclass(frozen=True)
class Sample:
    """Draw pictures with trained weights and save them as one picture."""

    name: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="NAME")]
    """Weights of the package (`diffusion-edu list`), or a file of weights, or the folder of a run."""
    out: Annotated[Path, tyro.conf.arg(metavar="FILE")] = Path("samples.png")
    """The picture to write."""
    n: Annotated[int, tyro.conf.arg(metavar="N")] = 64
    """How many pictures."""
    method: Literal["ddpm", "ddim", "dpm-solver"] = "ddim"
    """The sampler."""
    steps: Count = None
    """Sampling steps. Default: 50 for ddim, 20 for dpm-solver, all for ddpm."""
    eta: Annotated[float, tyro.conf.arg(metavar="X")] = 0.0
    """Fresh noise of ddim, from 0 (none) to 1 (as much as ddpm)."""
    seed: Annotated[int, tyro.conf.arg(metavar="N")] = 0
    """Seed of the first picture; the next one has seed + 1, and so on."""
    start: Annotated[Path | None, _option("FILE", name="from")] = None
    """Begin from this picture. Default: from noise."""
    start_t: Annotated[int | None, _option("T", name="from-t")] = None
    """The step that the picture is noised to: the higher, the less is left of it. Default: 0.4 T."""
    columns: Count = None
    """Pictures a row. Default: as square as it gets."""
    scale: Annotated[int, tyro.conf.arg(metavar="N")] = 2
    """Enlarge each pixel to a square of this side."""
    batch_size: Annotated[int, tyro.conf.arg(metavar="N")] = 64
    """Pictures worked on at once; changes memory and speed only."""
    device: Device = None
    """Such as cpu or cuda. Default: a GPU when there is one."""


@dataclass(frozen=True)
class Evaluate:
    """Measure how far pictures are from real ones: Frechet and kernel distance, with interval and floor."""

    pictures: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="PICTURES")]
    """A folder of pictures; a data set, as fashion-mnist:test, emoji:train or cifar10:train; or weights, which then
    draw them (under torchrun each process its part)."""
    reference: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="REFERENCE")]
    """What they are compared with: a folder or a data set."""
    network: Annotated[str | None, _option("NAME")] = None
    """What looks at them (`diffusion-edu list`); only "inception" measures the FID. Default: the one that comes with
    the package for that data set, else inception."""
    weights: Annotated[Path | None, _option("FILE")] = None
    """Its weights. Default: those that are shipped or downloaded."""
    n: Count = None
    """How many pictures; weights draw so many, of other sources the first are taken. Default: 10000 drawn, else all."""
    size: Count = None
    """Side that the pictures of folders are cut to. Default: what the network or the other side needs."""
    method: Literal["ddpm", "ddim", "dpm-solver"] = "ddim"
    """The sampler, of weights; so are the next three."""
    steps: Count = None
    """Sampling steps. Default: 50 for ddim, 20 for dpm-solver, all for ddpm."""
    eta: Annotated[float, tyro.conf.arg(metavar="X")] = 0.0
    """Fresh noise of ddim, from 0 to 1."""
    seed: Annotated[int, tyro.conf.arg(metavar="N")] = 0
    """Seed of the first picture, and of the interval's draws."""
    resamples: Annotated[int, tyro.conf.arg(metavar="N")] = 100
    """Draws for the interval; 0 leaves it out."""
    data: Folder = None
    """Folder with the original files of the data set."""
    batch_size: Annotated[int, tyro.conf.arg(metavar="N")] = 100
    """Pictures worked on at once; changes memory and speed only."""
    device: Device = None
    """Such as cpu or cuda. Default: a GPU when there is one."""
    as_json: Annotated[tyro.conf.FlagCreatePairsOff[bool], _option(name="json")] = False
    """Print JSON instead of lines."""


@dataclass(frozen=True)
class Export:
    """Write a network as an ONNX file, for runtimes without PyTorch, and compare its answers with PyTorch's."""

    name: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="NAME")]
    """Weights of the package (`diffusion-edu list`), or a file of weights, or the folder of a run."""
    out: Annotated[Path | None, _option("FILE")] = None
    """The file. Default: NAME.onnx; with --graph, beside the weights."""
    full: Annotated[tyro.conf.FlagCreatePairsOff[bool], _option()] = False
    """Store float32 instead of half precision."""
    graph: Annotated[tyro.conf.FlagCreatePairsOff[bool], _option()] = False
    """Only the graph, which points to the weights in the safetensors file beside it, as a page of the book loads it."""


@dataclass(frozen=True)
class List:
    """Show the recipes that can be trained and the weights that come with the package."""


@dataclass(frozen=True)
class Info:
    """Show the model card of trained weights, or the numbers of a recipe."""

    name: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="NAME")]
    """Weights, a file of weights, the folder of a run, or a recipe."""
    as_json: Annotated[tyro.conf.FlagCreatePairsOff[bool], _option(name="json")] = False
    """Print JSON instead of lines."""


Command = (
    Annotated[Train, tyro.conf.subcommand("train")]
    | Annotated[Sample, tyro.conf.subcommand("sample")]
    | Annotated[Evaluate, tyro.conf.subcommand("evaluate")]
    | Annotated[Export, tyro.conf.subcommand("export")]
    | Annotated[List, tyro.conf.subcommand("list")]
    | Annotated[Info, tyro.conf.subcommand("info")]
)
