"""What a reverse step truly is: mean and variance of x_s when only x_t is known.

The posterior of chapter 3 knows x_0. A sampler does not, so it averages over every x_0 that may have led to x_t. The
tower rule gives the mean of that average, the law of total variance its variance.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .._arguments import checked
from .process import Posterior, check_pair
from .schedules import NoiseSchedule


def stride(t: int, s: int, schedule: NoiseSchedule) -> tuple[float, float, float]:
    """(A, B, variance) of q(x_s | x_t, x_0), whose mean is A x_0 + B x_t; s may lie several steps before t.

    Raises:
        ValueError: unless 0 <= s < t <= T.
    """
    check_pair(t, s, schedule.T)
    ratio = schedule.signal(t) / schedule.signal(s)
    beta, left, left_s = 1 - ratio**2, schedule.noise(t) ** 2, schedule.noise(s) ** 2
    return schedule.signal(s) * beta / left, ratio * left_s / left, beta * left_s / left


@checked
def reverse_moments(
    x_t: Tensor,
    x0_mean: Tensor,
    x0_variance: float | Tensor,
    t: int,
    schedule: NoiseSchedule,
    s: int | None = None,
) -> Posterior:
    r"""Mean and variance of q(x_s | x_t), from those of x_0 given x_t.

    With the posterior's mean A x_0 + B x_t and its variance tilde-beta_t:
    E[x_s | x_t] = A E[x_0 | x_t] + B x_t, because the mean is linear in x_0;
    Var[x_s | x_t] = tilde-beta_t + A^2 Var[x_0 | x_t], by the law of total variance.

    For a data set of one point the variance is tilde-beta_t, for standard normal data it is beta_t.

    Equation: eq-reverse-mean (tower rule; Ho et al. 2020, eq. 6 and 7).
    Equation: eq-reverse-variance (law of total variance; Bao et al. 2022, theorem 1).
    Checked by: tests/diffusion/test_reverse.py::test_moments_are_those_of_bayes_rule_on_a_grid
        tests/diffusion/test_reverse.py::test_the_two_variances_of_ho_are_the_ends.

    Args:
        x_t: (B, ...) noised data.
        x0_mean: (B, ...) E[x_0 | x_t], an exact denoiser's answer.
        x0_variance: Var[x_0 | x_t] of each value: a number, or of a shape that broadcasts to x_t's.
        t: in 1..T.
        s: the step to go to, in 0..t-1; default t - 1.

    Returns:
        Posterior(mean, variance), both (B, ...).

    Raises:
        ValueError: steps out of order, shapes differ, or a variance is negative.
    """
    if x0_mean.shape != x_t.shape:
        raise ValueError(f"x0_mean must have the shape of x_t {tuple(x_t.shape)}, got {tuple(x0_mean.shape)}")
    spread = torch.as_tensor(x0_variance, dtype=x_t.dtype, device=x_t.device)
    if spread.numel() and spread.min() < 0:
        raise ValueError(f"x0_variance must be at least 0, got {spread.min().item():.3g}")
    of_x0, of_x_t, known = stride(t, t - 1 if s is None else s, schedule)
    return Posterior(of_x0 * x0_mean + of_x_t * x_t, (known + of_x0**2 * spread).expand_as(x_t))


@checked
def x0_variance(denoiser: Any, x_t: Tensor, t: int) -> Tensor:
    r"""Var[x_0 | x_t] of each value, read off how fast the denoiser's answer moves with its input.

    Var[x_0 | x_t] = (1 - alpha_bar_t) / sqrt(alpha_bar_t) d E[x_0 | x_t] / d x_t, value by value. Where the answer
    hardly moves, x_0 is certain. Exact for an exact denoiser; for a network it is the variance that its answers imply,
    and may come out negative where the network is no such mean.

    One backward pass a value: for points in the plane, not for images.

    Equation: eq-x0-variance (Efron 2011; Bao et al. 2022).
    Checked by: tests/diffusion/test_reverse.py::test_the_slope_of_the_denoiser_is_the_variance.

    Args:
        denoiser: ``denoiser(x_t, t).x0`` is E[x_0 | x_t]; it has a `schedule`, and no clipping.
        x_t: (B, ...) noised data.
        t: in 1..T.

    Returns:
        (B, ...).

    Raises:
        ValueError: t out of range.
    """
    check_pair(t, 0, denoiser.schedule.T)
    with torch.enable_grad():
        at = x_t.detach().clone().requires_grad_()
        x0 = denoiser(at, t).x0.flatten(1)
        # Samples do not see each other, so the gradient of a sum over them holds each one's own derivative.
        slopes = [torch.autograd.grad(x0[:, i].sum(), at, retain_graph=True)[0] for i in range(x0.shape[1])]
    own = torch.stack([slope.flatten(1)[:, i] for i, slope in enumerate(slopes)], dim=1)
    scale = denoiser.schedule.noise(t) ** 2 / denoiser.schedule.signal(t)
    return (scale * own).reshape(x_t.shape)
