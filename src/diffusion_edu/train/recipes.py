"""How to train: the numbers of a run, and the named runs of the book."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch

from .._errors import bad_value, check_choice
from .._fields import JsonFields
from ..diffusion.process import check_kind
from ..nn.unet import UNet, UNetConfig
from .machine import derive_seed

PRECISIONS = ("auto", "fp32", "bf16")


@dataclass(frozen=True)
class Recipe(JsonFields):
    """The numbers of a training run.

    Args:
        steps: optimiser steps.
        batch_size: pictures a step.
        rate: learning rate of AdamW after the warm-up.
        warmup: steps over which the rate rises from 0.
        cooldown: last steps, over which the rate falls to 0.
        weight_decay: of AdamW.
        clip: largest norm of the gradient.
        ema_decay: of the averaged weights.
        flip: mirror half of the pictures at random.
        kind: what the network predicts: "eps", "x0" or "v".
        precision: "fp32"; "bf16" (autocast of the network only); "auto" takes bf16 where the hardware has it.
        compile: run the network through torch.compile.
        seed: of batches, steps, noise and dropout.
        log_every: steps between two reports.
        checkpoint_every: steps between two checkpoints.

    Raises:
        ValueError: a number is out of its range.
    """

    steps: int = 10_000
    batch_size: int = 128
    rate: float = 5e-4
    warmup: int = 200
    cooldown: int = 0
    weight_decay: float = 0.0
    clip: float = 1.0
    ema_decay: float = 0.999
    flip: bool = False
    kind: str = "eps"
    precision: str = "auto"
    compile: bool = False
    seed: int = 0
    log_every: int = 50
    checkpoint_every: int = 500

    def __post_init__(self) -> None:
        rules = [
            ("steps", self.steps >= 1, "at least 1"),
            ("batch_size", self.batch_size >= 1, "at least 1"),
            ("rate", self.rate > 0, "positive"),
            ("warmup", self.warmup >= 0, "at least 0"),
            ("cooldown", 0 <= self.cooldown <= self.steps, f"in 0..{self.steps}"),
            ("weight_decay", self.weight_decay >= 0, "at least 0"),
            ("clip", self.clip > 0, "positive"),
            ("ema_decay", 0 <= self.ema_decay < 1, "in [0, 1)"),
            ("precision", self.precision in PRECISIONS, f"one of {', '.join(PRECISIONS)}"),
            ("seed", self.seed >= 0, "at least 0"),
            ("log_every", self.log_every >= 1, "at least 1"),
            ("checkpoint_every", self.checkpoint_every >= 1, "at least 1"),
        ]
        for name, good, allowed in rules:
            if not good:
                raise bad_value(name, getattr(self, name), allowed)
        check_kind(self.kind)

    def rate_at(self, step: int) -> float:
        r"""The learning rate of step 1, 2, ..., `steps`.

        rate_n = rate * min(1, n / warmup, (steps - n + 1) / cooldown).

        Equation: eq-warmup (Ho et al. 2020, appendix B, for the warm-up).
        Checked by: tests/train/test_recipes.py::test_rate_rises_holds_and_falls.
        """
        rise = step / self.warmup if self.warmup else 1.0
        fall = (self.steps - step + 1) / self.cooldown if self.cooldown else 1.0
        return self.rate * min(1.0, rise, fall)


@dataclass(frozen=True)
class Plan:
    """A named run: which data, which network, which schedule, which recipe.

    Args:
        about: one line for a list.
        data: name of the data set.
        model: shape of the network.
        schedule: arguments of NoiseSchedule.from_dict.
        recipe: the numbers.
    """

    about: str
    data: str
    model: UNetConfig
    recipe: Recipe
    schedule: dict[str, Any] = field(default_factory=lambda: {"name": "linear", "T": 1000})


PLANS: dict[str, Plan] = {
    "fashion": Plan(
        about="Fashion-MNIST with the small U-Net: the model of the book, about an hour on two CPU cores",
        data="fashion-mnist",
        model=UNetConfig.small(in_channels=1),
        recipe=Recipe(steps=4_000, batch_size=64, rate=1e-3, warmup=300, cooldown=1_500),
    ),
    "fashion-tiny": Plan(
        about="Fashion-MNIST with the tiny U-Net: a minute on a CPU, to see the loss fall",
        data="fashion-mnist",
        model=UNetConfig.tiny(in_channels=1),
        recipe=Recipe(steps=600, batch_size=64, rate=2e-3, warmup=50, ema_decay=0.99, checkpoint_every=200),
    ),
    "cifar10": Plan(
        about="CIFAR-10 as Ho et al. 2020 trained it (35.7 M parameters, 800,000 steps): half a day on a large GPU",
        data="cifar10",
        model=UNetConfig.paper(),
        recipe=Recipe(
            steps=800_000,
            rate=2e-4,
            warmup=5_000,
            ema_decay=0.9999,
            flip=True,
            precision="fp32",
            checkpoint_every=5_000,
        ),
    ),
    "cifar10-fast": Plan(
        about="CIFAR-10 with the same network in bf16, compiled, with large batches: half an hour on a large GPU",
        data="cifar10",
        model=UNetConfig.paper(),
        recipe=Recipe(
            steps=25_000,
            batch_size=512,
            rate=4e-4,
            warmup=1_000,
            cooldown=5_000,
            ema_decay=0.9995,
            flip=True,
            precision="bf16",
            compile=True,
        ),
    ),
    "folder": Plan(
        about="a folder of your own pictures at 32x32 with the walk-through U-Net",
        data="folder",
        model=UNetConfig.base(),
        recipe=Recipe(steps=50_000, rate=2e-4, warmup=500, flip=True),
    ),
}


def plan(name: str) -> Plan:
    """The run called `name`.

    Raises:
        ValueError: unknown name (the message holds the nearest one).
    """
    check_choice("recipe", name, PLANS)
    return PLANS[name]


def new_unet(config: UNetConfig, seed: int) -> UNet:
    """A U-Net whose random start is a function of the seed; the global generator is left as it was."""
    with torch.random.fork_rng([]):
        torch.manual_seed(derive_seed(seed, "init", 0))
        return UNet(config)
