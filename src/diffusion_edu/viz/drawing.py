"""The one style of all figures, and the small things that each figure is made with."""

from __future__ import annotations

import io
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import is_color_like
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from .._arguments import among, images
from .._errors import bad_type, bad_value
from ..data.pixels import to_pixels
from ..palette import EDGE, GREY, LABEL, LINE, PAPER, TITLE

LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))

STYLE: Any = {
    "figure.facecolor": PAPER,
    "axes.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "figure.dpi": 120,
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.labelsize": 10,
    "axes.labelcolor": LABEL,
    "axes.titlecolor": TITLE,
    "axes.edgecolor": EDGE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "image.cmap": "gray",
}


scale = among("linear", "log", "symlog", "asinh", "logit")  # of an axis: those of matplotlib that need no more


class Drawing(Figure):
    """A figure that is not kept in pyplot's list: none leaks, none is shown twice; notebooks show it as a PNG."""

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png")
        return file.getvalue()


def new_figure(width: float, height: float, gap: float = 0.05) -> Drawing:
    """An empty figure, in inches, with `gap` around its parts."""
    layout = ConstrainedLayoutEngine(w_pad=gap, h_pad=gap, wspace=0.02, hspace=0.02)
    return Drawing(figsize=(width, height), layout=layout)


def pictures_of(name: str, value: Any) -> np.ndarray:
    """(B, C, H, W) uint8 or floats in [-1, 1] -> (B, H, W, 1 or 3) uint8; as a rule of an argument, which it names."""
    value = images(name, value)
    if value.ndim != 4 or value.shape[1] not in (1, 3) or value.numel() == 0:
        raise bad_value(name, tuple(value.shape), "pictures (B, C, H, W) with 1 or 3 channels")
    pixels = value if value.dtype == torch.uint8 else to_pixels(value)
    return pixels.permute(0, 2, 3, 1).cpu().numpy()


def color(name: str, value: Any) -> str:
    """A color as matplotlib takes it: a name, or "#rrggbb"."""
    if not isinstance(value, str):
        raise bad_type(name, value, "a color, as a name or as '#rrggbb'")
    if not is_color_like(value):
        raise bad_value(name, value, "a color, as a name or as '#rrggbb'")
    return value


def colors(name: str, value: Any) -> Sequence[str]:
    """At least one color."""
    if isinstance(value, str) or not isinstance(value, Sequence) or not value:
        raise bad_type(name, value, "a list of colors, at least one")
    return [color(f"{name}[{i}]", one) for i, one in enumerate(value)]


def draw_picture(axes: Axes, picture: np.ndarray) -> None:
    """One image with fixed ends of the gray scale, without ticks."""
    axes.imshow(picture[..., 0] if picture.shape[-1] == 1 else picture, vmin=0, vmax=255, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def cycle(items: Sequence[Any]) -> Any:
    """The items over and over."""
    return itertools.cycle(items)


def few_ticks(value: float, _: object) -> str:
    """1, 2, 3 and 5 of each decade, written as plain numbers."""
    return f"{value:g}" if f"{value:e}"[0] in "1235" else ""
