"""The one style of all figures, and the small things that each figure is made with."""

from __future__ import annotations

import io
import itertools
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from torch import Tensor

from .._errors import bad_value
from ..data.pixels import to_pixels
from ..palette import EDGE, GREY, LABEL, LINE, PAPER, TITLE
from .svg import as_svg

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
    "text.color": TITLE,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "image.cmap": "gray",
}


class Drawing(Figure):
    """A figure that is not kept in pyplot's list: none leaks, none is shown twice.

    Notebooks show it as SVG, or as PNG where it holds nothing but images.
    """

    images_only = False

    def _repr_svg_(self) -> str | None:
        if self.images_only:
            return None
        svg = as_svg(self)
        self.set_layout_engine("none")  # laid out once: a second time would move parts by a point
        return svg

    def _repr_png_(self) -> bytes | None:
        return self.as_png() if self.images_only else None

    def as_png(self) -> bytes:
        """The figure as a PNG file."""
        file = io.BytesIO()
        self.savefig(file, format="png")
        return file.getvalue()


def new_figure(width: float, height: float, gap: float = 0.05, images_only: bool = False) -> Drawing:
    """An empty figure, in inches, with `gap` around its parts."""
    layout = ConstrainedLayoutEngine(w_pad=gap, h_pad=gap, wspace=0.02, hspace=0.02)
    figure = Drawing(figsize=(width, height), layout=layout)
    figure.images_only = images_only
    return figure


def panels(
    rows: int = 1, columns: int = 1, size: tuple[float, float] = (5.6, 3.2), **options: Any
) -> tuple[Drawing, np.ndarray]:
    """An empty figure in the book's style, and its axes (rows, columns), to draw in with matplotlib's own calls.

    Args:
        rows, columns: of axes.
        size: width and height of the figure in inches.
        options: of `Figure.subplots`, such as `sharex=True`.
    """
    with mpl.rc_context(STYLE):
        figure = new_figure(*size)
        return figure, figure.subplots(rows, columns, squeeze=False, **options)


def as_pictures(x: Tensor) -> np.ndarray:
    """(B, C, H, W) -> (B, H, W, 1 or 3) uint8."""
    if x.ndim != 4 or x.shape[1] not in (1, 3) or len(x) == 0:
        raise bad_value("x", tuple(x.shape), "images (B, C, H, W) with 1 or 3 channels")
    pixels = x if x.dtype == torch.uint8 else to_pixels(x)
    return pixels.permute(0, 2, 3, 1).cpu().numpy()


def draw_picture(axes: Axes, picture: np.ndarray) -> None:
    """One image with fixed ends of the gray scale, without ticks."""
    axes.imshow(picture[..., 0] if picture.shape[-1] == 1 else picture, vmin=0, vmax=255, interpolation="none")
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def numbers(values: Any) -> np.ndarray:
    """Anything that holds numbers, as float64."""
    if isinstance(values, Tensor):
        values = values.detach().cpu().numpy()
    return np.asarray(values, dtype=float)


def cycle(items: Sequence[Any]) -> Any:
    """The items over and over."""
    return itertools.cycle(items)


def few_ticks(value: float, _: object) -> str:
    """1, 2, 3 and 5 of each decade, written as plain numbers."""
    return f"{value:g}" if f"{value:e}"[0] in "1235" else ""
