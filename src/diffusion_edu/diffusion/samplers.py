"""From noise to data: lists of times, single steps from t to s, and the loop around them.

A step is a plain function of (x_t, estimate, t, s). It never works out s for itself, so that nothing can
disagree about which steps are visited. Coefficients are Python floats: exact, and no wait for a GPU.
"""

from __future__ import annotations

import difflib
import itertools
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from ..cond import Cond
from .process import Estimate, check_pair
from .schedules import NoiseSchedule

METHODS = ("ddpm", "ddim", "dpm-solver")
VARIANCES = ("posterior", "beta")


class DenoiserLike(Protocol):
    """What a sampler needs: a schedule, and an estimate of (x0, eps) for any (x_t, t, cond)."""

    schedule: NoiseSchedule

    def __call__(self, x_t: Tensor, t: int, cond: Cond | None = None) -> Estimate:
        """(B, ...) x_t at step t -> the estimate."""


class SampleStep(NamedTuple):
    """One state of the reverse process: x_t at step t, the estimate made there, and the step s that follows.

    The last one has t = s = 0: x_t is the sample, x0 is the same picture, eps is the last estimate of the noise.
    """

    t: int
    s: int
    x_t: Tensor
    x0: Tensor
    eps: Tensor


def timesteps(T: int, steps: int) -> list[int]:
    r"""The times that a sampler visits: `steps` even strides from T down to 0.

    t_i = round(T (1 - i / steps)), i = 0..steps. ("Trailing" spacing: it starts at T, where training put pure
    noise, and ends at 0, the clean picture.)

    Equation: eq-timesteps (Lin et al. 2024, section 3.3).
    Checked by: tests/diffusion/test_samplers.py::test_times_run_from_T_to_zero.

    Raises:
        ValueError: steps outside 1..T.
    """
    if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= T:
        raise ValueError(f"steps must be an integer in 1..{T}, got {steps!r}")
    return [(T * (steps - i) * 2 + steps) // (2 * steps) for i in range(steps + 1)]


def ddpm_step(
    x_t: Tensor,
    estimate: Estimate,
    t: int,
    s: int,
    schedule: NoiseSchedule,
    noise: Tensor | None = None,
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
        noise: (B, ...) z; needed when s > 0, not used at s = 0 (the last step adds no noise).
        variance: "posterior" or "beta", the two choices of Ho et al., section 3.2.

    Returns:
        (B, ...) x_s.

    Raises:
        ValueError: times out of order, unknown variance, or noise missing.
    """
    check_pair(t, s, schedule.T)
    _check_name("variance", variance, VARIANCES)
    signal_s, noise_s, noise_t = schedule.signal(s), schedule.noise(s), schedule.noise(t)
    root_alpha = schedule.signal(t) / signal_s
    beta = 1 - root_alpha**2
    mean = (signal_s * beta / noise_t**2) * estimate.x0 + (root_alpha * noise_s**2 / noise_t**2) * x_t
    if s == 0:
        return mean
    sigma = math.sqrt(beta) if variance == "beta" else math.sqrt(beta) * noise_s / noise_t
    return mean + sigma * _needed(noise, "ddpm_step")


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
    if not 0 <= eta <= 1:
        raise ValueError(f"eta must be between 0 and 1, got {eta!r}")
    ratio = schedule.signal(t) / schedule.signal(s)
    return eta * schedule.noise(s) / schedule.noise(t) * math.sqrt(1 - ratio**2)


def ddim_step(
    x_t: Tensor,
    estimate: Estimate,
    t: int,
    s: int,
    schedule: NoiseSchedule,
    noise: Tensor | None = None,
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
        noise: (B, ...) z; needed when eta > 0 and s > 0.
        eta: 0 is deterministic, 1 is ancestral sampling.

    Returns:
        (B, ...) x_s.

    Raises:
        ValueError: times out of order, eta outside [0, 1], or noise missing.
    """
    sigma = ddim_sigma(t, s, schedule, eta)
    # max(): at eta = 1 and s = 0 rounding may leave -1e-17 under the root.
    direction = math.sqrt(max(schedule.noise(s) ** 2 - sigma**2, 0.0))
    x_s = schedule.signal(s) * estimate.x0 + direction * estimate.eps
    return x_s if sigma == 0 else x_s + sigma * _needed(noise, "ddim_step with eta > 0")


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


def sample(
    denoiser: DenoiserLike,
    shape: Sequence[int] | None = None,
    *,
    method: str = "ddim",
    steps: int | None = None,
    eta: float = 0.0,
    variance: str = "posterior",
    seeds: Sequence[int] | None = None,
    start: Tensor | None = None,
    start_t: int | None = None,
    cond: Cond | None = None,
    device: torch.device | str | None = None,
    dtype: torch.dtype = torch.float32,
) -> Iterator[SampleStep]:
    """Run the reverse process, one yield a step: ``for step in sample(...)``; the last ``step.x_t`` is the sample.

    Sample i is drawn with its own generator, seeded with seeds[i]: it does not depend on the batch around it. The
    same seeds give the same noise on the same kind of device.

    Args:
        denoiser: what estimates (x0, eps); a network in training mode is switched to evaluation and back.
        shape: (B, C, H, W) of the result; not needed with `start`.
        method: "ddpm" (ancestral), "ddim", or "dpm-solver" (DPM-Solver++ 2M, deterministic).
        steps: number of steps from T to 0; default: all T for "ddpm", 50 for "ddim", 20 for "dpm-solver".
        eta: stochasticity of "ddim".
        variance: variance of "ddpm".
        seeds: one integer a sample; default 0..B-1.
        start: (B, C, H, W) pictures to begin from instead of noise (image to image); they are noised to `start_t`.
        start_t: the step to begin at, in 1..T; with `start` only. The steps are those of the full list below it.
        cond: passed to the denoiser.
        device, dtype: of the state; default: where the denoiser's parameters are (else the CPU), float32.

    Yields:
        SampleStep(t, s, x_t, x0, eps) at every visited t, and at 0.

    Raises:
        ValueError: unknown method or variance, steps, eta or start_t out of range, seeds of another number.
    """
    # Checked here and not in the generator below, so that a mistake is reported where it is made.
    schedule = denoiser.schedule
    _check_name("method", method, METHODS)
    _check_name("variance", variance, VARIANCES)
    if not 0 <= eta <= 1:
        raise ValueError(f"eta must be between 0 and 1, got {eta!r}")
    if eta and method != "ddim":
        raise ValueError(f"eta belongs to method 'ddim', got eta={eta!r} with method {method!r}")
    if steps is None:
        steps = {"ddpm": schedule.T, "ddim": min(50, schedule.T), "dpm-solver": min(20, schedule.T)}[method]
    times = timesteps(schedule.T, steps)
    if (start is None) != (start_t is None):
        raise ValueError("start and start_t belong together: a picture, and the step to noise it to")
    if start is not None and start_t is not None:
        if not 1 <= start_t <= schedule.T:
            raise ValueError(f"start_t must be in 1..{schedule.T}, got {start_t!r}")
        if shape is not None and tuple(shape) != tuple(start.shape):
            raise ValueError(f"shape must be that of start {tuple(start.shape)} or left out, got {tuple(shape)}")
        shape = tuple(start.shape)
        times = [start_t] + [t for t in times if t < start_t]
    if shape is None or len(shape) < 2 or min(shape) < 1:
        raise ValueError(f"shape must be (B, ...) of positive sizes, got {shape!r}")
    seeds = list(range(shape[0])) if seeds is None else [int(seed) for seed in seeds]
    if len(seeds) != shape[0]:
        raise ValueError(f"seeds must hold one integer a sample, {shape[0]} in all, got {len(seeds)}")
    if device is None:
        parameter = next(denoiser.parameters(), None) if isinstance(denoiser, nn.Module) else None
        device = parameter.device if parameter is not None else "cpu"
    noise = SeededNoise(seeds, tuple(shape[1:]), device, dtype)
    x_t = noise.draw()
    if start is not None:
        x_t = schedule.signal(times[0]) * start.to(device, dtype) + schedule.noise(times[0]) * x_t
    return _run(denoiser, x_t, times, noise, cond, method, eta, variance)


def _run(
    denoiser: DenoiserLike,
    x_t: Tensor,
    times: list[int],
    noise: SeededNoise,
    cond: Cond | None,
    method: str,
    eta: float,
    variance: str,
) -> Iterator[SampleStep]:
    schedule = denoiser.schedule
    fresh = method == "ddpm" or eta > 0
    previous: tuple[int, Tensor] | None = None
    training = [m for m in denoiser.modules() if m.training] if isinstance(denoiser, nn.Module) else []
    try:
        for module in training:
            module.training = False
        for t, s in itertools.pairwise(times):
            # Not around the loop: a generator must not leave its caller without gradients between two steps.
            with torch.no_grad():
                estimate = denoiser(x_t, t, cond)
            yield SampleStep(t, s, x_t, *estimate)
            with torch.no_grad():
                z = noise.draw() if fresh and s > 0 else None
                if method == "ddpm":
                    x_t = ddpm_step(x_t, estimate, t, s, schedule, z, variance)
                elif method == "ddim":
                    x_t = ddim_step(x_t, estimate, t, s, schedule, z, eta)
                else:
                    x_t = dpm_solver_step(x_t, estimate, t, s, schedule, previous)
                    previous = (t, estimate.x0)
        yield SampleStep(0, 0, x_t, x_t, estimate.eps)
    finally:
        for module in training:
            module.training = True


class SeededNoise:
    """Standard normal noise whose sample i comes from its own generator, whatever the batch around it.

    Args:
        seeds: one integer a sample.
        shape: of one sample.
        device, dtype: of the noise.
    """

    def __init__(
        self, seeds: Sequence[int], shape: tuple[int, ...], device: torch.device | str, dtype: torch.dtype
    ) -> None:
        self.generators = [torch.Generator(device).manual_seed(seed) for seed in seeds]
        self.shape, self.device, self.dtype = shape, device, dtype

    def draw(self) -> Tensor:
        """(B, *shape) fresh noise."""
        draws = [
            torch.randn((1, *self.shape), generator=g, device=self.device, dtype=self.dtype) for g in self.generators
        ]
        return torch.cat(draws) if len(draws) > 1 else draws[0]


def _half_log_snr(t: int, schedule: NoiseSchedule) -> float:
    return math.log(schedule.signal(t) / schedule.noise(t))


def _needed(noise: Tensor | None, who: str) -> Tensor:
    if noise is None:
        raise ValueError(f"noise must be given to {who} while s > 0")
    return noise


def _check_name(argument: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        near = difflib.get_close_matches(str(value), allowed, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"{argument} must be one of {', '.join(allowed)}, got {value!r}{hint}")
