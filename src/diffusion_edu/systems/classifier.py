"""A small classifier of images: what a feature network is made of, trained by the same `fit()` as all the rest.

Its answers are not what it is for: the features before its last layer are what the Frechet distance of chapter 9 is
measured with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from .._arguments import batch_of, checked
from ..config import Config
from ..data.augment import shifted
from ..nn import ImageEncoder
from ..randomness import Draw


@dataclass(frozen=True)
class ClassifierConfig(Config):
    """Everything that fixes a classifier's shape.

    Args:
        in_channels: channels of the images.
        channels: C of each level; each level halves height and width. The last is the number of features.
        blocks: residual blocks a level.
        classes: number of answers.

    Raises:
        ValueError: a value is out of its range.
    """

    in_channels: int = 1
    channels: tuple[int, ...] = (32, 64, 128)
    blocks: int = 1
    classes: int = 10

    def check(self) -> None:
        """Raise unless the fields are good."""
        levels = bool(self.channels) and all(c >= 1 for c in self.channels)
        self.require("in_channels", self.in_channels >= 1, "at least 1")
        self.require("channels", levels, "one positive number a level")
        self.require("blocks", self.blocks >= 1, "at least 1")
        self.require("classes", self.classes >= 2, "at least 2")


@checked
class Classifier(nn.Module):
    """CLIP's image encoder with a linear layer on its features.

    Args:
        config: its shape.
    """

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = ImageEncoder(config.in_channels, config.channels, config.blocks)
        self.out = nn.Linear(config.channels[-1], config.classes)

    @checked(fits="x0")
    def features(self, x0: Tensor) -> Tensor:
        """(B, C, H, W) images in [-1, 1] -> (B, channels[-1])."""
        return self.encoder(x0)

    @checked(fits="x0")
    def forward(self, x0: Tensor) -> Tensor:
        """(B, C, H, W) images in [-1, 1] -> (B, classes), the logarithms of odds."""
        return self.out(self.features(x0))


@checked
@dataclass(frozen=True)
class Classify:
    """The cross entropy of the right class, for :func:`diffusion_edu.fit`; the data hold `pixels` and `label`.

    Args:
        shift: images are moved by up to so many pixels in each direction, onto what they are padded with (black).

    Raises:
        ValueError: shift is negative.
    """

    shift: int = 0

    def __post_init__(self) -> None:
        if self.shift < 0:
            raise ValueError(f"Classify.shift must be at least 0, got {self.shift!r}")

    @checked(batch=batch_of("pixels", "label"))
    def __call__(self, model: Any, batch: Mapping[str, Tensor], draw: Draw) -> Tensor:
        """The loss of one batch."""
        x0 = batch["pixels"]
        if self.shift:
            x0 = shifted(x0, self.shift, draw, fill=-1.0)
        return F.cross_entropy(model(x0).float(), batch["label"])
