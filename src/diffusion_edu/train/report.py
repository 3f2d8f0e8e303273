"""What a training says of itself on the way, and when it cannot go on."""

from __future__ import annotations

from typing import NamedTuple


class TrainStep(NamedTuple):
    """A report: step reached, mean loss since the last report, gradient norm, rate, and speed."""

    step: int
    loss: float
    grad_norm: float
    rate: float
    pictures_per_second: float


class TrainingDiverged(RuntimeError):
    """The loss or its gradient became infinite or not a number."""
