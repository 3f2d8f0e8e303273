"""What can be typed: one dataclass a command; the words below the fields are the help text."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from ..diffusion.samplers import SAMPLERS, Sampler, named_sampler


def _option(metavar: str | None = None, **kwargs: Any) -> Any:
    """An option whose help text states its default."""
    return tyro.conf.arg(metavar=metavar, help_behavior_hint="", **kwargs)


Folder = Annotated[Path | None, _option("FOLDER")]
Count = Annotated[int | None, _option("N")]
Number = Annotated[float | None, _option("X")]
Device = Annotated[str | None, _option("NAME")]

_T = 1000  # of the schedules that the help speaks of
_DEFAULTS = ", ".join(f"{make().default_steps(_T)} for {name}" for name, make in SAMPLERS.items())
SamplerName = Annotated[
    str,
    tyro.conf.arg(
        metavar="NAME[:OPTION=X]",
        help=f"What draws: {', '.join(SAMPLERS)}, with options of its own as in ddim:eta=0.5 or ddpm:variance=beta.",
    ),
]
SamplingSteps = Annotated[
    int | None, _option("N", help=f"Sampling steps. Default, with a schedule of {_T} steps: {_DEFAULTS}.")
]


def read_sampler(text: str) -> Sampler:
    """The sampler that was typed, as "ddim" or "ddim:eta=0.5"; several options have commas between them.

    Raises:
        ValueError: an unknown name or option, or a value out of range.
    """
    name, _, typed = text.partition(":")
    options: dict[str, float | str] = {}
    for part in filter(None, typed.split(",")):
        option, equals, value = part.partition("=")
        if not equals:
            raise ValueError(f"--sampler options must be like eta=0.5, got {part!r}")
        try:
            options[option] = float(value)
        except ValueError:
            options[option] = value
    return named_sampler(name, **options)


@dataclass(frozen=True)
class Train:
    """Train a network by a recipe; a run that was stopped goes on where it was."""

    recipe: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RECIPE")]
    """What to train; `diffusion-edu list` shows the recipes."""
    out: Folder = None
    """Folder of the run: checkpoint, metrics and, at the end, the weights. Default: runs/RECIPE."""
    stage: Annotated[str | None, _option("STAGE")] = None
    """Train only this stage of a run that has several. Default: all of them, one after the other."""
    data: Folder = None
    """Folder with your images (recipe "folder") or with the original files of the data set."""
    size: Count = None
    """Side of the squares that your images are cut to (recipe "folder"). Default: 32."""
    channels: Count = None
    """1 makes them gray, 3 colored (recipe "folder"). Default: 3."""
    model: Annotated[Literal["small", "base", "paper"] | None, _option("small|base|paper")] = None
    """The U-Net (recipe "folder"): of 1, 6 or 36 million parameters. Default: base."""
    white: Number = None
    """What is white in images of 16 or 32 bits (recipe "folder"). Default: as the file's type says, 1 for floating
    point."""
    start: Annotated[str | None, _option("NAME", name="from")] = None
    """Weights to begin with instead of random ones, for a new run: of the package, a file, or the folder of a run.
    Another batch size or learning rate needs a new run too, and this keeps what was learned. Default: none."""
    gpu: Annotated[tyro.conf.FlagCreatePairsOff[bool], _option()] = False
    """The numbers for a large GPU, where the recipe has such: larger batches, a higher rate, more steps."""
    steps: Count = None
    """Training steps. Default: the recipe's, as for the next four."""
    batch_size: Count = None
    """Images per step."""
    rate: Number = None
    """Learning rate."""
    seed: Count = None
    """Seed of everything random, 0 or more and below 2^64."""
    precision: Annotated[Literal["auto", "fp32", "bf16", "fp16"] | None, _option("auto|fp32|bf16|fp16")] = None
    """Arithmetic of the network; auto takes the fastest that the device is good at."""
    compile: Annotated[tyro.conf.FlagCreatePairsOff[bool], _option()] = False
    """Run the network through torch.compile, whatever the recipe says."""
    no_compile: Annotated[tyro.conf.FlagCreatePairsOff[bool], _option()] = False
    """Do not, whatever the recipe says."""
    minutes: Number = None
    """Train no longer than this, all sittings together, the grids not counted; the learning rate falls at the end as
    the recipe says. Default: no limit."""
    samples_every: Count = None
    """Steps between grids of images on the way, in the folder `samples` of the run; 0 draws none. Default: one at
    every checkpoint."""
    skip_bad: Annotated[tyro.conf.FlagCreatePairsOff[bool], _option()] = False
    """Leave out images that cannot be read. Default: stop and name them."""
    device: Device = None
    """Such as cpu, cuda or mps. Default: a GPU when there is one."""
    resume: bool = True
    """Go on from the checkpoint in the folder; with --no-resume, a folder that holds one is refused."""


@dataclass(frozen=True)
class Sample:
    """Draw images with trained weights and save them as one image."""

    name: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="NAME")]
    """Weights of the package (`diffusion-edu list`), or a file of weights, or the folder of a run."""
    out: Annotated[Path | None, _option("FILE")] = None
    """The image to write. Default: samples.png, and none with --separate."""
    separate: Folder = None
    """Write each image into this new folder by itself, with a list of their seeds and texts, index.jsonl."""
    prompt: Annotated[tyro.conf.UseAppendAction[tuple[str, ...]], _option("TEXT")] = ()
    """What to draw, for a model that reads; several times for several texts."""
    negative: Annotated[str, _option("TEXT")] = ""
    """What to lead away from, with a guidance other than 1. Default: nothing said."""
    guidance: Number = None
    """How far to exaggerate what the text says; 1 is what the network learned. Default: 2, for a model that reads."""
    prior: Annotated[str | None, _option("NAME")] = None
    """What makes an image embedding of the text, for a model with priors: diffusion (default), codes or none."""
    prior_guidance: Number = None
    """How far that prior exaggerates what the text says. Default: 2."""
    n: Count = None
    """How many images, of each text where there are texts. Default: 64, or 8 of each text."""
    sampler: SamplerName = "ddim"
    steps: SamplingSteps = None
    seed: Annotated[int, tyro.conf.arg(metavar="N")] = 0
    """Seed of the first image, 0 or more and below 2^64; the next one has seed + 1, and so on."""
    start: Annotated[Path | None, _option("FILE", name="from")] = None
    """Begin from this image. Default: from noise."""
    start_t: Annotated[int | None, _option("T", name="from-t")] = None
    """The step that the image is noised to: the higher, the less is left of it. Default: 0.4 T."""
    columns: Count = None
    """Images per row. Default: as square as it gets."""
    scale: Annotated[int, tyro.conf.arg(metavar="N")] = 2
    """Enlarge each pixel to a square of this side."""
    batch_size: Annotated[int, tyro.conf.arg(metavar="N")] = 64
    """Images worked on at once; changes memory and speed only."""
    device: Device = None
    """Such as cpu, cuda or mps. Default: a GPU when there is one."""


@dataclass(frozen=True)
class Evaluate:
    """Measure how far images are from real ones: Fréchet and kernel distance, with interval and floor."""

    pictures: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="IMAGES")]
    """A folder of images; a data set, as fashion-mnist:test, emoji:train or cifar10:train; or weights, which then
    draw them (under torchrun each process its part)."""
    reference: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="REFERENCE")]
    """What they are compared with: a folder, a data set, or statistics of features: a file of `Statistics.save`, or an
    .npz of pytorch-fid."""
    network: Annotated[str | None, _option("NAME")] = None
    """The network whose features are compared (`diffusion-edu list`); only "inception" measures the FID. Default: the
    one that comes with the package for that data set, else inception."""
    weights: Annotated[Path | None, _option("FILE")] = None
    """Its weights. Default: those that are shipped or downloaded."""
    prompt: Annotated[tyro.conf.UseAppendAction[tuple[str, ...]], _option("TEXT")] = ()
    """What weights that read draw; several times for several texts. Default: the captions of the emoji they are
    compared with."""
    negative: Annotated[str, _option("TEXT")] = ""
    """What they lead away from, with a guidance other than 1. Default: nothing said."""
    guidance: Number = None
    """How far they exaggerate what the text says; 1 is what the network learned. Default: 2, for a model that reads."""
    n: Count = None
    """How many images; weights draw so many, of other sources the first are taken. Default: 10000 drawn, or
    one of each text; else all."""
    size: Count = None
    """Side that the images of folders are cut to. Default: what the network or the other side needs."""
    white: Number = None
    """What is white in images of 16 or 32 bits. Default: as the file's type says, 1 for floating point."""
    sampler: SamplerName = "ddim"
    steps: SamplingSteps = None
    seed: Annotated[int, tyro.conf.arg(metavar="N")] = 0
    """Seed of the first image, and of the interval's draws."""
    resamples: Annotated[int, tyro.conf.arg(metavar="N")] = 100
    """Draws for the interval; 0 leaves it out."""
    data: Folder = None
    """Folder with the original files of the data set."""
    batch_size: Annotated[int, tyro.conf.arg(metavar="N")] = 100
    """Images worked on at once; changes memory and speed only."""
    device: Device = None
    """Such as cpu, cuda or mps. Default: a GPU when there is one."""
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


_SOURCES = ("name", "start", "pictures", "reference")  # text that may be a path


def at_home(command: Any) -> Any:
    """A command with "~" made a path: a shell does it for a word of its own, and not in `--out=~/runs`."""
    changes: dict[str, Any] = {}
    for field in fields(command):
        value = getattr(command, field.name)
        if str(value).startswith("~") and (isinstance(value, Path) or field.name in _SOURCES):
            changes[field.name] = type(value)(os.path.expanduser(value))
    return replace(command, **changes)


Command = (
    Annotated[Train, tyro.conf.subcommand("train")]
    | Annotated[Sample, tyro.conf.subcommand("sample")]
    | Annotated[Evaluate, tyro.conf.subcommand("evaluate")]
    | Annotated[Export, tyro.conf.subcommand("export")]
    | Annotated[List, tyro.conf.subcommand("list")]
    | Annotated[Info, tyro.conf.subcommand("info")]
)
