"""The explorer of points that flow to noise and back."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from typing import Any

import torch
import traitlets
from torch import Tensor

from .._errors import bad_value
from ..data.toys import raster, toy
from ..diffusion import MixtureOracle, NoiseSchedule, ddim_step, q_sample, timesteps
from ._base import BookWidget, WidgetValueError, checked, choice
from .bundle import esm
from .payload import SCHEDULES, b64, check_int, strip_png, widget_noise

IN_THE_PAGE = ("typed", "drawn")  # shapes that only the page knows
LABELS = {"moons": "two moons", "spiral": "a spiral", "rings": "two rings", "letters": "the letters de"}
CENTRES = 256
STD = 0.05
MAX_POINTS = 20_000
# What the random numbers of a seed are for, as STREAMS in flow.mjs.
STREAMS = {"eps": 0, "data": 1, "start": 2, "back": 3, "walk": 1003}


class FlowExplorer(BookWidget):
    """Thousands of points flow from a shape to noise and back, the way back by an exact oracle that runs in the page.

    All arguments but the first four are traits that follow the page and move it; ``x_t`` are the points now shown.

    Args:
        shapes: name -> (K, 2) points of a data set, 2..1000 of them, within 3 of the origin; the package's toys when
            not given. The data that flow are the mixture of round Gaussians around these points.
        n: number of points that flow.
        std: standard deviation of the Gaussians, in each coordinate.
        schedule: "linear", "scaled_linear" or "cosine", of 1000 steps.
        shape: the data set shown first; or "typed" (the reader types `text`) or "drawn" (by hand).
        t: step shown, 0..1000.
        direction: "noise" (the way to noise) or "back".
        forward: the way to noise "jump"s to any t with one draw, or "walk"s there with a draw for each step.
        steps: number of steps, both ways, 1..200.
        eta: share of fresh noise in the steps back: 0 is DDIM, 1 is DDPM.
        seed: of all noise.
        start: the way back starts from fresh "noise", or from the "data" noised to `start_t`.
        start_t: 1..1000.
        arrows: show where the oracle expects x_0.
        trails: show the ways of six points.
        text: letters for the shape "typed".

    Raises:
        ValueError: an argument outside what is said above.
    """

    shape = traitlets.Unicode("moons").tag(sync=True)
    text = traitlets.Unicode("hello").tag(sync=True)
    direction = traitlets.Unicode("noise").tag(sync=True)
    forward = traitlets.Unicode("jump").tag(sync=True)
    t = traitlets.Int(0).tag(sync=True)
    steps = traitlets.Int(50).tag(sync=True)
    eta = traitlets.Float(0.0).tag(sync=True)
    seed = traitlets.Int(0).tag(sync=True)
    start = traitlets.Unicode("noise").tag(sync=True)
    start_t = traitlets.Int(400).tag(sync=True)
    arrows = traitlets.Bool(False).tag(sync=True)
    trails = traitlets.Bool(False).tag(sync=True)
    _esm = esm("flow_explorer")
    _tag = "flow-explorer"
    _heights = (640, 1040)
    _shared = (
        *("shape", "text", "direction", "forward", "t", "steps"),
        *("eta", "seed", "start", "start_t", "arrows", "trails"),
    )

    def __init__(
        self,
        shapes: Mapping[str, Tensor] | None = None,
        n: int = 2000,
        std: float = STD,
        schedule: str = "linear",
        shape: str | None = None,
        t: int = 100,
        **traits: Any,
    ) -> None:
        given = {name: toy(name, CENTRES, spread=0.0) for name in LABELS} if shapes is None else dict(shapes)
        self._shapes = {str(name): _checked_shape(str(name), points) for name, points in given.items()}
        if not self._shapes:
            raise WidgetValueError("shapes must hold at least one data set, got none")
        self._n = checked(lambda: check_int("n", n, 1, MAX_POINTS))
        if not 0 < std <= 1:
            raise WidgetValueError(str(bad_value("std", std, "a number above 0, at most 1")))
        self._schedule = NoiseSchedule.from_name(choice("schedule", schedule, SCHEDULES), 1000)
        self._std = float(std)
        unknown = set(traits) - set(self._shared)
        if unknown:
            raise TypeError(f"FlowExplorer has no argument {sorted(unknown)[0]!r}")
        payload = {
            "n": self._n,
            "std": self._std,
            "schedule": schedule,
            "T": self._schedule.T,
            "centres": CENTRES,
            "shapes": {
                name: {"label": LABELS.get(name, name), "points": b64(points.float().numpy())}
                for name, points in self._shapes.items()
            },
        }
        first = next(iter(self._shapes)) if shape is None else shape
        super().__init__(payload=json.dumps(payload, separators=(",", ":")), shape=first, t=t, **traits)

    @traitlets.validate("shape")
    def _valid_shape(self, proposal: Any) -> str:
        return choice("shape", proposal["value"], (*self._shapes, *IN_THE_PAGE))

    @traitlets.validate("direction", "forward", "start")
    def _valid_choice(self, proposal: Any) -> str:
        allowed = {"direction": ("noise", "back"), "forward": ("jump", "walk"), "start": ("noise", "data")}
        name = proposal["trait"].name
        return choice(name, proposal["value"], allowed[name])

    @traitlets.validate("t", "steps", "seed", "start_t")
    def _valid_int(self, proposal: Any) -> int:
        name = proposal["trait"].name
        low, high = {"t": (0, 1000), "steps": (1, 200), "seed": (0, 999_999), "start_t": (1, 1000)}[name]
        return checked(lambda: check_int(name, proposal["value"], low, high))

    @traitlets.validate("eta")
    def _valid_eta(self, proposal: Any) -> float:
        if not 0 <= proposal["value"] <= 1:
            raise WidgetValueError(str(bad_value("eta", proposal["value"], "between 0 and 1")))
        return float(proposal["value"])

    @property
    def oracle(self) -> MixtureOracle:
        """The exact denoiser of the shape now shown, in double precision.

        Raises:
            ValueError: the shape was typed or drawn: only the page knows it.
        """
        return MixtureOracle(self._centres().double(), self._std, schedule=self._schedule)

    @property
    def x_t(self) -> Tensor:
        """(n, 2) float64, the points now shown; between two visited steps they lie on straight lines.

        Raises:
            ValueError: the shape was typed or drawn: only the page knows it.
        """
        if self.direction == "noise" and self.forward == "jump":
            return q_sample(self._data(), self.t, self._schedule, eps=self._noise("eps"))[0]
        times, states = self._back() if self.direction == "back" else self._walk()
        t = min(self.t, max(times))
        i = max(i for i in range(len(times)) if _passed(times, i, t))
        if times[i] == t:
            return states[i]
        return torch.lerp(states[i], states[i + 1], (t - times[i]) / (times[i + 1] - times[i]))

    def _centres(self) -> Tensor:
        if self.shape in IN_THE_PAGE:
            raise ValueError(f"shape must be one of {', '.join(self._shapes)} here, got {self.shape!r}")
        return self._shapes[self.shape]

    def _noise(self, stream: str, step: int = 0) -> Tensor:
        """(n, 2) the numbers that the page draws for this use."""
        return widget_noise((self._n, 2), (self.seed + 1000003 * (STREAMS[stream] + step)) % 2**31)[0]

    def _data(self) -> Tensor:
        """(n, 2) points of the mixture: each centre in turn, and a deviation from it."""
        centres = self._centres().double()
        return centres[torch.arange(self._n) % len(centres)] + self._std * self._noise("data")

    def _walk(self) -> tuple[list[int], list[Tensor]]:
        """The visited steps to noise, and the points at each."""
        times, states = timesteps(1000, self.steps)[::-1], [self._data()]
        for i, (t, u) in enumerate(itertools.pairwise(times)):
            kept = (self._schedule.alpha_bar[u] / self._schedule.alpha_bar[t]).item()
            states.append(kept**0.5 * states[-1] + (1 - kept) ** 0.5 * self._noise("walk", i))
        return times, states

    def _back(self) -> tuple[list[int], list[Tensor]]:
        """The visited steps back, and the points at each."""
        oracle, times = self.oracle, timesteps(1000, self.steps)
        states = [self._noise("start")]
        if self.start == "data":
            times = [self.start_t, *(t for t in times if t < self.start_t)]
            states = [q_sample(self._data(), self.start_t, self._schedule, eps=self._noise("eps"))[0]]
        for i, (t, s) in enumerate(itertools.pairwise(times)):
            z = self._noise("back", i)
            states.append(ddim_step(states[-1], oracle(states[-1], t), t, s, self._schedule, z, self.eta))
        return times, states

    def _picture(self) -> tuple[str, str]:
        if self.shape in IN_THE_PAGE:
            self_shown = FlowExplorer(self._shapes, self._n, self._std, self._schedule.name)
            return self_shown._picture()
        x0, eps = self._data(), self._noise("eps")
        shown = [0, 60, 150, 300, 500, 1000]
        there = [q_sample(x0, t, self._schedule, eps=eps)[0] for t in shown]
        times, states = self._back()
        back = [states[min(range(len(times)), key=lambda i: abs(times[i] - t))] for t in shown]
        label = LABELS.get(self.shape, self.shape)
        return (
            strip_png([torch.stack([raster(x) for x in row]) for row in (there, back)]),
            f"{self._n} points that form {label}, noised to t = {', '.join(map(str, shown))} (above), and fresh noise "
            "that the exact denoiser has brought back to the same steps (below)",
        )


def _passed(times: list[int], i: int, t: int) -> bool:
    """Whether a run that visits `times` has come to times[i] when it is at t."""
    return times[i] <= t if times[-1] > times[0] else times[i] >= t


def _checked_shape(name: str, points: Any) -> Tensor:
    shape = torch.as_tensor(points).detach().cpu()
    if name in IN_THE_PAGE:
        raise WidgetValueError(f"shapes must not be called {' or '.join(IN_THE_PAGE)}, got {name!r}")
    if shape.ndim != 2 or shape.shape[1] != 2 or not 2 <= len(shape) <= 1000 or not shape.is_floating_point():
        got = f"{shape.dtype} {tuple(shape.shape)}"
        raise WidgetValueError(f"shapes[{name!r}] must be 2..1000 points (K, 2), floating point, got {got}")
    if not bool((shape.abs() <= 3).all()):
        raise WidgetValueError(f"shapes[{name!r}] must lie within 3 of the origin, got {shape.abs().max().item():.3g}")
    return shape.float()
