"""The explorer of noise schedules."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import traitlets

from ..._arguments import anything
from ..._errors import bad_value
from ...data.pixels import to_x0
from ...diffusion import NoiseSchedule, q_sample
from ..kit.base import BookWidget, Choice, Flag, Real, Whole, WidgetValueError, as_traits, checked
from ..kit.bundle import esm
from ..kit.payload import SCHEDULES, b64, check_int, package_noise, strip_png, to_uint8

KINDS = {**SCHEDULES, "custom": "draw your own"}
ENDS = {"linear": (1e-4, 0.02), "scaled_linear": (0.00085, 0.012)}
POINTS = (0.0001, 0.001, 0.004, 0.012, 0.03)


@as_traits(image=anything)
class ScheduleExplorer(BookWidget):
    """Edit a schedule and see beta, alpha_bar, SNR and a noised image change together.

    All arguments but `image`, `label` and `seed` are traits that follow the page and move it; ``noise_schedule`` is the
    :class:`NoiseSchedule` now shown.

    Args:
        image: (1, C, size, size) or (C, size, size): uint8 pixels, or floating point in [-1, 1].
        T: number of steps, 10..1000.
        kind: "linear", "scaled_linear", "cosine" or "custom".
        t: marked step, 0..T; 30% of the way when not given.
        beta_start, beta_end: ends of the linear families for T = 1000; the package's own when not given.
        s: offset of the cosine, in (0, 1).
        scale: whether beta is multiplied by 1000 / T, as the package does. Without it, few steps leave much signal.
        points: five betas for T = 1000 at even places from t = 1 to T, joined by lines; for kind "custom".
        reference: a schedule drawn as a dashed line, with a row of images: "none" or one of the package's three.
        label: what the image shows.
        seed: of the noise of the image strip (torch's generator on the CPU).

    Raises:
        ValueError, TypeError: an argument outside what is said above.
    """

    t = Whole(0, 0, lambda self: self.T)
    kind = Choice("linear", KINDS)
    T = Whole(1000, 10, 1000)
    beta_start = Real(1e-4, inside=True)
    beta_end = Real(0.02, inside=True)
    s = Real(0.008, inside=True)
    scale = Flag(True)
    points = traitlets.List(traitlets.Float()).tag(sync=True)
    reference = Choice("none", {"none": "none", **SCHEDULES})
    _esm = esm("schedule")
    _tag = "schedule-explorer"
    _heights = (758, 1007)

    def __init__(
        self,
        image: Any,
        T: int = 1000,
        kind: str = "linear",
        t: int | None = None,
        beta_start: float | None = None,
        beta_end: float | None = None,
        s: float = 0.008,
        scale: bool = True,
        points: Sequence[float] = POINTS,
        reference: str = "none",
        label: str = "the image",
        seed: int = 0,
    ) -> None:
        self._pixels = to_uint8(image, "image")[:1]
        self._eps = package_noise(self._pixels.shape[1:], checked(lambda: check_int("seed", seed, 0, 2**31 - 1)))
        self._label = label
        checked(lambda: check_int("T", T, 10, 1000))
        first, last = ENDS.get(kind, ENDS["linear"])
        payload = {
            "size": self._pixels.shape[2],
            "channels": self._pixels.shape[1],
            "pixels": b64(self._pixels),
            "eps": b64(self._eps.numpy()),
            "label": self._label,
        }
        super().__init__(
            payload=json.dumps(payload),
            T=T,
            kind=kind,
            t=round(0.3 * T) if t is None else t,
            beta_start=first if beta_start is None else beta_start,
            beta_end=last if beta_end is None else beta_end,
            s=s,
            scale=scale,
            points=list(points),
            reference=reference,
        )
        # An impossible beginning is the caller's mistake; in the page it is explained instead.
        checked(lambda: self.noise_schedule)

    @traitlets.validate("points")
    def _valid_points(self, proposal: Any) -> list[float]:
        points = proposal["value"]
        if len(points) != len(POINTS):
            raise WidgetValueError(f"points must hold {len(POINTS)} betas, got {len(points)}")
        return [_share("points", point) for point in points]

    @traitlets.observe("T")
    def _keep_t_inside(self, change: Any) -> None:
        self.t = min(self.t, self.T)

    @property
    def noise_schedule(self) -> NoiseSchedule:
        """The schedule now shown.

        Raises:
            ValueError: the settings give a beta of 1 or more (the page then shows the last valid schedule).
        """
        # NoiseSchedule always scales by 1000 / T: dividing the ends by that leaves them as they are.
        undo = 1.0 if self.scale else self.T / 1000
        if self.kind == "cosine":
            return NoiseSchedule.cosine(self.T, self.s)
        if self.kind == "custom":
            places = np.linspace(0, len(POINTS) - 1, self.T)
            beta = np.interp(places, np.arange(len(POINTS)), self.points) * (1000 / self.T * undo)
            return NoiseSchedule(torch.from_numpy(np.concatenate([[0.0], beta.clip(max=0.999)])))
        return NoiseSchedule.from_name(
            self.kind, self.T, beta_start=self.beta_start * undo, beta_end=self.beta_end * undo
        )

    def _picture(self) -> tuple[str, str]:
        table, x0 = self.noise_schedule, to_x0(torch.from_numpy(self._pixels))
        times = [round(self.T * i / 7) for i in range(8)]
        row = torch.cat([q_sample(x0, t, table, noise=self._eps)[0] for t in times])
        end = table.alpha_bar[-1].item()
        return strip_png([row]), f"{self._label} noised by the {self.kind} schedule at t = " + (
            f"{', '.join(map(str, times))}; alpha_bar at T is {end:.1e}"
        )


def _share(name: str, value: float) -> float:
    if not (math.isfinite(value) and 0 < value < 1):
        raise WidgetValueError(str(bad_value(name, value, "between 0 and 1")))
    return float(value)
