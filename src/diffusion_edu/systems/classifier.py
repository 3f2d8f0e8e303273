"""A small classifier of pictures: what a feature network is made of, trained by the same `fit()` as all the rest.

The run `fashion-classifier` learns Fashion-MNIST's ten kinds of clothes. Its answers are not what it is for: the
features before its last layer are what the Frechet distance of chapter 8 is measured with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .._fields import JsonFields
from ..data import fashion_mnist, to_x0
from ..train import Recipe
from ..train.machine import derive_seed
from .clip import CLIPConfig, ImageEncoder, shifted


@dataclass(frozen=True)
class ClassifierConfig(JsonFields):
    """Everything that fixes a classifier's shape.

    Args:
        in_channels: channels of the pictures.
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

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", tuple(self.channels))
        rules = [
            ("in_channels", self.in_channels >= 1, "at least 1"),
            ("channels", bool(self.channels) and all(c >= 1 for c in self.channels), "one positive number a level"),
            ("blocks", self.blocks >= 1, "at least 1"),
            ("classes", self.classes >= 2, "at least 2"),
        ]
        for name, good, allowed in rules:
            if not good:
                raise ValueError(f"ClassifierConfig.{name} must be {allowed}, got {getattr(self, name)!r}")


class Classifier(nn.Module):
    """CLIP's picture encoder with a linear layer on its features.

    Args:
        config: its shape.
    """

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = ImageEncoder(CLIPConfig(config.in_channels, config.channels, config.blocks))
        self.out = nn.Linear(config.channels[-1], config.classes)

    def features(self, x0: Tensor) -> Tensor:
        """(B, C, H, W) pictures in [-1, 1] -> (B, channels[-1])."""
        return self.encoder(x0)

    def forward(self, x0: Tensor) -> Tensor:
        """(B, C, H, W) pictures in [-1, 1] -> (B, classes), the logarithms of odds."""
        return self.out(self.features(x0))


@dataclass(frozen=True)
class Classify:
    """The cross entropy of the right class, for :func:`diffusion_edu.fit`; the data hold `pixels` and `label`.

    Args:
        shift: pictures are moved by up to so many pixels in each direction, onto what they are padded with (black).

    Raises:
        ValueError: shift is negative.
    """

    shift: int = 0

    def __post_init__(self) -> None:
        if self.shift < 0:
            raise ValueError(f"Classify.shift must be at least 0, got {self.shift!r}")

    def __call__(self, model: Any, batch: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        """The loss of one batch."""
        x0 = batch["pixels"]
        if self.shift:
            x0 = shifted(x0, self.shift, generator, fill=-1.0)
        return F.cross_entropy(model(x0).float(), batch["label"])


CONFIG = ClassifierConfig()
RECIPE = Recipe(
    steps=8_000,
    batch_size=128,
    rate=2e-3,
    warmup=100,
    cooldown=7_000,
    weight_decay=0.05,
    ema_decay=0.998,
    flip=True,
)
OBJECTIVE = Classify(shift=2)


def training_data(root: str | Path | None = None) -> dict[str, Tensor]:
    """Fashion-MNIST's training split as :class:`Classify` takes it: pixels (N, 1, 32, 32) uint8, label (N,)."""
    data = fashion_mnist("train", root=root)
    return {"pixels": data.pixels, "label": data.labels}


def new_classifier(seed: int = 0, config: ClassifierConfig = CONFIG) -> Classifier:
    """A classifier whose random start is a function of the seed; the global generator is left as it was."""
    with torch.random.fork_rng([]):
        torch.manual_seed(derive_seed(seed, "init", 0))
        return Classifier(config)


@torch.no_grad()
def report(model: Classifier) -> dict[str, Any]:
    """How often it is right on the test split, which it never saw: JSON-ready."""
    data = fashion_mnist("test")
    device = next(model.parameters()).device
    guess = torch.cat([model(to_x0(part.to(device))).argmax(1).cpu() for part in data.pixels.split(500)])
    right = guess == data.labels
    worst = min(range(len(data.classes)), key=lambda k: right[data.labels == k].float().mean().item())
    return {
        "pictures": len(right),
        "accuracy": right.float().mean().item(),
        "worst_class": {"name": data.classes[worst], "accuracy": right[data.labels == worst].float().mean().item()},
    }
