"""The named trainings of the book, one file each, in one table: `diffusion-edu train NAME`."""

from . import (
    cifar10,
    emoji,
    emoji_clip,
    emoji_dalle,
    emoji_imagen,
    emoji_judge,
    emoji_latent,
    fashion,
    fashion_classifier,
    folder,
)
from .run import Made, Run, Source, Stage

_ALL = (
    fashion.FASHION,
    fashion.TINY,
    cifar10.CIFAR10,
    cifar10.FAST,
    folder.RUN,
    emoji_clip.RUN,
    emoji_judge.RUN,
    emoji.RUN,
    emoji_latent.RUN,
    emoji_imagen.RUN,
    emoji_dalle.RUN,
    fashion_classifier.RUN,
)
RUNS: dict[str, Run] = {run.name: run for run in _ALL}

__all__ = ["RUNS", "Made", "Run", "Source", "Stage"]
