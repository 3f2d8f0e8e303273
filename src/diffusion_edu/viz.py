"""Figures, all in one quiet style. The only module that imports matplotlib: `pip install 'diffusion-edu[notebooks]'`.

Every function returns the Figure, drawn with a face colour of its own, so that it can be read on a page of any
colour.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter
from torch import Tensor

from ._errors import bad_value
from .data.pixels import to_pixels
from .diffusion.schedules import NoiseSchedule

BLUE, ORANGE, VIOLET, TEAL, GREY = "#2563eb", "#c2570c", "#7c3aed", "#0f766e", "#64748b"
COLORS = (BLUE, ORANGE, VIOLET, TEAL, GREY)
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))

STYLE: Any = {
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "savefig.facecolor": "white",
    "figure.dpi": 120,
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.labelsize": 10,
    "axes.labelcolor": "#334155",
    "axes.titlecolor": "#1e293b",
    "axes.edgecolor": "#cbd5e1",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e2e8f0",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "image.cmap": "gray",
}


def show_grid(
    x: Tensor,
    titles: Sequence[str] | None = None,
    columns: int | None = None,
    cell: float = 0.9,
) -> Figure:
    """A batch of pictures in rows.

    Args:
        x: (B, C, H, W) uint8, or floats in [-1, 1]; C is 1 or 3.
        titles: one for each picture.
        columns: pictures a row; default: up to 8.
        cell: width of a picture in inches.

    Raises:
        ValueError: a wrong shape, columns < 1, or titles of another number.
    """
    pictures = _pictures(x)
    count = len(pictures)
    columns = min(count, 8) if columns is None else columns
    if columns < 1:
        raise bad_value("columns", columns, "at least 1")
    if titles is not None and len(titles) != count:
        raise bad_value("titles", f"{len(titles)} titles", f"one for each of {count} pictures")
    columns = min(columns, count)
    rows = -(-count // columns)
    height = cell * pictures.shape[1] / pictures.shape[2] + (0.22 if titles else 0.0)
    with mpl.rc_context(STYLE):
        figure = _figure(columns * cell, rows * height, gap=0.02)
        for index, picture in enumerate(pictures):
            axes = figure.add_subplot(rows, columns, index + 1)
            _draw(axes, picture)
            if titles:
                axes.set_title(titles[index], fontsize=9, pad=3)
    return figure


def film_strip(
    frames: Sequence[Tensor] | Tensor,
    labels: Sequence[str] | None = None,
    rows: Sequence[str] | None = None,
    cell: float = 1.0,
) -> Figure:
    """States of one or more processes from left to right, one process a row.

    Args:
        frames: F states, each (R, C, H, W) for R rows, or (C, H, W) for one; uint8 or floats in [-1, 1].
        labels: one for each state, above the columns ("t = 400").
        rows: one for each row, at its left.
        cell: width of a picture in inches.

    Raises:
        ValueError: no frames, frames of different shapes, or labels of another number.
    """
    if len(frames) == 0:
        raise bad_value("frames", "none", "at least one state")
    states = [_pictures(frame if frame.ndim == 4 else frame.unsqueeze(0)) for frame in frames]
    if len({state.shape for state in states}) > 1:
        shapes = ", ".join(sorted({str(tuple(frame.shape)) for frame in frames}))
        raise bad_value("frames", shapes, "states of one shape")
    height_count, width_count = len(states[0]), len(states)
    for name, given, wanted in (("labels", labels, width_count), ("rows", rows, height_count)):
        if given is not None and len(given) != wanted:
            raise bad_value(name, f"{len(given)} names", f"{wanted} of them")
    height = cell * states[0].shape[1] / states[0].shape[2]
    with mpl.rc_context(STYLE):
        size = width_count * cell + (0.7 if rows else 0), height_count * height + (0.25 if labels else 0)
        figure = _figure(*size, gap=0.02)
        cells = figure.subplots(height_count, width_count, squeeze=False)
        for column, state in enumerate(states):
            for row, picture in enumerate(state):
                _draw(cells[row][column], picture)
            if labels is not None:
                cells[0][column].set_title(labels[column], fontsize=9, pad=3)
        for row, name in enumerate(rows or ()):
            cells[row][0].set_ylabel(name, fontsize=9)
    return figure


def plot_schedule(schedules: NoiseSchedule | Sequence[NoiseSchedule] | Mapping[str, NoiseSchedule]) -> Figure:
    """beta_t, the coefficients of signal and noise, and the signal-to-noise ratio, along t / T.

    Args:
        schedules: one, several, or several with names of your own.
    """
    if isinstance(schedules, NoiseSchedule):
        schedules = [schedules]
    named = dict(schedules) if isinstance(schedules, Mapping) else {s.name: s for s in schedules}
    if not named:
        raise bad_value("schedules", "none", "at least one schedule")
    with mpl.rc_context(STYLE):
        figure = _figure(9.6, 3.0)
        left, middle, right = figure.subplots(1, 3)
        for (name, schedule), line in zip(named.items(), _cycle(LINES)):
            u = np.arange(schedule.T + 1) / schedule.T
            left.plot(u[1:], schedule.beta[1:].numpy(), linestyle=line, color=TEAL, label=name)
            middle.plot(u, schedule.alpha_bar.sqrt().numpy(), linestyle=line, color=BLUE)
            middle.plot(u, (1 - schedule.alpha_bar).sqrt().numpy(), linestyle=line, color=ORANGE)
            right.plot(u[1:], schedule.snr[1:].numpy(), linestyle=line, color=VIOLET)
        left.set(title="variance added at a step", xlabel="t / T", ylabel=r"$\beta_t$", yscale="log")
        if len(named) > 1:
            left.legend()
        middle.set(title="what $x_t$ is made of", xlabel="t / T", ylim=(0, 1.02))
        middle.plot([], [], color=BLUE, label=r"signal $\sqrt{\bar\alpha_t}$")
        middle.plot([], [], color=ORANGE, label=r"noise $\sqrt{1-\bar\alpha_t}$")
        middle.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2, columnspacing=1.2)
        right.set(title="signal-to-noise ratio", xlabel="t / T", ylabel="SNR(t)", yscale="log")
    return figure


def plot_loss(steps: Sequence[int], losses: Sequence[float], smooth: int = 0, label: str = "loss") -> Figure:
    """The loss along the training, both axes logarithmic: most of the fall is at the start.

    Args:
        steps, losses: of the reports.
        smooth: width of a running mean, in reports; 0 draws none.
    """
    if len(steps) != len(losses) or len(steps) == 0:
        raise bad_value("losses", f"{len(losses)} values for {len(steps)} steps", "one for each step")
    with mpl.rc_context(STYLE):
        figure = _figure(5.6, 3.0)
        axes = figure.subplots()
        values = np.asarray(losses, dtype=float)
        axes.plot(steps, values, color=BLUE, alpha=0.35 if smooth > 1 else 1.0, label=label)
        if smooth > 1 and len(values) >= smooth:
            mean = np.convolve(values, np.ones(smooth) / smooth, mode="valid")
            middle = np.convolve(steps, np.ones(smooth) / smooth, mode="valid")
            axes.plot(middle, mean, color=BLUE, label=f"mean of {smooth} reports")
            axes.legend()
        axes.set(xlabel="training step", ylabel=label, xscale="log", yscale="log")
        for which in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
            which(FuncFormatter(_few_ticks))
    return figure


def hist_against_normal(x: Tensor, bins: int = 80, label: str = "values", color: str = VIOLET) -> Figure:
    """The values of a tensor as a density, with the curve of the standard normal distribution over it.

    Args:
        x: any shape; it is flattened.
        bins: between the smallest and the largest value, or -4 and 4 where that is wider.
    """
    values = x.detach().cpu().double().flatten().numpy()
    if values.size == 0 or not np.isfinite(values).all():
        raise bad_value("x", f"{values.size} values", "finite numbers, at least one")
    ends = min(-4.0, float(values.min())), max(4.0, float(values.max()))
    with mpl.rc_context(STYLE):
        figure = _figure(4.6, 2.8)
        axes = figure.subplots()
        axes.hist(values, bins=bins, range=ends, density=True, color=color, alpha=0.55, label=label)
        line = np.linspace(*ends, 400)
        density = np.exp(-(line**2) / 2) / np.sqrt(2 * np.pi)
        axes.plot(line, density, color=ORANGE, label="normal distribution")
        axes.set(xlabel="value", ylabel="density")
        axes.legend()
    return figure


def plot_lines(
    x: Any,
    lines: Mapping[str, Any],
    xlabel: str = "",
    ylabel: str = "",
    title: str = "",
    xscale: str = "linear",
    yscale: str = "linear",
    colors: Sequence[str] | None = None,
    markers: bool = False,
) -> Figure:
    """Named lines over one axis, told apart by colour and by dashes.

    Args:
        x: (N,) positions.
        lines: name -> (N,) values.
        markers: mark each point.
    """
    if not lines:
        raise bad_value("lines", "none", "at least one line")
    where = _numbers(x)
    with mpl.rc_context(STYLE):
        figure = _figure(5.6, 3.2)
        axes = figure.subplots()
        for (name, values), color, dashes in zip(lines.items(), _cycle(colors or COLORS), _cycle(LINES)):
            heights = _numbers(values)
            if heights.shape != where.shape:
                raise bad_value(f"lines[{name!r}]", heights.shape, f"of the shape of x, {where.shape}")
            axes.plot(where, heights, color=color, linestyle=dashes, label=name, marker="o" if markers else None, ms=4)
        axes.set(xlabel=xlabel, ylabel=ylabel, title=title, xscale=xscale, yscale=yscale)
        if len(lines) > 1:
            axes.legend()
    return figure


def heat_map(
    panels: Mapping[str, Any],
    xlabel: str = "",
    ylabel: str = "",
    signed: bool = False,
    mark: tuple[int, int] | None = None,
    size: tuple[float, float] = (1.6, 1.6),
) -> Figure:
    """Tables of numbers as colours, side by side, all on one scale.

    Args:
        panels: name -> (rows, columns) numbers.
        xlabel, ylabel: of the columns and rows; with neither, the axes have no numbers.
        signed: blue below 0, white at 0, orange above, instead of black at 0 to white at the largest value.
        mark: (row, column) of a cell to be outlined in every panel.
        size: width and height of a panel in inches.
    """
    tables = {name: np.atleast_2d(_numbers(values)) for name, values in panels.items()}
    if not tables or any(table.ndim != 2 or table.size == 0 for table in tables.values()):
        raise bad_value("panels", {name: table.shape for name, table in tables.items()}, "tables (rows, columns)")
    top = max(float(np.abs(table).max()) for table in tables.values())
    cmap: Any = LinearSegmentedColormap.from_list("signed", [BLUE, "white", ORANGE]) if signed else "gray"
    with mpl.rc_context(STYLE):
        figure = _figure(size[0] * len(tables) + 0.6 * bool(ylabel), size[1] + 0.25 + 0.3 * bool(xlabel))
        for axes, (name, table) in zip(figure.subplots(1, len(tables), squeeze=False)[0], tables.items()):
            drawn = axes.imshow(table, cmap=cmap, vmin=-top if signed else 0, vmax=top, aspect="auto")
            drawn.set_interpolation("nearest")
            axes.set(title=name, xlabel=xlabel, ylabel=ylabel)
            axes.grid(False)
            if not (xlabel or ylabel):
                axes.set(xticks=[], yticks=[])
            if mark is not None:
                corner = mark[1] - 0.5, mark[0] - 0.5
                axes.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=ORANGE, linewidth=2, clip_on=False))
    return figure


def match_table(values: Any, pictures: Tensor, texts: Sequence[str], cell: float = 0.55) -> Figure:
    """How well each text fits each picture: the number as ink, the best picture of each text outlined.

    Args:
        values: (rows, columns), one row a text and one column a picture.
        pictures: (columns, C, H, W) uint8, or floats in [-1, 1]; they stand over their columns.
        texts: one for each row, at its left.
        cell: width of a column in inches.
    """
    table, above = np.atleast_2d(_numbers(values)), _pictures(pictures)
    if table.shape != (len(texts), len(above)):
        raise bad_value("values", table.shape, f"of the shape (texts, pictures), {(len(texts), len(above))}")
    rows, columns = table.shape
    ink = LinearSegmentedColormap.from_list("ink", ["white", BLUE])
    with mpl.rc_context(STYLE):
        figure = _figure(columns * cell + 0.085 * max(map(len, texts)), (0.75 * rows + 1) * cell, gap=0.02)
        grid = figure.add_gridspec(2, 1, height_ratios=[1, 0.75 * rows])
        top, axes = figure.add_subplot(grid[0]), figure.add_subplot(grid[1])
        _draw(top, np.concatenate([np.pad(p, ((0, 0), (1, 1), (0, 0)), constant_values=255) for p in above], axis=1))
        axes.imshow(table, cmap=ink, vmin=0, vmax=max(float(table.max()), 1e-9), aspect="auto")
        axes.set(xticks=[], yticks=range(rows), yticklabels=texts)
        axes.tick_params(axis="y", length=0)
        axes.grid(False)
        for (row, column), value in np.ndenumerate(table):
            strong = value > 0.6 * table.max()
            axes.text(
                column,
                row,
                f"{value:.2f}",
                ha="center",
                va="center",
                fontsize=8,
                color="white" if strong else "#1e293b",
            )
            if column == table[row].argmax():
                axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=ORANGE, linewidth=2))
    return figure


class Drawing(Figure):
    """A figure that is not kept in pyplot's list: none leaks, none is shown twice; notebooks show it as a PNG."""

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png")
        return file.getvalue()


def _figure(width: float, height: float, gap: float = 0.05) -> Drawing:
    """An empty figure, in inches, with `gap` around its parts."""
    layout = ConstrainedLayoutEngine(w_pad=gap, h_pad=gap, wspace=0.02, hspace=0.02)
    return Drawing(figsize=(width, height), layout=layout)


def _pictures(x: Tensor) -> np.ndarray:
    """(B, C, H, W) -> (B, H, W, 1 or 3) uint8."""
    if x.ndim != 4 or x.shape[1] not in (1, 3) or len(x) == 0:
        raise bad_value("x", tuple(x.shape), "pictures (B, C, H, W) with 1 or 3 channels")
    pixels = x if x.dtype == torch.uint8 else to_pixels(x)
    return pixels.permute(0, 2, 3, 1).cpu().numpy()


def _draw(axes: Axes, picture: np.ndarray) -> None:
    """One picture with fixed ends of the grey scale, without ticks."""
    axes.imshow(picture[..., 0] if picture.shape[-1] == 1 else picture, vmin=0, vmax=255, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _numbers(values: Any) -> np.ndarray:
    if isinstance(values, Tensor):
        values = values.detach().cpu().numpy()
    return np.asarray(values, dtype=float)


def _cycle(items: Sequence[Any]) -> Any:
    return itertools.cycle(items)


def _few_ticks(value: float, _: object) -> str:
    """1, 2, 3 and 5 of each decade, written as plain numbers."""
    return f"{value:g}" if f"{value:e}"[0] in "1235" else ""
