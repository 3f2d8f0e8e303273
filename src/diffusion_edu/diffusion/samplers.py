"""From noise to data: the loop around the steps, as a generator; and the one table of samplers."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields
from typing import Any, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor, nn

from .._arguments import anything, checked, tensor
from .._errors import bad_value, check_choice, unknown_name
from ..cond import Cond
from ..randomness import SeededNoise
from .process import Estimate
from .schedules import NoiseSchedule
from .steps import DDIM, DDPM, DPMSolver, timesteps

Item = TypeVar("Item")


class DenoiserLike(Protocol):
    """What a sampler needs: a schedule, and an estimate of (x0, eps) for any (x_t, t, cond)."""

    schedule: NoiseSchedule

    def __call__(self, x_t: Tensor, t: int, cond: Cond | None = None) -> Estimate:
        """(B, ...) x_t at step t -> the estimate."""


class Sampler(Protocol):
    """How to go from t to s: a frozen dataclass, whose fields are its options and have defaults."""

    @property
    def stochastic(self) -> bool:
        """Whether steps take fresh noise; where they do not, none is drawn."""
        ...

    def default_steps(self, T: int) -> int:
        """How many steps to take where nobody says it, at most T."""
        ...

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
        """From x_t to x_s.

        Args:
            x_t: (B, ...) state at t.
            estimate: (x0, eps) at t.
            t, s: 0 <= s < t <= T.
            noise: (B, ...) for a stochastic sampler at s > 0, else None.
            memory: of this run; empty at its first step, and whatever the sampler writes into it from then on.

        Returns:
            (B, ...) x_s.
        """
        ...


# The one table of names, for the command line, cards and pages. A new sampler is a row of it.
SAMPLERS: dict[str, Callable[..., Sampler]] = {"ddpm": DDPM, "ddim": DDIM, "dpm-solver": DPMSolver}


@checked
def named_sampler(name: str, **options: Any) -> Sampler:
    """The sampler of that name in the table, with its options.

    Raises:
        ValueError: unknown name or option (the message holds the nearest one), or a value out of range.
    """
    check_choice("name of a sampler", name, SAMPLERS)
    known = [field.name for field in fields(SAMPLERS[name])]  # type: ignore[arg-type]  # each is a dataclass
    for option in options:
        if option not in known:
            also = "" if known else "left out"
            raise unknown_name(f"an option of the sampler {name!r}", option, known, also)
    return SAMPLERS[name](**options)


@checked
def last(steps: Iterable[Item]) -> Item:
    """The last of the steps, for those who want the result alone: ``last(sample(...)).x_t``. It holds one at a time.

    Raises:
        ValueError: there is none.
    """
    end = deque(steps, maxlen=1)
    if not end:
        raise ValueError("steps must hold at least one step, got none")
    return end.pop()


class SampleStep(NamedTuple):
    """One state of the reverse process: x_t at step t, the estimate made there, and the step s that follows.

    The last one has t = s = 0: x_t is the sample, x0 is the same image, eps is the last estimate of the noise.
    """

    t: int
    s: int
    x_t: Tensor
    x0: Tensor
    eps: Tensor


@checked(start=tensor("(B, ...)"), steps=anything)
def sample(
    denoiser: DenoiserLike,
    shape: Sequence[int] | None = None,
    sampler: Sampler = DDIM(),  # noqa: B008 - it is frozen
    steps: int | None = None,
    *,
    seeds: Sequence[int] | None = None,
    start: Tensor | None = None,
    start_t: int | None = None,
    cond: Cond | None = None,
    device: torch.device | str | None = None,
    dtype: torch.dtype = torch.float32,
) -> Iterator[SampleStep]:
    """Run the reverse process, one yield a step: ``for step in sample(...)``; the last ``step.x_t`` is the sample.

    Sample i is drawn with its own generator, seeded with seeds[i]: it does not depend on the batch around it. The
    noise is drawn on the CPU, so that the same seeds give the same noise on every device.

    Args:
        denoiser: what estimates (x0, eps); a network in training mode is switched to evaluation and back.
        shape: (B, C, H, W) of the result; not needed with `start`.
        sampler: :class:`DDPM`, :class:`DDIM`, :class:`DPMSolver`, or one of your own.
        steps: number of steps from T to 0; default: the sampler's, which is T, 50 and 20 for these three.
        seeds: one integer a sample; default 0..B-1.
        start: (B, C, H, W) images to begin from instead of noise (image to image); they are noised to `start_t`.
        start_t: the step to begin at, in 1..T; with `start` only. The steps are those of the full list below it.
        cond: passed to the denoiser, on `device`.
        device, dtype: of the state; default: where the denoiser's parameters are (else the CPU), float32.

    Yields:
        SampleStep(t, s, x_t, x0, eps) at every visited t, and at 0.

    Raises:
        TypeError: sampler is no sampler.
        ValueError: steps or start_t out of range, seeds of another number.
    """
    # Checked here and not in the generator below, so that a mistake is reported where it is made.
    schedule = denoiser.schedule
    if isinstance(sampler, type) or not callable(getattr(sampler, "step", None)):
        raise TypeError(f"sampler must be a sampler, such as DDIM(eta=0.0), got {sampler!r}")
    times = timesteps(schedule.T, sampler.default_steps(schedule.T) if steps is None else steps)
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
    cond = None if cond is None else cond.to(device)
    noise = SeededNoise(seeds, tuple(shape[1:]), device, dtype)
    x_t = noise.draw()
    if start is not None:
        x_t = schedule.signal(times[0]) * start.to(device, dtype) + schedule.noise(times[0]) * x_t
    return _run(denoiser, x_t, times, sampler, noise, cond)


def _begin_at(
    start: Tensor | None, start_t: int | None, shape: Sequence[int] | None, times: list[int]
) -> tuple[tuple[int, ...], list[int]]:
    """Shape and times of a run that begins with images noised to start_t."""
    if start is None or start_t is None:
        raise ValueError("start and start_t belong together: an image, and the step to noise it to")
    if not 1 <= start_t <= times[0]:
        raise bad_value("start_t", start_t, f"in 1..{times[0]}")
    if shape is not None and tuple(shape) != tuple(start.shape):
        raise ValueError(f"shape must be that of start {tuple(start.shape)} or left out, got {tuple(shape)}")
    return tuple(start.shape), [start_t] + [t for t in times if t < start_t]


def _run(
    denoiser: DenoiserLike,
    x_t: Tensor,
    times: list[int],
    sampler: Sampler,
    noise: SeededNoise,
    cond: Cond | None,
) -> Iterator[SampleStep]:
    schedule = denoiser.schedule
    memory: dict[str, Any] = {}
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
                z = noise.draw() if sampler.stochastic and s > 0 else None
                x_t = sampler.step(x_t, estimate, t, s, schedule, z, memory).to(noise.dtype)
        yield SampleStep(0, 0, x_t, x_t, estimate.eps)
    finally:
        for module in training:
            module.training = True
