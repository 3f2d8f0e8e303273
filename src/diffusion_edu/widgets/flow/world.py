"""The points of the flow explorer and their runs: the twin of facts.mjs and runs.mjs beside it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor

from ...diffusion import MixtureOracle, NoiseSchedule, ddim_step, jump, q_sample, timesteps
from ..maths.noise import stream_seed, widget_noise

# What the random numbers of a seed are for, as STREAMS in runs.mjs.
STREAMS = {"eps": 0, "data": 1, "start": 2, "back": 3, "walk": 1003}


@dataclass(frozen=True)
class World:
    """n points of a mixture of round Gaussians around `centres` (K, 2), and how they are noised and brought back.

    `start_t` is the step that the data are noised to as the start of the way back; None: it starts from fresh noise.
    """

    centres: Tensor
    n: int
    std: float
    schedule: NoiseSchedule
    seed: int = 0
    steps: int = 50
    eta: float = 0.0
    start_t: int | None = None

    @property
    def oracle(self) -> MixtureOracle:
        """The exact denoiser, in double precision."""
        return MixtureOracle(self.centres.double(), self.std, schedule=self.schedule)

    def noise(self, stream: str, step: int = 0) -> Tensor:
        """(n, 2) the numbers that the page draws for this use."""
        return widget_noise((self.n, 2), stream_seed(self.seed, STREAMS[stream] + step))[0]

    def data(self) -> Tensor:
        """(n, 2) points of the mixture: each center in turn, and a deviation from it."""
        centres = self.centres.double()
        return centres[torch.arange(self.n) % len(centres)] + self.std * self.noise("data")

    def noised(self, t: int) -> Tensor:
        """(n, 2) the data at step t, in one draw."""
        return q_sample(self.data(), t, self.schedule, noise=self.noise("eps"))[0]

    def walk(self) -> tuple[list[int], list[Tensor]]:
        """The visited steps to noise, and the points at each."""
        times, states = timesteps(self.schedule.T, self.steps)[::-1], [self.data()]
        for i, (t, u) in enumerate(itertools.pairwise(times)):
            states.append(jump(states[-1], t, u, self.schedule, noise=self.noise("walk", i)))
        return times, states

    def back(self) -> tuple[list[int], list[Tensor]]:
        """The visited reverse steps, and the points at each."""
        oracle, times = self.oracle, timesteps(self.schedule.T, self.steps)
        states = [self.noise("start")]
        if self.start_t is not None:
            times = [self.start_t, *(t for t in times if t < self.start_t)]
            states = [self.noised(self.start_t)]
        for i, (t, s) in enumerate(itertools.pairwise(times)):
            z = self.noise("back", i)
            states.append(ddim_step(states[-1], oracle(states[-1], t), t, s, self.schedule, z, eta=self.eta))
        return times, states
