"""Training objectives: what a loss is to the loop, and that of diffusion: one random step, one squared error."""

from __future__ import annotations

from dataclasses import is_dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from ..cond import Cond
from ..diffusion.process import q_sample, target
from ..diffusion.schedules import NoiseSchedule


class Objective(Protocol):
    """What :func:`fit` can minimise: a function, or a frozen dataclass with its settings.

    It must draw every random number from the generator that it is given, or a resumed run is another run.
    """

    def __call__(self, model: Any, batch: Any, generator: torch.Generator) -> Tensor:
        """The loss of one batch, a scalar in float32."""
        ...


def name_of(objective: Objective) -> str:
    """What a checkpoint calls an objective: a function's name, or a dataclass with its settings."""
    if is_dataclass(objective):
        return repr(objective)
    return getattr(objective, "__qualname__", type(objective).__qualname__)


def diffusion_loss(
    model: Any,
    x0: Tensor,
    schedule: NoiseSchedule,
    kind: str = "eps",
    generator: torch.Generator | None = None,
    *,
    cond: Cond | None = None,
    drop: float = 0.0,
    null: Cond | None = None,
    t: Tensor | None = None,
    eps: Tensor | None = None,
    reduce: bool = True,
) -> Tensor:
    r"""The simple loss: noise x_0 to a random step, and compare the network's answer with what was to be predicted.

    L = E[ || eps - eps_theta(sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) eps, t) ||^2 ], t uniform in 1..T,
    as a mean over pixels and batch; with kind "x0" or "v" that target takes the place of eps.

    Equation: eq-loss (Ho et al. 2020, eq. 14 and Algorithm 1).
    Checked by: tests/train/test_losses.py::test_loss_is_the_mean_square_of_the_noise_error.

    Args:
        model: ``model(x_t, t, cond)``.
        x0: (B, ...) data in [-1, 1].
        schedule: the noise schedule.
        kind: "eps", "x0" or "v".
        generator: source of t, eps and dropped conditions, on x0's device.
        cond: condition of each sample.
        drop: share of samples whose condition is replaced by `null`, for classifier-free guidance.
        null: the condition that says nothing; needed when drop > 0.
        t, eps: (B,) steps and (B, C, H, W) noise to use instead of random ones.
        reduce: False returns one loss a sample, (B,).

    Returns:
        A scalar, or (B,); float32 whatever the network's precision.

    Raises:
        ValueError: unknown kind, t out of range, drop outside [0, 1] or without conditions.
    """
    batch = x0.shape[0]
    if t is None:
        t = torch.randint(1, schedule.T + 1, (batch,), generator=generator, device=x0.device)
    x_t, eps = q_sample(x0, t, schedule, eps=eps, generator=generator)
    if not 0 <= drop <= 1:
        raise ValueError(f"drop must be between 0 and 1, got {drop!r}")
    if drop:
        if cond is None or null is None:
            raise ValueError("drop > 0 needs both cond and null: the condition, and what replaces it")
        keep = torch.rand(batch, generator=generator, device=x0.device) >= drop
        cond = cond.where(keep, null)
    prediction = model(x_t, t, cond)
    error = F.mse_loss(prediction.float(), target(kind, x0, eps, t, schedule).float(), reduction="none")
    return error.mean() if reduce else error.flatten(1).mean(1)
