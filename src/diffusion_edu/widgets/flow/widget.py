"""The explorer of points that flow to noise and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ..._arguments import values
from ..._errors import bad_value
from ...data.toys import raster, toy
from ...diffusion import MixtureOracle, NoiseSchedule
from ..kit.base import (
    BookWidget,
    Choice,
    Flag,
    Real,
    Text,
    Whole,
    WidgetValueError,
    as_traits,
    choice,
    integers_in,
)
from ..kit.bundle import esm
from ..kit.payload import SCHEDULES, b64, strip_png
from .world import World

IN_THE_PAGE = {"typed": "letters you type", "drawn": "draw your own"}  # shapes that only the page knows
LABELS = {"moons": "two moons", "spiral": "a spiral", "rings": "two rings", "letters": "the letters de"}
CENTRES = 256
STD = 0.05
MAX_POINTS = 20_000


def _spread(name: str, value: Any) -> float:
    """The standard deviation of the points."""
    amount = values.number(name, value)
    if not 0 < amount <= 1:
        raise bad_value(name, value, "a number above 0, at most 1")
    return amount


@as_traits(n=integers_in(1, MAX_POINTS), std=_spread)
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
        eta: share of fresh noise in the reverse steps: 0 is DDIM, 1 is DDPM.
        seed: of all noise.
        start: the way back starts from fresh "noise", or from the "data" noised to `start_t`.
        start_t: 1..1000.
        arrows: show where the oracle expects x_0.
        trails: show the ways of six points.
        text: letters for the shape "typed".

    Raises:
        ValueError: an argument outside what is said above.
    """

    shape = Choice("moons", lambda self: {name: LABELS.get(name, name) for name in self._shapes} | IN_THE_PAGE)
    text = Text("hello")
    direction = Choice("noise", {"noise": "to noise", "back": "back"})
    forward = Choice("jump", {"jump": "in one draw", "walk": "step by step"})
    t = Whole(0, 0, 1000)
    steps = Whole(50, 1, 200)
    eta = Real(0.0)
    seed = Whole(0, 0, 999_999)
    start = Choice("noise", {"noise": "fresh noise", "data": "the shape, noised to t ="})
    start_t = Whole(400, 1, 1000)
    arrows = Flag(False)
    trails = Flag(False)
    _esm = esm("flow")
    _tag = "flow-explorer"
    _heights = (626, 941)

    def __init__(
        self,
        shapes: Mapping[str, Tensor] | None = None,
        n: int = 2000,
        std: float = STD,
        schedule: str = "linear",
        shape: str | None = None,
        t: int = 0,
        **traits: Any,
    ) -> None:
        given = {name: toy(name, CENTRES, spread=0.0) for name in LABELS} if shapes is None else dict(shapes)
        self._shapes = {_name(name): _checked_shape(name, points) for name, points in given.items()}
        if not self._shapes:
            raise WidgetValueError("shapes must hold at least one data set, got none")
        self._n = n
        self._schedule = NoiseSchedule.from_name(choice("schedule", schedule, tuple(SCHEDULES)), 1000)
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

    @property
    def oracle(self) -> MixtureOracle:
        """The exact denoiser of the shape now shown, in double precision.

        Raises:
            ValueError: the shape was typed or drawn: only the page knows it.
        """
        return self._world().oracle

    @property
    def x_t(self) -> Tensor:
        """(n, 2) float64, the points now shown; between two visited steps they lie on straight lines.

        Raises:
            ValueError: the shape was typed or drawn: only the page knows it.
        """
        world = self._world()
        if self.direction == "noise" and self.forward == "jump":
            return world.noised(self.t)
        times, states = world.back() if self.direction == "back" else world.walk()
        t = min(self.t, max(times))
        i = max(i for i in range(len(times)) if _passed(times, i, t))
        if times[i] == t:
            return states[i]
        return torch.lerp(states[i], states[i + 1], (t - times[i]) / (times[i + 1] - times[i]))

    def _world(self) -> World:
        """The points of the shape now shown, with all that is chosen."""
        if self.shape in IN_THE_PAGE:
            raise ValueError(f"shape must be one of {', '.join(self._shapes)} here, got {self.shape!r}")
        start_t = self.start_t if self.start == "data" else None
        chosen = {"seed": self.seed, "steps": self.steps, "eta": self.eta, "start_t": start_t}
        return World(self._shapes[self.shape], self._n, self._std, self._schedule, **chosen)

    def _picture(self) -> tuple[str, str]:
        shape, first = self.shape, next(iter(self._shapes))
        if shape in IN_THE_PAGE:  # which Python cannot draw: the first of those that it can
            shape, world = first, World(self._shapes[first], self._n, self._std, self._schedule)
        else:
            world = self._world()
        shown = [0, 60, 150, 300, 500, 1000]
        times, states = world.back()
        back = [states[min(range(len(times)), key=lambda i: abs(times[i] - t))] for t in shown]
        rows = ([world.noised(t) for t in shown], back)
        return (
            strip_png([torch.stack([raster(x) for x in row]) for row in rows]),
            f"{self._n} points that form {LABELS.get(shape, shape)}, noised to t = {', '.join(map(str, shown))} "
            "(above), and fresh noise that the exact denoiser has brought back to the same steps (below)",
        )


def _passed(times: list[int], i: int, t: int) -> bool:
    """Whether a run that visits `times` has come to times[i] when it is at t."""
    return times[i] <= t if times[-1] > times[0] else times[i] >= t


def _name(name: Any) -> str:
    """The name of a data set."""
    if not isinstance(name, str):
        raise WidgetValueError(str(bad_value("shapes", name, "points by names that are texts")))
    return name


def _checked_shape(name: str, points: Any) -> Tensor:
    try:
        shape = torch.as_tensor(points).detach().cpu()
    except (TypeError, ValueError, RuntimeError):
        raise WidgetValueError(str(bad_value(f"shapes[{name!r}]", points, "2..1000 points (K, 2)"))) from None
    if name in IN_THE_PAGE:
        raise WidgetValueError(f"shapes must not be called {' or '.join(IN_THE_PAGE)}, got {name!r}")
    if shape.ndim != 2 or shape.shape[1] != 2 or not 2 <= len(shape) <= 1000 or not shape.is_floating_point():
        got = f"{shape.dtype} {tuple(shape.shape)}"
        raise WidgetValueError(f"shapes[{name!r}] must be 2..1000 points (K, 2), floating point, got {got}")
    if not bool((shape.abs() <= 3).all()):
        raise WidgetValueError(f"shapes[{name!r}] must lie within 3 of the origin, got {shape.abs().max().item():.3g}")
    return shape.float()
