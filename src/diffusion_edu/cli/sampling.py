"""diffusion-edu sample."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import torch

from .. import processes
from .._errors import bad_value, check_choice
from ..data import save_grid, to_x0
from ..data.folder import read_picture
from ..data.pixels import check_grid, format_of
from ..systems import Dalle, System, generate_part
from ..systems.dalle import PRIORS
from ..train.machine import tune_malloc
from .common import OK, check_least, check_seed, check_writable, load_drawing, pick_device
from .options import Sample, read_sampler

OUT = Path("samples.png")
INDEX = "index.jsonl"


def draw(options: Sample) -> int:
    """Draw images, under torchrun each process its part, and save them."""
    sampler = read_sampler(options.sampler)
    device = pick_device(options.device)
    count = options.n if options.n is not None else 8 if options.prompt else 64
    whole = max(1, count) * max(1, len(options.prompt))
    # All mistakes are told before anything is drawn, which may take hours.
    check_least("--n", options.n)
    check_least("--scale", options.scale)
    check_least("--columns", options.columns)
    check_least("--batch-size", options.batch_size)
    check_seed(options.seed, whole)
    out = options.out if options.out is not None or options.separate is not None else OUT
    if options.separate is not None:
        _check_separate(options.separate)
    if out is not None:
        check_writable("--out", out)
        format_of(out, "--out")
    tune_malloc()
    system = load_drawing(options.name, device)
    of_prior = _of_prior(options, system)
    if out is not None:
        check_grid(out, (whole, *system.shape), options.columns, scale=options.scale, argument="--scale")
    if options.separate is not None:
        check_grid(options.separate / "0.png", (1, *system.shape), scale=options.scale, argument="--scale")
    if options.start is None and options.start_t is not None:
        raise ValueError("--from-t belongs to --from: the step that an image is noised to")
    begin, start_t = _start(options, system)
    with processes.joined(device) as process:
        part = generate_part(
            system,
            list(options.prompt) or None,
            count,
            guidance=options.guidance,
            negative=options.negative or "",
            seed=options.seed,
            sampler=sampler,
            steps=options.steps,
            start=begin,
            start_t=start_t,
            batch_size=options.batch_size,
            progress=process.first,
            **of_prior,
        )
        pictures = torch.cat(processes.gathered(part))
        if process.first and options.separate is not None:
            print(_save_separate(options.separate, pictures, options))
        if process.first and out is not None:
            print(save_grid(out, pictures, options.columns, scale=options.scale))
    return OK


def _of_prior(options: Sample, system: System) -> dict[str, Any]:
    """What was said about the prior, for a system that has one."""
    given = {"prior": options.prior, "prior_guidance": options.prior_guidance}
    said = {name: value for name, value in given.items() if value is not None}
    if said and not isinstance(system, Dalle):
        option = f"--{next(iter(said)).replace('_', '-')}"
        raise ValueError(f"{option} belongs to a model with priors, such as emoji-dalle; {options.name} has none")
    if options.prior is not None:
        check_choice("--prior", options.prior, PRIORS)
    if options.prior_guidance is not None and not math.isfinite(options.prior_guidance):
        raise bad_value("--prior-guidance", options.prior_guidance, "a finite number")
    return said


def _check_separate(folder: Path) -> None:
    """Raise unless single images can be written there without being taken for those of another time."""
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"--separate must be a folder, got the file {folder}")
    if folder.is_dir() and any(folder.iterdir()):
        raise ValueError(f"--separate must be a new or an empty folder, got {folder}, which holds something")
    check_writable("--separate", folder / INDEX)


def _save_separate(folder: Path, pictures: torch.Tensor, options: Sample) -> Path:
    """Write each image by itself, and a line for each: its file, its seed, and the text that it was drawn of.

    Returns:
        The path of the list.
    """
    each = len(pictures) // max(1, len(options.prompt))
    width = len(str(len(pictures) - 1))
    lines = []
    for index, picture in enumerate(pictures):
        name = f"{index:0{width}}.png"
        save_grid(folder / name, picture[None], scale=options.scale)
        text = {"prompt": options.prompt[index // each]} if options.prompt else {}
        lines.append(json.dumps({"file": name, "seed": options.seed + index, **text}, ensure_ascii=False))
    (folder / INDEX).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return folder / INDEX


def _start(options: Sample, system: System) -> tuple[torch.Tensor | None, int | None]:
    """The image to begin from, cut to the size of the network, and its step."""
    if options.start is None:
        return None, None
    channels, height, width = system.shape
    if height != width:
        raise ValueError(f"--from needs a network of square images, {options.name} makes {height} x {width}")
    picture = to_x0(read_picture(options.start, height, channels))
    start_t = options.start_t if options.start_t is not None else max(1, 2 * system.schedule.T // 5)
    return picture, start_t
