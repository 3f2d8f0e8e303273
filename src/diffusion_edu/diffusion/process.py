"""The forward process q, its posterior, and the three targets that a network may predict."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from .._arguments import checked
from .._errors import check_choice
from ..randomness import randn
from .schedules import NoiseSchedule

TARGETS = ("eps", "x0", "v")


class Estimate(NamedTuple):
    """What a denoiser believes about x_t: the clean image and the noise, each of x_t's shape."""

    x0: Tensor
    eps: Tensor


class Posterior(NamedTuple):
    """Mean (shape of x_t) and variance ((B, 1, ..., 1), of each pixel) of q(x_{t-1} | x_t, x_0)."""

    mean: Tensor
    variance: Tensor


@checked(same="x_prev noise")
def q_step(
    x_prev: Tensor,
    t: int | Tensor,
    schedule: NoiseSchedule,
    noise: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    r"""Add the noise of one step: draw x_t from q(x_t | x_{t-1}).

    x_t = sqrt(1 - beta_t) x_{t-1} + sqrt(beta_t) eps. The signal shrinks by the factor that keeps the variance at 1.

    Equation: eq-q-step (Ho et al. 2020, eq. 2).
    Checked by: tests/diffusion/test_process.py::test_closed_form_equals_steps.

    Args:
        x_prev: (B, ...) x_{t-1}.
        t: the step to arrive at, in 1..T: an int, or (B,) integers.
        noise: (B, ...) eps; drawn from `generator` when not given.
        generator: source of the noise.

    Returns:
        (B, ...) x_t.

    Raises:
        ValueError, TypeError: t or noise of the wrong shape or type, t out of range.
    """
    _check_t("t", t, x_prev, 1, schedule.T)
    kept = schedule.gather("alpha", t, x_prev).sqrt()
    added = schedule.gather("beta", t, x_prev).sqrt()
    return kept * x_prev + added * given_or_drawn(noise, x_prev, generator)


@checked(same="x0 noise")
def q_sample(
    x0: Tensor,
    t: int | Tensor,
    schedule: NoiseSchedule,
    noise: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor]:
    r"""Jump straight from x_0 to x_t: draw from q(x_t | x_0).

    x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) eps.

    Equation: eq-q-sample (Ho et al. 2020, eq. 4).
    Checked by: tests/diffusion/test_process.py::test_closed_form_equals_steps.

    Args:
        x0: (B, ...) clean data in [-1, 1].
        t: in 0..T: an int, or (B,) integers.
        noise: (B, ...) eps; drawn from `generator` when not given.
        generator: source of the noise.

    Returns:
        x_t and eps, both (B, ...).

    Raises:
        ValueError, TypeError: t or noise of the wrong shape or type, t out of range, x0 not floating point.
    """
    _check_t("t", t, x0, 0, schedule.T)
    eps = given_or_drawn(noise, x0, generator)
    return schedule.gather("signal", t, x0) * x0 + schedule.gather("noise", t, x0) * eps, eps


@checked
def posterior(x0: Tensor, x_t: Tensor, t: int | Tensor, schedule: NoiseSchedule) -> Posterior:
    r"""The distribution of x_{t-1} when both x_t and x_0 are known: q(x_{t-1} | x_t, x_0).

    mean = (sqrt(alpha_bar_{t-1}) beta_t x_0 + sqrt(alpha_t) (1 - alpha_bar_{t-1}) x_t) / (1 - alpha_bar_t);
    variance = beta_t (1 - alpha_bar_{t-1}) / (1 - alpha_bar_t), which is 0 at t = 1.

    Equation: eq-posterior-mean (Ho et al. 2020, eq. 7).
    Equation: eq-posterior-variance (Ho et al. 2020, eq. 7).
    Checked by: tests/diffusion/test_process.py::test_posterior_is_bayes_rule.

    Args:
        x0: (B, ...) clean data.
        x_t: (B, ...) noised data.
        t: in 1..T: an int, or (B,) integers.

    Returns:
        Posterior(mean (B, ...), variance (B, 1, ..., 1) or a scalar tensor for an int t).

    Raises:
        ValueError, TypeError: t out of range or of the wrong shape or type, shapes differ.
    """
    if x0.shape != x_t.shape:
        raise ValueError(f"x0 must have the shape of x_t {tuple(x_t.shape)}, got {tuple(x0.shape)}")
    _check_t("t", t, x_t, 1, schedule.T)
    t_prev = t - 1
    beta, alpha = schedule.gather("beta", t, x_t), schedule.gather("alpha", t, x_t)
    left = schedule.gather("noise", t, x_t) ** 2  # 1 - alpha_bar_t, from the float64 table: no cancellation
    left_prev = schedule.gather("noise", t_prev, x_t) ** 2
    mean = (schedule.gather("signal", t_prev, x_t) * beta * x0 + alpha.sqrt() * left_prev * x_t) / left
    return Posterior(mean, beta * left_prev / left)


@checked(same="x_s noise")
def jump(
    x_s: Tensor,
    s: int,
    t: int,
    schedule: NoiseSchedule,
    noise: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    r"""Add noise from step s to a later step t in one draw: q(x_t | x_s).

    x_t = sqrt(alpha_bar_t / alpha_bar_s) x_s + sqrt(1 - alpha_bar_t / alpha_bar_s) eps.

    Equation: eq-jump (Kingma et al. 2021, appendix A.1).
    Checked by: tests/diffusion/test_process.py::test_jump_has_the_marginals_of_t.

    Args:
        x_s: (B, ...) data at step s.
        s, t: 0 <= s < t <= T.
        noise: (B, ...) eps; drawn from `generator` when not given.
        generator: source of the noise.

    Raises:
        ValueError, TypeError: s >= t, or out of range; x_s not floating point; noise of another shape.
    """
    check_pair(t, s, schedule.T)
    _check_t("t", t, x_s, 1, schedule.T)
    x_s = x_s if x_s.dtype == torch.float64 else x_s.float()
    ratio = (schedule.alpha_bar[t] / schedule.alpha_bar[s]).item()
    return math.sqrt(ratio) * x_s + math.sqrt(1 - ratio) * given_or_drawn(noise, x_s, generator)


@checked
def target(target: str, x0: Tensor, eps: Tensor, t: int | Tensor, schedule: NoiseSchedule) -> Tensor:
    r"""What the network is asked to predict: the noise, the clean image, or the velocity v.

    v = sqrt(alpha_bar_t) eps - sqrt(1 - alpha_bar_t) x_0.

    Equation: eq-v (Salimans and Ho 2022, appendix D).
    Checked by: tests/diffusion/test_process.py::test_targets_convert_in_a_cycle.

    Args:
        target: "eps", "x0" or "v".
        x0, eps: (B, ...) clean data and noise.
        t: in 0..T: an int, or (B,) integers.

    Raises:
        ValueError: unknown target, t out of range, shapes differ.
    """
    check_target(target)
    if x0.shape != eps.shape:
        raise ValueError(f"eps must have the shape of x0 {tuple(x0.shape)}, got {tuple(eps.shape)}")
    _check_t("t", t, x0, 0, schedule.T)
    if target == "eps":
        return eps
    if target == "x0":
        return x0
    return schedule.gather("signal", t, x0) * eps - schedule.gather("noise", t, x0) * x0


@checked
def to_x0_eps(target: str, prediction: Tensor, x_t: Tensor, t: int | Tensor, schedule: NoiseSchedule) -> Estimate:
    r"""Turn any prediction into the pair (x_0, eps) that it implies, given x_t.

    From eps: x_0 = (x_t - sqrt(1 - alpha_bar_t) eps) / sqrt(alpha_bar_t); from x_0:
    eps = (x_t - sqrt(alpha_bar_t) x_0) / sqrt(1 - alpha_bar_t); from v: x_0 = sqrt(alpha_bar_t) x_t -
    sqrt(1 - alpha_bar_t) v and eps = sqrt(1 - alpha_bar_t) x_t + sqrt(alpha_bar_t) v.

    Equation: eq-x0-from-eps (Ho et al. 2020, eq. 15).
    Checked by: tests/diffusion/test_process.py::test_targets_convert_in_a_cycle.

    Args:
        target: "eps", "x0" or "v": what `prediction` is.
        prediction, x_t: (B, ...).
        t: in 1..T: an int, or (B,) integers.

    Raises:
        ValueError: unknown target, t out of range, shapes differ.
    """
    check_target(target)
    if prediction.shape != x_t.shape:
        raise ValueError(f"prediction must have the shape of x_t {tuple(x_t.shape)}, got {tuple(prediction.shape)}")
    _check_t("t", t, x_t, 1, schedule.T)
    # An int t (sampling) reads Python floats: exact, and no copy to a GPU.
    if isinstance(t, int):
        a: float | Tensor = schedule.signal(t)
        s: float | Tensor = schedule.noise(t)
    else:
        a, s = schedule.gather("signal", t, x_t), schedule.gather("noise", t, x_t)
    if target == "eps":
        return Estimate((x_t - s * prediction) / a, prediction)
    if target == "x0":
        return Estimate(prediction, (x_t - a * prediction) / s)
    return Estimate(a * x_t - s * prediction, s * x_t + a * prediction)


# ---- shared by the package ---------------------------------------------------------------------------------


def check_target(target: str) -> None:
    """Raise ValueError unless `target` is one of "eps", "x0", "v"."""
    check_choice("target", target, TARGETS)


def check_pair(t: int, s: int, T: int) -> None:
    """Raise ValueError unless 0 <= s < t <= T."""
    if not 0 <= s < t <= T:
        raise ValueError(f"need 0 <= s < t <= T={T}, got s={s!r}, t={t!r}")


def given_or_drawn(noise: Tensor | None, x: Tensor, generator: torch.Generator | None) -> Tensor:
    """The noise that a function of the process was given, or fresh noise for x from the generator.

    Raises:
        ValueError: the noise has another shape than x.
    """
    if noise is None:
        return randn(x.shape, generator, x.device, x.dtype)
    if noise.shape != x.shape:
        raise ValueError(f"noise must have the shape of the data {tuple(x.shape)}, got {tuple(noise.shape)}")
    return noise.to(x.device)


def _check_t(name: str, t: int | Tensor, x: Tensor, low: int, high: int) -> None:
    if not x.is_floating_point():
        raise TypeError(f"data must be floating point in [-1, 1], got {x.dtype}; see diffusion_edu.data.to_x0")
    if isinstance(t, Tensor):
        if t.is_floating_point() or t.dtype == torch.bool:
            raise TypeError(f"{name} must hold integer steps, got {t.dtype}")
        if t.shape != x.shape[:1]:
            raise ValueError(f"{name} must be an int or have shape ({x.shape[0]},), got {tuple(t.shape)}")
        # Reading a GPU tensor here would stall the device at every training step; there the gather itself checks.
        if t.device.type != "cpu" or t.numel() == 0:
            return
        least, most = int(t.min()), int(t.max())
    elif isinstance(t, int) and not isinstance(t, bool):
        least = most = t
    else:
        raise TypeError(f"{name} must be an int or an integer tensor, got {type(t).__name__}")
    if least < low or most > high:
        raise ValueError(f"{name} must be in {low}..{high}, got {least if least < low else most}")
