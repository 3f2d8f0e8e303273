"""The one style of all figures, and the small things that each figure is made with."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, is_color_like
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from .._arguments import among, checked, count, images, sizes
from .._errors import bad_type, bad_value
from ..data.pixels import to_pixels
from ..palette import EDGE, GREY, LABEL, LINE, PAPER, TITLE
from .svg import as_svg

# The levels themselves: matplotlib cuts a level to a whole number, which takes 1 from some of those of its "gray".
GRAY = ListedColormap(np.repeat(np.minimum(np.arange(256)[:, None] / 255 + 1e-9, 1.0), 3, axis=1))
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


scale = among("linear", "log", "symlog", "asinh", "logit")  # of an axis: those of matplotlib that need no more


class Drawing(Figure):
    """A figure that is not kept in pyplot's list: none leaks, none is shown twice.

    Notebooks show it as SVG, or as PNG where it is one large image.
    """

    large_image = False
    words_on_images = False  # these keep their color where a page is dark, and a page shows them as a file

    def _repr_svg_(self) -> str | None:
        if self.large_image:
            return None
        svg = as_svg(self)
        self.set_layout_engine("none")  # laid out once: a second time would move parts by a point
        return svg

    def _repr_png_(self) -> bytes | None:
        return self.as_png() if self.large_image else None

    def as_png(self) -> bytes:
        """The figure as a PNG file."""
        file = io.BytesIO()
        self.savefig(file, format="png")
        return file.getvalue()


def new_figure(width: float, height: float, gap: float = 0.05) -> Drawing:
    """An empty figure, in inches, with `gap` around its parts."""
    layout = ConstrainedLayoutEngine(w_pad=gap, h_pad=gap, wspace=0.02, hspace=0.02)
    return Drawing(figsize=(width, height), layout=layout)


@checked(rows=count(), columns=count(), size=sizes)
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


def pictures_of(name: str, value: Any) -> np.ndarray:
    """(B, C, H, W) uint8 or floats in [-1, 1] -> (B, H, W, 1 or 3) uint8; as a rule of an argument, which it names."""
    value = images(name, value)
    if value.ndim != 4 or value.shape[1] not in (1, 3) or value.numel() == 0:
        raise bad_value(name, tuple(value.shape), "images (B, C, H, W) with 1 or 3 channels")
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
    image = picture[..., 0] if picture.shape[-1] == 1 else picture
    axes.imshow(image, cmap=GRAY, vmin=0, vmax=255, interpolation="none").set_clip_on(False)
    axes.set(xticks=[], yticks=[])
    axes.patch.set_visible(False)
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def few_ticks(value: float, _: object) -> str:
    """1, 2, 3 and 5 of each decade, written as plain numbers."""
    return f"{value:g}" if f"{value:e}"[0] in "1235" else ""
