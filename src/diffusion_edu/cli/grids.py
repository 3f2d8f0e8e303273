"""Images on the way: what a network in training draws, as a row of files that can be leafed through."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from .._errors import bad_value
from ..data import save_grid
from ..diffusion import Denoiser, DPMSolver, NoiseSchedule, sample

PICTURES, STEPS = 16, 20


class Grids:
    """Draws sixteen images with the averaged network every so many training steps, always from the same noise.

    Args:
        model: the averaged network.
        schedule, target: what it is trained with.
        shape: (C, H, W) of an image.
        folder: where the files go, STEP.png.
        every: training steps between two files; 0 draws none.

    Raises:
        ValueError: every below 0.
    """

    def __init__(
        self, model: nn.Module, schedule: NoiseSchedule, target: str, shape: torch.Size, folder: Path, every: int
    ) -> None:
        if every < 0:
            raise bad_value("--samples-every", every, "0 or more steps")
        self.denoiser = Denoiser(model, schedule, target)
        self.shape, self.folder, self.every = shape, folder, every

    def between(self, before: int, step: int, stop: Callable[[], bool] = bool) -> None:
        """Draw, if a multiple of `every` lies after `before` and not after `step`; given up where `stop` says so."""
        if not self.every or before // self.every == step // self.every:
            return
        for drawn in sample(self.denoiser, (PICTURES, *self.shape), DPMSolver(), STEPS):
            if stop():
                return
            if drawn.s == 0:
                save_grid(self.folder / f"{step:07}.png", drawn.x_t.cpu(), scale=2)
