"""Random numbers that are the same on every device: they are drawn on the CPU, and moved to where they are needed.

A generator on a GPU has another stream than one on the CPU, so the same seed would be another image there. Only dropout
draws on the device: its masks are as large as the features, and no image that is sampled depends on them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

Model = TypeVar("Model", bound=nn.Module)


def derive_seed(seed: int, stream: str, index: int) -> int:
    """A 63-bit seed for one use of one step, independent of every other (numpy's SeedSequence mixes them)."""
    words = [seed, int.from_bytes(stream.encode()[:8], "little"), index]
    return int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0]) >> 1


def _home(generator: torch.Generator | None) -> torch.device:
    """Where numbers are drawn: where the generator lives; without one, torch's global generator of the CPU."""
    return torch.device("cpu") if generator is None else generator.device


def randn(
    shape: Sequence[int],
    generator: torch.Generator | None,
    device: torch.device | str,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Standard normal numbers on `device`, from a generator on any device (None: the CPU's global one)."""
    return torch.randn(tuple(shape), generator=generator, device=_home(generator), dtype=dtype).to(device)


def rand(shape: Sequence[int], generator: torch.Generator | None, device: torch.device | str) -> Tensor:
    """As :func:`randn`: uniform in [0, 1), float32."""
    return torch.rand(tuple(shape), generator=generator, device=_home(generator), dtype=torch.float32).to(device)


def randint(
    low: int, high: int, shape: Sequence[int], generator: torch.Generator | None, device: torch.device | str
) -> Tensor:
    """As :func:`randn`: integers in low .. high - 1, int64."""
    return torch.randint(low, high, tuple(shape), generator=generator, device=_home(generator)).to(device)


class SeededNoise:
    """Standard normal noise whose sample i comes from its own generator, whatever the batch around it, on any device.

    Args:
        seeds: one integer a sample.
        shape: of one sample.
        device, dtype: of the noise. It is drawn on the CPU in this dtype, and moved.
    """

    def __init__(
        self, seeds: Sequence[int], shape: tuple[int, ...], device: torch.device | str, dtype: torch.dtype
    ) -> None:
        self.generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self.shape, self.device, self.dtype = shape, device, dtype

    def draw(self) -> Tensor:
        """(B, *shape) fresh noise."""
        draws = [torch.randn((1, *self.shape), generator=g, device="cpu", dtype=self.dtype) for g in self.generators]
        return (torch.cat(draws) if len(draws) > 1 else draws[0]).to(self.device)


class Draw:
    """The random numbers of one training step: those of the whole batch, of which each process takes its part.

    Every number is drawn wherever the batch is split, so two processes train as one does.

    Args:
        generator: of the step, on the CPU.
        batch_size: B, of the whole batch.
        part: which entries of the batch this process has; default: all.
        device: where the numbers are needed.
    """

    def __init__(
        self,
        generator: torch.Generator,
        batch_size: int,
        part: range | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        self.generator, self.batch_size, self.device = generator, batch_size, device
        whole = range(batch_size) if part is None else part
        self._part = slice(whole.start, whole.stop)

    def normal(self, *shape: int) -> Tensor:
        """(b, *shape) standard normal, for the b entries of this process."""
        return randn((self.batch_size, *shape), self.generator, "cpu")[self._part].to(self.device)

    def uniform(self, *shape: int) -> Tensor:
        """(b, *shape) in [0, 1)."""
        return rand((self.batch_size, *shape), self.generator, "cpu")[self._part].to(self.device)

    def integers(self, low: int, high: int, *shape: int) -> Tensor:
        """(b, *shape) integers in low .. high - 1, int64."""
        return randint(low, high, (self.batch_size, *shape), self.generator, "cpu")[self._part].to(self.device)


def seeded(build: Callable[[], Model], seed: int) -> Model:
    """A network in float32 whose random start is a function of the seed, on the CPU.

    No global generator is changed by it, and neither torch's default device nor its default type changes the network.
    """
    with torch.device("cpu"), default_float32(), global_seed(derive_seed(seed, "init", 0)):
        return build()


@contextlib.contextmanager
def default_float32() -> Iterator[None]:
    """For the block new tensors are float32, whatever `torch.set_default_dtype` was given."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextlib.contextmanager
def global_seed(seed: int, device: torch.device | str = "cpu") -> Iterator[None]:
    """For the block, torch's global generators of the CPU and of `device` begin at `seed`; then they are put back.

    `torch.manual_seed` would seed every device of the machine, and `torch.random.fork_rng` puts back only those that
    are named to it.
    """
    generators = [torch.default_generator, *_global_generator(torch.device(device))]
    states = [generator.get_state() for generator in generators]
    try:
        for generator in generators:
            generator.manual_seed(seed)
        yield
    finally:
        for generator, state in zip(generators, states):
            generator.set_state(state)


def _global_generator(device: torch.device) -> list[torch.Generator]:
    """The one that operations on an accelerator draw from; none for the CPU."""
    if device.type == "cuda":
        torch.cuda.init()  # before it there are no generators
        return [torch.cuda.default_generators[torch.cuda.current_device() if device.index is None else device.index]]
    if device.type == "mps":
        return [torch.mps._get_default_mps_generator()]
    return []
