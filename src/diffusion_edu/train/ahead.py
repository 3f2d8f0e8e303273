"""The random numbers of the next step, drawn on the CPU while an accelerator works on this one.

A thousand small images are three million normal numbers: on the CPU, where they are the same for every device, that is
as long as the step of a small network on a large GPU. A step asks for what the step before asked for, so they can be
drawn in the meantime. Where it asks for something else, they are drawn again: slower, and never other numbers.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

import torch
from torch import Tensor

from ..randomness import Draw, derive_seed, rand, randint, randn

Request = tuple[str, tuple[int, ...]]
Drawn = list[tuple[Request, Tensor]]


class Numbers:
    """The random numbers of the steps of a training.

    Args:
        seed: of the training.
        batch_size: B, of the whole batch.
        part: which entries of the batch this process has.
        device: where the numbers are needed.
        ahead: draw those of the next step in a thread; default: where the device is not the CPU.
    """

    def __init__(
        self, seed: int, batch_size: int, part: range, device: torch.device, ahead: bool | None = None
    ) -> None:
        self.seed, self.batch_size, self.part, self.device = seed, batch_size, part, device
        ahead = device.type != "cpu" if ahead is None else ahead
        self._pool = ThreadPoolExecutor(1, "numbers") if ahead else None
        self._now: tuple[int, _Ready] | None = None
        self._waiting: dict[int, Future[Drawn]] = {}

    def step(self, n: int) -> Draw:
        """The numbers of step n: a function of the seed and of n."""
        generator = torch.Generator().manual_seed(self._seed_of(n))
        if self._pool is None:
            return Draw(generator, self.batch_size, self.part, self.device)
        ready = _Ready(generator, self.batch_size, self.part, self.device, self._waiting.get(n))
        if self._now is not None and self._now[0] == n - 1 and n + 1 not in self._waiting:
            self._waiting = {step: future for step, future in self._waiting.items() if step >= n}
            self._waiting[n + 1] = self._pool.submit(self._draw, n + 1, list(self._now[1].asked))
        self._now = (n, ready)
        return ready

    def close(self) -> None:
        """Draw no more."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def _seed_of(self, n: int) -> int:
        return derive_seed(self.seed, "noise", n)

    def _draw(self, n: int, asked: list[Request]) -> Drawn:
        generator = torch.Generator().manual_seed(self._seed_of(n))
        pinned = self.device.type == "cuda"  # from there a copy does not stop the thread that asks for it
        drawn = [(request, _whole(request, generator, self.batch_size)) for request in asked]
        return [(request, values.pin_memory() if pinned else values) for request, values in drawn]


class _Ready(Draw):
    """A :class:`Draw` that hands out what was drawn ahead, as long as that is what it is asked for."""

    def __init__(
        self,
        generator: torch.Generator,
        batch_size: int,
        part: range,
        device: torch.device,
        drawn: Future[Drawn] | None,
    ) -> None:
        super().__init__(generator, batch_size, part, device)
        self.asked: list[Request] = []
        self._own_part, self._drawn = slice(part.start, part.stop), drawn

    def normal(self, *shape: int) -> Tensor:
        return self._next(("normal", shape))

    def uniform(self, *shape: int) -> Tensor:
        return self._next(("uniform", shape))

    def integers(self, low: int, high: int, *shape: int) -> Tensor:
        return self._next(("integers", (low, high, *shape)))

    def _next(self, request: Request) -> Tensor:
        before = len(self.asked)
        self.asked.append(request)
        if self._drawn is not None:
            drawn = self._drawn.result()
            if before < len(drawn) and drawn[before][0] == request:
                return drawn[before][1][self._own_part].to(self.device, non_blocking=True)
            self._drawn = None
            for earlier in self.asked[:-1]:  # bring the generator to where those numbers left off
                _whole(earlier, self.generator, self.batch_size)
        return _whole(request, self.generator, self.batch_size)[self._own_part].to(self.device)


def _whole(request: Request, generator: torch.Generator, batch_size: int) -> Tensor:
    """What :class:`Draw` draws for the whole batch."""
    name, sizes = request
    if name == "normal":
        return randn((batch_size, *sizes), generator, "cpu")
    if name == "uniform":
        return rand((batch_size, *sizes), generator, "cpu")
    return randint(sizes[0], sizes[1], (batch_size, *sizes[2:]), generator, "cpu")
