"""Images of a system, drawn once and timed: a setting that was drawn for more prompts is not drawn again."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import NamedTuple

from torch import Tensor

import diffusion_edu as de
from diffusion_edu.data import to_pixels

from .cost import cost, total
from .sets import Prompts
from .sources import Subject

BATCH = 48
SAMPLER = "DPM-Solver++(2M)"


class Drawn(NamedTuple):
    """(N, 3, size, size) uint8, and what one image took: seconds, seconds of all cores, FLOPs."""

    pixels: Tensor
    seconds: float
    core_seconds: float
    flops: int


@dataclass
class Easel:
    """Draws what a system makes of prompts; image i has seed + i.

    Args:
        subject: the system.
        seed: of the first image.
    """

    subject: Subject
    seed: int
    kept: dict[tuple[str, float, int], Drawn] = field(default_factory=dict)

    def draw(self, prompts: Prompts, n: int, guidance: float, steps: int) -> Drawn:
        """Images of the first n prompts."""
        key = prompts.name, guidance, steps
        known = self.kept.get(key)
        if known is None or len(known.pixels) < n:
            known = self.kept[key] = self._drawn(prompts, n, guidance, steps)
        return known._replace(pixels=known.pixels[:n])

    def _drawn(self, prompts: Prompts, n: int, guidance: float, steps: int) -> Drawn:
        began, worked = time.perf_counter(), time.process_time()
        x0 = self.subject.system.generate(
            prompts.texts[:n],
            guidance=guidance,
            seed=self.seed,
            sampler=de.DPMSolver(),
            steps=steps,
            batch_size=BATCH,
        )
        seconds, work = (time.perf_counter() - began) / n, (time.process_time() - worked) / n
        flops = total(cost(self.subject, prompts.texts, guidance, steps))
        return Drawn(to_pixels(x0), round(seconds, 4), round(work, 4), flops)
