"""How the networks of a cascade are sampled one after the other, and the states that they go through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from torch import Tensor

from ..cond import Cond
from ..diffusion import Denoiser, SampleStep
from ..diffusion.samplers import Sampler
from ..randomness import derive_seed
from .drawing import draw


@dataclass(frozen=True)
class Sampling:
    """How the networks of a cascade are sampled, all alike."""

    level: int
    sampler: Sampler
    steps: int | None
    batch_size: int
    progress: bool
    clip: bool | str

    def draw(self, denoiser: Denoiser, shape: tuple[int, ...], n: int, cond: Cond | None, **more: Any) -> Tensor:
        """Draw n images of one size."""
        own = {"sampler": self.sampler, "steps": self.steps, "batch_size": self.batch_size, "progress": self.progress}
        return draw(denoiser, shape, n, cond=cond, **own, **more)  # type: ignore[arg-type]


class CascadeStep(NamedTuple):
    """One state of one network of a cascade: its place (0 for the base), what it is given, and its :class:`SampleStep`.

    `told` has the noised and enlarged image as `concat`, and the step to which it was noised as `level`, for upscalers.
    """

    network: int
    told: Cond | None
    step: SampleStep


def counted(seed: int, n: int) -> list[int]:
    """n seeds, from the first one on."""
    return [seed + i for i in range(n)]


def streams(seeds: Sequence[int], stream: str) -> list[int]:
    """A seed of its own for each, in a stream that no other part of a cascade draws from."""
    return [derive_seed(seed % 2**63, stream, 0) for seed in seeds]
