"""Lists of times, single steps from t to s < t, and the samplers, which are a step with its options.

A step is a plain function of (x_t, estimate, t, s). It never works out s for itself, so that nothing can
disagree about which steps are visited. Coefficients are Python floats: exact, and no wait for a GPU.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .._arguments import anything, between, checked, estimate, inside, step_and_estimate, tensor, two_tensors
from .._errors import bad_value, check_choice
from .process import Estimate, check_pair, given_or_drawn
from .schedules import NoiseSchedule

VARIANCES = ("posterior", "beta")


@checked(steps=anything)
def timesteps(T: int, steps: int) -> list[int]:
    r"""The times that a sampler visits: `steps` even strides from T down to 0.

    t_i = round(T (1 - i / steps)), i = 0..steps. ("Trailing" spacing: it starts at T, where training put pure
    noise, and ends at 0, the clean image.)

    Equation: eq-timesteps (Lin et al. 2024, section 3.3).
    Checked by: tests/diffusion/test_samplers.py::test_times_run_from_T_to_zero.

    Raises:
        ValueError: steps outside 1..T.
    """
    if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= T:
        raise bad_value("steps", steps, f"an integer in 1..{T}")
    return [(T * (steps - i) * 2 + steps) // (2 * steps) for i in range(steps + 1)]


@checked(same="x_t estimate noise", estimate=estimate)
def ddpm_step(
    x_t: Tensor,
    estimate: Estimate,
    t: int,
    s: int,
    schedule: NoiseSchedule,
    noise: Tensor | None = None,
    generator: torch.Generator | None = None,
    *,
    variance: str = "posterior",
) -> Tensor:
    r"""One ancestral step: draw x_s from the posterior q(x_s | x_t, x_0) at the estimated x_0.

    With alpha = alpha_bar_t / alpha_bar_s and beta = 1 - alpha (the noise of the whole stride):
    x_s = (sqrt(alpha_bar_s) beta x_0 + sqrt(alpha) (1 - alpha_bar_s) x_t) / (1 - alpha_bar_t) + sigma z,
    sigma^2 = beta (1 - alpha_bar_s) / (1 - alpha_bar_t) ("posterior") or beta ("beta"). For s = t - 1 the
    mean is (x_t - beta_t / sqrt(1 - alpha_bar_t) eps) / sqrt(alpha_t), line 4 of Algorithm 2.

    Equation: eq-ddpm-step (Ho et al. 2020, Algorithm 2 and eq. 7).
    Checked by: tests/diffusion/test_samplers.py::test_ddpm_step_is_line_four_of_algorithm_two.

    Args:
        x_t: (B, ...) state at t.
        estimate: (x0, eps) at t.
        t, s: 0 <= s < t <= T.
        noise: (B, ...) z, drawn from `generator` when not given; not used at s = 0: the last step adds none.
        generator: source of the noise.
        variance: "posterior" or "beta", the two choices of Ho et al., section 3.2.

    Returns:
        (B, ...) x_s.

    Raises:
        ValueError: times out of order, unknown variance, or noise of another shape.
    """
    check_pair(t, s, schedule.T)
    check_choice("variance", variance, VARIANCES)
    signal_s, noise_s, noise_t = schedule.signal(s), schedule.noise(s), schedule.noise(t)
    root_alpha = schedule.signal(t) / signal_s
    beta = 1 - root_alpha**2
    mean = (signal_s * beta / noise_t**2) * estimate.x0 + (root_alpha * noise_s**2 / noise_t**2) * x_t
    if s == 0:
        return mean
    sigma = math.sqrt(beta) if variance == "beta" else math.sqrt(beta) * noise_s / noise_t
    return mean + sigma * given_or_drawn(noise, x_t, generator)


@checked
@dataclass(frozen=True)
class DDPM:
    """Ancestral sampling: at each step fresh noise, as much as the forward process took away.

    Args:
        variance: of that noise, "posterior" or "beta".

    Raises:
        ValueError: unknown variance.
    """

    variance: str = "posterior"
    stochastic = True

    def __post_init__(self) -> None:
        check_choice("variance", self.variance, VARIANCES)

    @checked
    def default_steps(self, T: int) -> int:
        """All T: fewer of these steps look worse."""
        return T

    @checked(same="x_t estimate noise", x_t=tensor(finite=False), estimate=two_tensors, noise=tensor(finite=False))
    def step(
        self,
        x_t: Tensor,
        estimate: Estimate,
        t: int,
        s: int,
        schedule: NoiseSchedule,
        noise: Tensor | None,
        memory: dict[str, Any],
    ) -> Tensor:
        """:func:`ddpm_step` with this variance."""
        return inside(ddpm_step)(x_t, estimate, t, s, schedule, noise, variance=self.variance)


@checked(eta=between(0, 1))
def ddim_sigma(t: int, s: int, schedule: NoiseSchedule, eta: float) -> float:
    r"""Standard deviation of the fresh noise of a DDIM step.

    sigma = eta sqrt((1 - alpha_bar_s) / (1 - alpha_bar_t)) sqrt(1 - alpha_bar_t / alpha_bar_s).
    eta = 1 gives the standard deviation of the posterior, eta = 0 none.

    Equation: eq-ddim-sigma (Song et al. 2021, eq. 16).
    Checked by: tests/diffusion/test_samplers.py::test_ddim_with_eta_one_is_ancestral_sampling.

    Raises:
        ValueError: times out of order, eta outside [0, 1].
    """
    check_pair(t, s, schedule.T)
    ratio = schedule.signal(t) / schedule.signal(s)
    return eta * schedule.noise(s) / schedule.noise(t) * math.sqrt(1 - ratio**2)


@checked(same="x_t estimate noise", estimate=estimate, eta=between(0, 1))
def ddim_step(
    x_t: Tensor,
    estimate: Estimate,
    t: int,
    s: int,
    schedule: NoiseSchedule,
    noise: Tensor | None = None,
    generator: torch.Generator | None = None,
    *,
    eta: float = 0.0,
) -> Tensor:
    r"""One DDIM step: move to the estimated x_0, then put back just the noise that belongs to step s.

    x_s = sqrt(alpha_bar_s) x_0 + sqrt(1 - alpha_bar_s - sigma^2) eps + sigma z, sigma from :func:`ddim_sigma`.

    Equation: eq-ddim-step (Song et al. 2021, eq. 12).
    Checked by: tests/diffusion/test_samplers.py::test_ddim_with_eta_one_is_ancestral_sampling.

    Args:
        x_t: (B, ...) state at t.
        estimate: (x0, eps) at t.
        t, s: 0 <= s < t <= T.
        noise: (B, ...) z, drawn from `generator` when not given; used when eta > 0 and s > 0 only.
        generator: source of the noise.
        eta: 0 is deterministic, 1 is ancestral sampling.

    Returns:
        (B, ...) x_s.

    Raises:
        ValueError: times out of order, eta outside [0, 1], or noise of another shape.
    """
    sigma = ddim_sigma(t, s, schedule, eta)
    # max(): at eta = 1 and s = 0 rounding may leave -1e-17 under the root.
    direction = math.sqrt(max(schedule.noise(s) ** 2 - sigma**2, 0.0))
    x_s = schedule.signal(s) * estimate.x0 + direction * estimate.eps
    return x_s if sigma == 0 else x_s + sigma * given_or_drawn(noise, x_t, generator)


@checked(eta=between(0, 1))
@dataclass(frozen=True)
class DDIM:
    """To the estimated x_0 and back to the noise of the next step; few steps, and the same image at every run.

    Args:
        eta: share of fresh noise: 0 is deterministic, 1 is ancestral sampling.

    Raises:
        ValueError: eta outside [0, 1].
    """

    eta: float = 0.0

    @property
    def stochastic(self) -> bool:
        """Whether steps take fresh noise."""
        return self.eta > 0

    @checked
    def default_steps(self, T: int) -> int:
        """50, or T if that is less."""
        return min(50, T)

    @checked(same="x_t estimate noise", x_t=tensor(finite=False), estimate=two_tensors, noise=tensor(finite=False))
    def step(
        self,
        x_t: Tensor,
        estimate: Estimate,
        t: int,
        s: int,
        schedule: NoiseSchedule,
        noise: Tensor | None,
        memory: dict[str, Any],
    ) -> Tensor:
        """:func:`ddim_step` with this eta."""
        return inside(ddim_step)(x_t, estimate, t, s, schedule, noise, eta=self.eta)


@checked(same="x_t estimate", estimate=estimate, previous=step_and_estimate)
def dpm_solver_step(
    x_t: Tensor,
    estimate: Estimate,
    t: int,
    s: int,
    schedule: NoiseSchedule,
    previous: tuple[int, Tensor] | None = None,
) -> Tensor:
    r"""One step of DPM-Solver++(2M): like DDIM, but x_0 is extrapolated from this estimate and the last one.

    With lambda = ln(sqrt(alpha_bar) / sqrt(1 - alpha_bar)), h = lambda_s - lambda_t and
    r = (lambda_t - lambda_u) / h for the step u before t: D = x_0(t) + (x_0(t) - x_0(u)) / (2 r) and
    x_s = sqrt((1 - alpha_bar_s) / (1 - alpha_bar_t)) x_t - sqrt(alpha_bar_s) (e^{-h} - 1) D.

    The first step has no u, and the step to s = 0 has h = infinity: both use D = x_0(t), which is DDIM.

    Equation: eq-dpm-solver (Lu et al. 2022b, Algorithm 2).
    Checked by: tests/diffusion/test_samplers.py::test_solver_converges_with_second_order.

    Args:
        x_t: (B, ...) state at t.
        estimate: (x0, eps) at t.
        t, s: 0 <= s < t <= T.
        previous: (u, x0 estimated at u) of the step before, u > t; None at the first step.

    Returns:
        (B, ...) x_s.

    Raises:
        ValueError: times out of order.
    """
    check_pair(t, s, schedule.T)
    if s == 0:
        return estimate.x0
    h = _half_log_snr(s, schedule) - _half_log_snr(t, schedule)
    x0 = estimate.x0
    if previous is not None:
        u, x0_u = previous
        check_pair(u, t, schedule.T)
        r = (_half_log_snr(t, schedule) - _half_log_snr(u, schedule)) / h
        x0 = (1 + 0.5 / r) * x0 - (0.5 / r) * x0_u
    return (schedule.noise(s) / schedule.noise(t)) * x_t - schedule.signal(s) * math.expm1(-h) * x0


@dataclass(frozen=True)
class DPMSolver:
    """DPM-Solver++(2M): deterministic, and of second order, so that twenty steps do."""

    stochastic = False

    @checked
    def default_steps(self, T: int) -> int:
        """20, or T if that is less."""
        return min(20, T)

    @checked(same="x_t estimate noise", x_t=tensor(finite=False), estimate=two_tensors, noise=tensor(finite=False))
    def step(
        self,
        x_t: Tensor,
        estimate: Estimate,
        t: int,
        s: int,
        schedule: NoiseSchedule,
        noise: Tensor | None,
        memory: dict[str, Any],
    ) -> Tensor:
        """:func:`dpm_solver_step`, which remembers the estimate of the step before."""
        x_s = inside(dpm_solver_step)(x_t, estimate, t, s, schedule, memory.get("previous"))
        memory["previous"] = (t, estimate.x0)
        return x_s


def _half_log_snr(t: int, schedule: NoiseSchedule) -> float:
    return math.log(schedule.signal(t) / schedule.noise(t))
