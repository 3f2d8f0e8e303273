"""The run `fashion-classifier`: Fashion-MNIST's ten classes, for the features before the last layer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..data import fashion_mnist, to_x0
from ..randomness import seeded
from ..systems import Classifier, ClassifierConfig, Classify
from ..train import Recipe
from .run import Made, Run, Source, Stage

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
GPU = {"batch_size": 1_024, "rate": 4e-3}
OBJECTIVE = Classify(shift=2)


def training_data(root: str | Path | None = None) -> dict[str, Tensor]:
    """Fashion-MNIST's training split as :class:`Classify` takes it: pixels (N, 1, 32, 32) uint8, label (N,)."""
    data = fashion_mnist("train", root=root)
    return {"pixels": data.pixels, "label": data.labels}


def new_classifier(seed: int = 0, config: ClassifierConfig = CONFIG) -> Classifier:
    """A classifier whose random start is a function of the seed; global generators are left as they were."""
    return seeded(lambda: Classifier(config), seed)


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


def _data(source: Source, made: Made) -> dict[str, Tensor]:
    return training_data(source.folder)


RUN = Run(
    name="fashion-classifier",
    about="a classifier of Fashion-MNIST, the feature network of chapter 9: a quarter of an hour on one CPU core",
    stages=(Stage("classifier", Classifier, CONFIG, RECIPE, _data, lambda made: OBJECTIVE, GPU),),
    measure=report,
    notes={
        "training_data": "Fashion-MNIST, 60,000 training images with their labels (Xiao et al. 2017), padded to "
        "32x32; MIT, Zalando SE",
        "licence": "MIT, as this package",
        "intended_use": "Features for a Fréchet or kernel distance between sets of such images",
        "limits": "It sees what tells ten kinds of clothes apart, and may be blind to the rest. A distance that it "
        "measures is no FID, and can be compared only with others that it measured",
    },
)
