"""From noise to data: the loop around the steps, as a generator."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from .._errors import bad_value, check_choice
from ..cond import Cond
from .process import Estimate
from .schedules import NoiseSchedule
from .steps import VARIANCES, ddim_step, ddpm_step, dpm_solver_step, timesteps

METHODS = ("ddpm", "ddim", "dpm-solver")
DEFAULT_STEPS = {"ddpm": sys.maxsize, "ddim": 50, "dpm-solver": 20}  # and at most T


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
    _check_options(method, variance, eta)
    times = timesteps(schedule.T, min(DEFAULT_STEPS[method], schedule.T) if steps is None else steps)
    if start is not None or start_t is not None:
        shape, times = _begin_at(start, start_t, shape, times)
    if shape is None or len(shape) < 2 or min(shape) < 1:
        raise bad_value("shape", shape, "(B, ...) of positive sizes")
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


def _check_options(method: str, variance: str, eta: float) -> None:
    check_choice("method", method, METHODS)
    check_choice("variance", variance, VARIANCES)
    if not 0 <= eta <= 1:
        raise bad_value("eta", eta, "between 0 and 1")
    if eta and method != "ddim":
        raise ValueError(f"eta belongs to method 'ddim', got eta={eta!r} with method {method!r}")


def _begin_at(
    start: Tensor | None, start_t: int | None, shape: Sequence[int] | None, times: list[int]
) -> tuple[tuple[int, ...], list[int]]:
    """Shape and times of a run that begins with pictures noised to start_t."""
    if start is None or start_t is None:
        raise ValueError("start and start_t belong together: a picture, and the step to noise it to")
    if not 1 <= start_t <= times[0]:
        raise bad_value("start_t", start_t, f"in 1..{times[0]}")
    if shape is not None and tuple(shape) != tuple(start.shape):
        raise ValueError(f"shape must be that of start {tuple(start.shape)} or left out, got {tuple(shape)}")
    return tuple(start.shape), [start_t] + [t for t in times if t < start_t]


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
                x_t = x_t.to(noise.dtype)
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
