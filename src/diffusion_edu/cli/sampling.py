"""diffusion-edu sample."""

from __future__ import annotations

import torch

from ..data import save_grid, to_x0
from ..data.folder import read_picture
from ..pretrained import Pretrained, load
from ..train import parallel
from ..train.machine import tune_malloc
from .common import OK, pick_device
from .options import Sample


def draw(options: Sample) -> int:
    """Draw pictures, under torchrun each process its part, and save them."""
    device = pick_device(options.device)
    tune_malloc()
    system = load(options.name, device)
    if options.start is None and options.start_t is not None:
        raise ValueError("--from-t belongs to --from: the step that a picture is noised to")
    begin, start_t = _start(options, system)
    with parallel.joined(device) as here:
        part = system.generate_part(
            options.n,
            seed=options.seed,
            method=options.method,
            steps=options.steps,
            eta=options.eta,
            start=begin,
            start_t=start_t,
            batch_size=options.batch_size,
            progress=here.first,
        )
        pictures = torch.cat(parallel.gathered(part))
        if here.first:
            print(save_grid(options.out, pictures, options.columns, scale=options.scale))
    return OK


def _start(options: Sample, system: Pretrained) -> tuple[torch.Tensor | None, int | None]:
    """The picture to begin from, cut to the size of the network, and its step."""
    if options.start is None:
        return None, None
    channels, height, width = system.shape
    if height != width:
        raise ValueError(f"--from needs a network of square pictures, {options.name} makes {height} x {width}")
    picture = to_x0(read_picture(options.start, height, channels))
    start_t = options.start_t if options.start_t is not None else max(1, 2 * system.schedule.T // 5)
    return picture, start_t
