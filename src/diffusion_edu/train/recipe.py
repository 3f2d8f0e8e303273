"""How to train: the numbers of a run."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from .._arguments import at_least, checked, count
from ..config import Config

PRECISIONS = ("auto", "fp32", "bf16", "fp16")


@dataclass(frozen=True)
class Recipe(Config):
    """The numbers of a training run.

    Args:
        steps: optimizer steps.
        batch_size: images per step.
        rate: learning rate of AdamW after the warm-up.
        warmup: steps over which the rate rises from 0.
        cooldown: last steps, over which the rate falls to 0.
        minutes: take no more steps than fit into this time (one at least), if `steps` are not done before. The
            cooldown keeps its share of the run: of 40 minutes with 4,000 steps and a cooldown of 1,000, the last 10
            belong to it. None: no limit.
        weight_decay: of AdamW.
        clip: largest norm of the gradient.
        ema_decay: of the averaged weights.
        flip: mirror half of the images at random.
        precision: "fp32"; "bf16" or "fp16" (autocast of the network only, fp16 with a scaled loss); "auto" takes bf16
            where the hardware has it, fp16 on GPUs that have only that, else fp32.
        compile: run the network through torch.compile; where that fails, the run says so and goes on without.
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
    minutes: float | None = None
    weight_decay: float = 0.0
    clip: float = 1.0
    ema_decay: float = 0.999
    flip: bool = False
    precision: str = "auto"
    compile: bool = False
    seed: int = 0
    log_every: int = 50
    checkpoint_every: int = 500

    def check(self) -> None:
        """Raise unless the fields are good."""
        self.require("steps", self.steps >= 1, "at least 1")
        self.require("batch_size", self.batch_size >= 1, "at least 1")
        self.require("rate", self.rate > 0, "positive")
        self.require("warmup", self.warmup >= 0, "at least 0")
        self.require("cooldown", 0 <= self.cooldown <= self.steps, f"in 0..{self.steps}")
        self.require("minutes", self.minutes is None or self.minutes > 0, "positive, or None")
        self.require("weight_decay", self.weight_decay >= 0, "at least 0")
        self.require("clip", self.clip > 0, "positive")
        self.require("ema_decay", 0 <= self.ema_decay < 1, "in [0, 1)")
        self.require("precision", self.precision in PRECISIONS, f"one of {', '.join(PRECISIONS)}")
        self.require("seed", self.seed >= 0, "at least 0")
        self.require("log_every", self.log_every >= 1, "at least 1")
        self.require("checkpoint_every", self.checkpoint_every >= 1, "at least 1")

    @checked(step=count())
    def rate_at(self, step: int) -> float:
        r"""The learning rate of step 1, 2, ..., `steps`.

        rate_n = rate * min(1, n / warmup, (steps - n + 1) / cooldown).

        Equation: eq-warmup (Ho et al. 2020, appendix B, for the warm-up).
        Checked by: tests/train/test_recipe.py::test_rate_rises_holds_and_falls.
        """
        rise = step / self.warmup if self.warmup else 1.0
        fall = (self.steps - step + 1) / self.cooldown if self.cooldown else 1.0
        return self.rate * min(1.0, rise, fall)

    @checked(step=count(0), seconds=at_least(0), since=count(0), spent=at_least(0))
    def in_time(self, step: int, seconds: float, since: int = 0, spent: float = 0.0) -> Recipe | None:
        """The same recipe with the steps that its minutes have room for, once it is time to say how many.

        Whoever trains asks after each step, of the recipe or of the last answer. An answer stands while its steps fit
        into the minutes; where the machine became slower since, the next answer is shorter. When the time is over the
        answer is the step reached.

        Args:
            step: steps done.
            seconds: that they took.
            since, spent: the steps, and their seconds, that do not count for the pace: the start of a process.

        Returns:
            None while nothing has to change: while the steps fit, or while the cooldown will not begin before the next
            step.
        """
        if self.minutes is None or step >= self.steps:
            return None
        left, measured = 60 * self.minutes - seconds, seconds - spent
        if left <= 0:
            most = float(step)
        else:  # at the pace so far; before there is one, anything may still fit
            most = step + left * (step - since) / measured if step > since and measured > 0 else math.inf
        if most > self.steps - 1:  # a part of a step is no reason to change anything
            return None
        share, begin, end = self.cooldown / self.steps, self.steps - self.cooldown, max(step, math.floor(most))
        if step >= begin:  # the fall has begun: it ends sooner
            return replace(self, steps=end, cooldown=end - begin)
        begin = math.floor(most * (1 - share))
        if begin >= step + 1:
            return None
        begin = max(begin, step)
        fall = min(math.ceil(begin * share / (1 - share)), end - begin)
        return replace(self, steps=begin + fall, cooldown=fall)
