"""The loss of diffusion: one random step, one squared error, and what that error counts."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from .._arguments import answering, between, checked, inside, tensor
from .._errors import bad_value, check_choice
from ..cond import Cond, Network
from ..diffusion import process
from ..diffusion.process import check_target
from ..diffusion.schedules import NoiseSchedule
from ..randomness import rand, randint

q_sample = inside(process.q_sample)  # what it gets here has been looked at
WEIGHTS = ("uniform", "min-snr")
MOST_SNR = 5.0  # gamma of Hang et al. 2023


@checked(same="x0 eps", per_sample="x0 t", model=answering, x0=tensor(some=True), drop=between(0, 1))
def diffusion_loss(
    model: Network,
    x0: Tensor,
    schedule: NoiseSchedule,
    target: str = "eps",
    generator: torch.Generator | None = None,
    *,
    cond: Cond | None = None,
    drop: float = 0.0,
    null: Cond | None = None,
    t: Tensor | None = None,
    eps: Tensor | None = None,
    weight: str = "uniform",
    reduce: bool = True,
) -> Tensor:
    r"""The simple loss: noise x_0 to a random step, and compare the network's answer with what was to be predicted.

    L = E[ w_t || eps - eps_theta(sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) eps, t) ||^2 ], t uniform in 1..T,
    as a mean over pixels and batch; with target "x0" or "v" that takes the place of eps. w_t = 1, or that of
    :func:`loss_weight`.

    Equation: eq-loss (Ho et al. 2020, eq. 14 and Algorithm 1).
    Checked by: tests/train/test_losses.py::test_loss_is_the_mean_square_of_the_noise_error.

    Args:
        model: ``model(x_t, t, cond)``.
        x0: (B, ...) data in [-1, 1].
        schedule: the noise schedule.
        target: "eps", "x0" or "v".
        generator: source of t, eps and dropped conditions, on any device.
        cond: condition of each sample.
        drop: share of samples whose condition is replaced by `null`, for classifier-free guidance.
        null: the condition that says nothing; default ``cond.nothing()``.
        t, eps: (B,) steps and (B, C, H, W) noise to use instead of random ones; moved, as `cond`, to x0's device.
        weight: "uniform", or "min-snr", where clean and noisy steps count more evenly (:func:`loss_weight`).
        reduce: False returns one loss a sample, (B,).

    Returns:
        A scalar, or (B,); float32 whatever the network's precision.

    Raises:
        ValueError: unknown target or weight, t out of range, drop outside [0, 1] or without conditions.
    """
    batch = x0.shape[0]
    if t is None:
        t = randint(1, schedule.T + 1, (batch,), generator, x0.device)
    t, cond = t.to(x0.device), None if cond is None else cond.to(x0.device)
    x_t, eps = q_sample(x0, t, schedule, noise=eps, generator=generator)
    if not 0 <= drop <= 1:
        raise bad_value("drop", drop, "between 0 and 1")
    if drop:
        if cond is None:
            raise ValueError(f"drop must be 0 where cond is None, got {drop}")
        keep = rand((batch,), generator, x0.device) >= drop
        cond = cond.where(keep, cond.nothing() if null is None else null)
    prediction = model(x_t, t, cond)
    error = F.mse_loss(prediction.float(), process.target(target, x0, eps, t, schedule).float(), reduction="none")
    if weight != "uniform":
        error = error * loss_weight(weight, target, t, schedule).to(error).reshape(batch, *[1] * (error.ndim - 1))
    return error.mean() if reduce else error.flatten(1).mean(1)


def loss_weight(weight: str, target: str, t: Tensor, schedule: NoiseSchedule) -> Tensor:
    r"""What the loss of step t counts. "min-snr": min(snr, 5) in terms of x_0's error, whatever the network predicts.

    With snr = alpha_bar / (1 - alpha_bar) an error of x_0 is snr times smaller than that of eps, and snr + 1 times
    smaller than that of v: so w is min(snr, 5), min(snr, 5) / snr = min(1, 5 / snr), and min(snr, 5) / (snr + 1).

    Args:
        weight: "uniform" (always 1) or "min-snr".
        target: "eps", "x0" or "v".
        t: (B,) steps in 1..T.
        schedule: the noise schedule; at the last step snr may be 0.

    Returns:
        (B,) float64.

    Raises:
        ValueError: unknown weight or target.

    Source: Hang et al. 2023 (Min-SNR), eq. 8 and appendix.
    """
    check_choice("weight", weight, WEIGHTS)
    check_target(target)
    if weight == "uniform":
        return torch.ones(t.shape, dtype=torch.float64, device=t.device)
    alpha_bar = schedule.alpha_bar.to(t.device)[t]
    snr = alpha_bar / (1 - alpha_bar)
    if target == "x0":
        return snr.clamp(max=MOST_SNR)
    if target == "v":
        return snr.clamp(max=MOST_SNR) / (snr + 1)
    return (MOST_SNR / snr).clamp(max=1)  # 5 / 0 is infinite, and then 1
