"""Pictures on the way: what a network in training draws, as a row of files that can be leafed through."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from .._errors import bad_value
from ..data import save_grid
from ..diffusion import Denoiser, NoiseSchedule, sample

PICTURES, STEPS = 16, 20


class Grids:
    """Draws sixteen pictures with the averaged network every so many training steps, always from the same noise.

    Args:
        model: the averaged network.
        schedule, kind: what it is trained with.
        shape: (C, H, W) of a picture.
        folder: where the files go, STEP.png.
        every: training steps between two files; 0 draws none.

    Raises:
        ValueError: every below 0.
    """

    def __init__(
        self, model: nn.Module, schedule: NoiseSchedule, kind: str, shape: torch.Size, folder: Path, every: int
    ) -> None:
        if every < 0:
            raise bad_value("--samples-every", every, "0 or more steps")
        self.denoiser = Denoiser(model, schedule, kind)
        self.shape, self.folder, self.every = shape, folder, every

    def between(self, before: int, step: int) -> None:
        """Draw, if a multiple of `every` lies after `before` and not after `step`."""
        if not self.every or before // self.every == step // self.every:
            return
        *_, last = sample(self.denoiser, (PICTURES, *self.shape), method="dpm-solver", steps=STEPS)
        save_grid(self.folder / f"{step:07}.png", last.x_t.cpu(), scale=2)
