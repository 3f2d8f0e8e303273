"""The run `folder`: images of the reader's own."""

from __future__ import annotations

import sys
from dataclasses import replace

from torch import Tensor

from .. import processes
from .._errors import bad_value, check_choice
from ..data import ImageFolder
from ..nn import UNetConfig
from ..train import Recipe
from .images import image_run
from .run import Run, Source

RECIPE = Recipe(steps=50_000, rate=2e-4, warmup=500, flip=True)
SIZE = 32
MODELS = {"small": UNetConfig.small, "base": UNetConfig.base, "paper": UNetConfig.paper}


def folder_run(unet: UNetConfig | None = None, recipe: Recipe = RECIPE, size: int = SIZE) -> Run:
    """The run, with another network or other numbers where they are given.

    Args:
        unet: shape of the network; None: the walk-through U-Net.
        recipe: the numbers.
        size: side of the squares that the images become.

    Raises:
        ValueError: a size that the network does not take.
    """
    shape = UNetConfig.base() if unet is None else unet
    if size < 1 or size % shape.factor:
        raise bad_value("size", size, f"a multiple of {shape.factor} for this network")

    def pixels(source: Source) -> Tensor:
        if source.folder is None:
            raise ValueError("the recipe folder needs --data, a folder with your images")
        folder = ImageFolder(
            source.folder,
            size,
            shape.in_channels,
            on_error="skip" if source.skip_bad else "raise",
            white=source.white,
            leave_out=() if source.own is None else (source.own,),
        )
        data = folder.load()
        if processes.world().first:
            for line in (*(f"left out: {line}" for line in data.skipped), data.reading):
                print(line, file=sys.stderr)
        return data.pixels

    def shaped(size: int = size, channels: int = shape.in_channels, model: str | None = None) -> Run:
        if channels not in (1, 3):
            raise bad_value("channels", channels, "1 or 3")
        if model is None:
            return folder_run(replace(shape, in_channels=channels), recipe, size)
        check_choice("model", model, MODELS)
        return folder_run(MODELS[model](in_channels=channels), recipe, size)

    run = image_run(
        name="folder",
        about="a folder of your own images, by default at 32x32 with the walk-through U-Net",
        unet=shape,
        recipe=recipe,
        pixels=pixels,
        notes={
            "training_data": "a folder of images",
            "licence": "that of the images",
            "intended_use": "experiments",
            "limits": "it may repeat images that it was trained on, the more so the fewer they are",
        },
    )
    return replace(run, shaped=shaped)


RUN = folder_run()
