"""The explorer of x_t at any step t."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..._arguments import anything
from ...data.pixels import to_x0
from ...diffusion import NoiseSchedule, q_sample
from ..kit.base import BookWidget, Choice, Whole, as_traits, checked, integers_in
from ..kit.bundle import esm
from ..kit.payload import SCHEDULES, b64, check_labels, package_noise, strip_png, to_uint8
from ..maths.noise import widget_noise

MAX_SEED = 2**31 - 1


@as_traits(images=anything, T=integers_in(21, 4000))
class XTExplorer(BookWidget):
    """x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) eps at any step t, with its curves and its histogram.

    The traits ``t``, ``schedule``, ``seed`` and ``picture`` follow the page and move it. ``x0``, ``eps`` and ``x_t``
    are the tensors behind what is shown (a file that the reader opens in the page stays in the page).

    Args:
        images: (N, C, size, size) images, C 1 or 3, at most 24: uint8 pixels, or floating point in [-1, 1].
        labels: one name per image.
        schedule: "linear", "scaled_linear" or "cosine".
        T: number of steps, 21..4000.
        t: step shown first, 0..T.
        seed: of the noise. For this first seed it is torch's noise; for any other, :func:`noise.widget_noise`.
        picture: index of the image shown first.
        covered: whether x_0 and the noise are covered until the reader asks for them.

    Raises:
        ValueError, TypeError: an argument outside what is said above.
    """

    t = Whole(0, 0, lambda self: self.T)
    schedule = Choice("linear", SCHEDULES)
    seed = Whole(0, 0, MAX_SEED)
    picture = Whole(0, 0, lambda self: len(self._pixels) - 1)
    _esm = esm("x_t")
    _tag = "x-t-explorer"
    _heights = (707, 1008)

    def __init__(
        self,
        images: Any,
        labels: Sequence[str] | None = None,
        schedule: str = "linear",
        T: int = 1000,
        t: int = 300,
        seed: int = 0,
        picture: int = 0,
        covered: bool = False,
    ) -> None:
        self._pixels = to_uint8(images)
        # Below 21 steps the linear schedule has no valid table.
        self.T = T
        self._first_seed = seed
        self._labels = checked(lambda: check_labels(labels, len(self._pixels)))
        self._first_eps = package_noise(self._pixels.shape[1:], seed)
        payload = {
            "size": self._pixels.shape[2],
            "channels": self._pixels.shape[1],
            "pixels": b64(self._pixels),
            "labels": self._labels,
            "T": T,
            "eps": b64(self._first_eps.numpy()),
            "eps_seed": seed,
            "covered": covered,
        }
        super().__init__(
            payload=json.dumps(payload), t=t, schedule=schedule, seed=seed, picture=picture
        )  # the validators below see self.T and self._pixels

    @property
    def x0(self) -> Tensor:
        """(1, C, size, size) the chosen image in [-1, 1]."""
        return to_x0(torch.from_numpy(self._pixels[self.picture : self.picture + 1]))

    @property
    def eps(self) -> Tensor:
        """(1, C, size, size) the noise now shown."""
        if self.seed == self._first_seed:
            return self._first_eps
        return widget_noise(self._pixels.shape[1:], self.seed).float()

    @property
    def x_t(self) -> Tensor:
        """(1, C, size, size) the noised image now shown."""
        return q_sample(self.x0, self.t, NoiseSchedule.from_name(self.schedule, self.T), noise=self.eps)[0]

    def _picture(self) -> tuple[str, str]:
        table = NoiseSchedule.from_name(self.schedule, self.T)
        times = [round(self.T * i / 6) for i in range(7)]
        row = torch.cat([q_sample(self.x0, t, table, noise=self.eps)[0] for t in times])
        shown = ", ".join(map(str, times))
        return strip_png([row]), f"{self._labels[self.picture]} at t = {shown}: the image dissolves into noise"
