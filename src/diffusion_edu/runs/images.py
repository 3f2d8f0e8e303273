"""Runs of one U-Net on images alone: what the runs of Fashion-MNIST, CIFAR-10 and folders have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from ..diffusion import NoiseSchedule
from ..nn import UNet, UNetConfig
from ..train import Denoising, Recipe
from .run import Made, Run, Source, Stage


def image_run(
    name: str,
    about: str,
    unet: UNetConfig,
    recipe: Recipe,
    pixels: Callable[[Source], Tensor],
    notes: Mapping[str, str],
    gpu: Mapping[str, Any] | None = None,
) -> Run:
    """A run that predicts eps on the linear schedule of 1,000 steps.

    Args:
        name, about, notes: as :class:`Run` has them.
        unet: shape of the network.
        recipe: the numbers.
        pixels: what was said about the data -> (N, C, H, W) uint8.
        gpu: as :class:`Stage` has it.
    """

    def data(source: Source, made: Made) -> Tensor:
        return pixels(source)

    def objective(made: Made) -> Denoising:
        return Denoising(NoiseSchedule.linear(1000))

    return Run(name, about, (Stage("unet", UNet, unet, recipe, data, objective, gpu or {}),), notes)
