"""The explorer of the Frechet distance between two Gaussians in the plane."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import traitlets
from torch import Tensor

from ...metrics import FrechetTerms, Statistics, frechet_terms
from ..kit.base import BookWidget, Whole, WidgetValueError, as_traits, choice
from ..kit.bundle import esm
from ..maths.noise import stream_seed, widget_noise
from .fallback import frechet_png

# Five numbers: centre x and y, standard deviations along the first and the second axis, turn of the first in degrees.
NUMBERS = ("x", "y", "the first spread", "the second spread", "the turn")
LIMITS = ((-3.5, 3.5), (-3.5, 3.5), (0.0, 2.5), (0.0, 2.5), (-180.0, 180.0))
_TILTED = [0.0, 0.0, 1.2, 0.6, 30.0]
PRESETS: dict[str, tuple[str, list[float], list[float]]] = {
    "same": ("the same twice", _TILTED, _TILTED),
    "shifted": ("shifted", [-0.8, 0.6, 1.2, 0.6, 30.0], [0.8, -0.6, 1.2, 0.6, 30.0]),
    "wider": ("wider", [0.0, 0.0, 0.8, 0.4, 30.0], [0.0, 0.0, 1.6, 0.8, 30.0]),
    "turned": ("turned", [0.0, 0.0, 1.5, 0.4, 20.0], [0.0, 0.0, 1.5, 0.4, 110.0]),
    "collapsed": ("collapsed: mode dropping", _TILTED, [0.0, 0.0, 0.25, 0.0, 30.0]),
    "correlated": (
        "correlated",
        [0.0, 0.0, 1.0, 1.0, 0.0],
        [0.0, 0.0, 1.38, 0.31, 45.0],
    ),
}


@as_traits()
class FrechetExplorer(BookWidget):
    """Drag two Gaussians and see the distance between them, its two parts, and what n points of each say about it.

    All arguments but `preset` are traits that follow the page and move it; ``terms`` is the exact distance now shown,
    ``estimates`` are those of all draws.

    Args:
        preset: how it begins: "same", "shifted", "wider", "turned", "collapsed" or "correlated".
        real, generated: a Gaussian each, in place of the preset's: center x and y (within 3.5 of 0), standard
            deviations along the first and the second axis (0..2.5), turn of the first axis in degrees (-180..180).
        n: points drawn of each, 3..2000.
        draws: how many times they have been drawn, 1..100; the points of the last draw are seen.
        seed: of all draws, 0..999999.

    Raises:
        ValueError: an argument outside what is said above.
    """

    real = traitlets.List(traitlets.Float()).tag(sync=True)
    generated = traitlets.List(traitlets.Float()).tag(sync=True)
    n = Whole(100, 3, 2000)
    draws = Whole(1, 1, 100)
    seed = Whole(0, 0, 999_999)
    _esm = esm("frechet")
    _tag = "frechet-explorer"
    _heights = (515, 911)

    def __init__(
        self,
        preset: str = "shifted",
        real: Sequence[float] | None = None,
        generated: Sequence[float] | None = None,
        n: int = 100,
        draws: int = 1,
        seed: int = 0,
    ) -> None:
        _, first, second = PRESETS[choice("preset", preset, tuple(PRESETS))]
        presets = {name: {"label": p[0], "real": p[1], "generated": p[2]} for name, p in PRESETS.items()}
        super().__init__(
            payload=json.dumps({"presets": presets}),
            real=list(first if real is None else real),
            generated=list(second if generated is None else generated),
            n=n,
            draws=draws,
            seed=seed,
        )

    def _declared(self) -> dict[str, Any]:
        each = {name: {"limits": [list(limits) for limits in LIMITS]} for name in ("real", "generated")}
        return super()._declared() | each

    @traitlets.validate("real", "generated")
    def _valid_gaussian(self, proposal: Any) -> list[float]:
        name, values = proposal["trait"].name, proposal["value"]
        if len(values) != len(LIMITS):
            raise WidgetValueError(f"{name} must hold {len(LIMITS)} numbers, got {len(values)}")
        for what, value, (low, high) in zip(NUMBERS, values, LIMITS):
            if not low <= value <= high:
                raise WidgetValueError(f"{name}: {what} must be in {low:g}..{high:g}, got {value!r}")
        return [float(value) for value in values]

    @property
    def terms(self) -> FrechetTerms:
        """The exact distance between the two Gaussians now shown, in its two parts."""
        return frechet_terms(_statistics(self.real), _statistics(self.generated))

    @property
    def points(self) -> tuple[Tensor, Tensor]:
        """(n, 2) float64 each: the real and the generated points of the last draw."""
        return self._draw(self.draws - 1)

    @property
    def estimates(self) -> list[FrechetTerms]:
        """The distance that the points of each draw show, in its two parts."""
        terms = []
        for k in range(self.draws):
            real, generated = (Statistics(2).update(points) for points in self._draw(k))
            terms.append(frechet_terms(real, generated))
        return terms

    def _draw(self, k: int) -> tuple[Tensor, Tensor]:
        seeds = [stream_seed(self.seed, 2 * k + which) for which in (0, 1)]
        real, generated = (widget_noise((self.n, 2), seed)[0] for seed in seeds)
        return _placed(self.real, real), _placed(self.generated, generated)

    def _picture(self) -> tuple[str, str]:
        terms = self.terms
        sets = [(points, _axes(g), g[:2]) for points, g in zip(self.points, (self.real, self.generated))]
        return frechet_png(sets, terms), (
            f"{self.n} points and the ellipse of each of two Gaussians, real and generated; the Frechet distance "
            f"between them is {terms.distance:.2f}: {terms.mean:.2f} from the means, {terms.covariance:.2f} from the "
            "covariances"
        )


def _axes(g: Sequence[float]) -> Tensor:
    """(2, 2) F with F F^T = covariance; its columns are the half axes of the ellipse."""
    turn = math.radians(g[4])
    rotation = torch.tensor([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]], dtype=torch.float64)
    return rotation * torch.tensor(g[2:4], dtype=torch.float64)


def _placed(g: Sequence[float], z: Tensor) -> Tensor:
    """Points of the Gaussian, from standard normal ones."""
    return z @ _axes(g).T + torch.tensor(g[:2], dtype=torch.float64)


def _statistics(g: Sequence[float]) -> Statistics:
    """The statistics of a Gaussian. A flat one is made of two points: from those the distance keeps all its digits."""
    axes, centre = _axes(g).numpy(), np.array(g[:2], dtype=np.float64)
    if min(g[2:4]) > 0:
        return Statistics.from_moments(centre, axes @ axes.T, count=1_000_000)
    along = axes[:, int(g[3] > g[2])] / math.sqrt(2)
    return Statistics(2).update(np.stack([centre + along, centre - along]))
