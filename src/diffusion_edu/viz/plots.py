"""Figures of numbers: schedules, losses, histograms, lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline
from matplotlib.ticker import FuncFormatter
from torch import Tensor

from .._arguments import anything, checked, count, each, inches, reals, table, tensor
from .._arguments.values import number
from .._errors import bad_type, bad_value
from ..diffusion.schedules import NoiseSchedule
from ..palette import BLUE, COLORS, ORANGE, TEAL, VIOLET
from .drawing import LINES, STYLE, color, few_ticks, new_figure, scale
from .drawing import colors as several_colors

MOST_BINS = 10_000


@checked(schedules=anything)
def plot_schedule(schedules: NoiseSchedule | Sequence[NoiseSchedule] | Mapping[str, NoiseSchedule]) -> Figure:
    """beta_t, the coefficients of signal and noise, and the signal-to-noise ratio, along t / T.

    Args:
        schedules: one, several, or several with names of your own.

    Raises:
        TypeError, ValueError: something else, or none.
    """
    named = _named(schedules)
    with mpl.rc_context(STYLE):
        figure = new_figure(9.6, 3.0)
        left, middle, right = figure.subplots(1, 3)
        for (name, schedule), line in zip(named.items(), cycle(LINES)):
            u = np.arange(schedule.T + 1) / schedule.T
            left.plot(u[1:], schedule.beta[1:].numpy(), linestyle=line, color=TEAL, label=name.replace("_", " "))
            middle.plot(u, schedule.alpha_bar.sqrt().numpy(), linestyle=line, color=BLUE)
            middle.plot(u, (1 - schedule.alpha_bar).sqrt().numpy(), linestyle=line, color=ORANGE)
            right.plot(u[1:], schedule.snr[1:].numpy(), linestyle=line, color=VIOLET)
        left.set(title="variance added at a step", xlabel="t / T", ylabel=r"$\beta_t$", yscale="log")
        if len(named) > 1:
            left.legend()
        middle.set(title="what $x_t$ is made of", xlabel="t / T", ylim=(0, 1.02))
        middle.plot([], [], color=BLUE, label=r"signal √$\bar\alpha_t$")
        middle.plot([], [], color=ORANGE, label=r"noise √$(1-\bar\alpha_t)$")
        middle.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2, columnspacing=1.2)
        right.set(title="signal-to-noise ratio", xlabel="t / T", ylabel="SNR(t)", yscale="log")
    return figure


@checked(frames=anything, colors=anything, cell=inches, half=anything, most=count())
def point_strip(
    frames: Mapping[str, Any] | Sequence[Any],
    rows: Sequence[str] | None = None,
    colors: Sequence[str] | str = BLUE,
    cell: float = 1.4,
    half: float | tuple[float, float, float, float] = 3.2,
    most: int = 300,
) -> Figure:
    """Sets of points in the plane, side by side on one scale, each point a dot.

    Args:
        frames: title -> (N, 2) points, or a list of them for one row, or (R, N, 2) for R rows.
        rows: one name for each row, at its left.
        colors: one for all, or one for each frame.
        cell: width of a frame in inches.
        half: every frame shows -half..half on both axes, or (left, right, bottom, top).
        most: so many points of each set are drawn, the first ones; more would hide one another.

    Raises:
        TypeError, ValueError: no points, sets of another shape, other numbers of names or colors, or an empty range.
    """
    sets = _clouds(frames)
    names, first = list(sets), next(iter(sets.values()))
    if rows is not None and len(rows) != len(first):
        raise bad_value("rows", f"{len(rows)} names", f"{len(first)} of them")
    left, right, bottom, top = _ranges(half)
    inks = [color("colors", colors)] * len(sets) if isinstance(colors, str) else several_colors("colors", colors)
    if len(inks) != len(sets):
        raise bad_value("colors", f"{len(inks)} colors", f"one, or one for each of {len(sets)} frames")
    height = cell * (top - bottom) / (right - left)
    with mpl.rc_context(STYLE):
        titled = isinstance(frames, Mapping)
        figure = new_figure(len(sets) * cell + 0.3 * bool(rows), len(first) * height + 0.22 * titled, gap=0.02)
        cells = figure.subplots(len(first), len(sets), squeeze=False)
        for column, (name, ink) in enumerate(zip(names, inks)):
            for row, cloud in enumerate(sets[name]):
                axes = cells[row][column]
                axes.set(xlim=(left, right), ylim=(bottom, top), xticks=[], yticks=[], aspect="equal")
                axes.grid(False)
                axes.spines[["top", "right"]].set_visible(True)
                x, y = cloud.T
                inside = cloud[(x > left) & (x < right) & (y > bottom) & (y < top)][:most]
                dots = Outline(inside.repeat(2, axis=0), [Outline.MOVETO, Outline.LINETO] * len(inside))
                dots.should_simplify = False  # lines of no length would be left out
                look: Any = {"fill": False, "edgecolor": ink, "linewidth": 1.7, "capstyle": "round", "alpha": 0.8}
                axes.add_patch(PathPatch(dots, **look))
            if titled:
                cells[0][column].set_title(name, fontsize=9, pad=3)
        for row, name in enumerate(rows or ()):
            cells[row][0].set_ylabel(name, fontsize=9)
    return figure


def _clouds(frames: Any) -> dict[str, np.ndarray]:
    """Frames with names, each (R, N, 2)."""
    if not isinstance(frames, Mapping | Sequence | Tensor | np.ndarray) or isinstance(frames, str | bytes):
        raise bad_type("frames", frames, "sets of points by title, or a list of them")
    named = dict(frames) if isinstance(frames, Mapping) else {str(i): points for i, points in enumerate(frames)}
    if not named:
        raise bad_value("frames", "none", "at least one set of points")
    if not all(isinstance(name, str) for name in named):
        raise bad_type("frames", list(named), "sets of points by title")
    sets = {name: table(3)(f"frames[{name!r}]", points) for name, points in named.items()}
    if any(points.shape[2] != 2 or len(points) != len(next(iter(sets.values()))) for points in sets.values()):
        raise bad_value("frames", [points.shape for points in sets.values()], "points (N, 2), or (R, N, 2) in each")
    return sets


def _ranges(half: Any) -> tuple[float, float, float, float]:
    """(left, right, bottom, top) of what a frame shows."""
    if isinstance(half, Sequence) and not isinstance(half, str | bytes):
        ends = reals("half", half)
        if len(ends) != 4 or not (ends[0] < ends[1] and ends[2] < ends[3]):
            raise bad_value("half", half, "(left, right, bottom, top) with left < right and bottom < top")
        return ends[0], ends[1], ends[2], ends[3]
    half = number("half", half, 0, above=True)
    return -half, half, -half, half


def plain_ticks(axes: Axes) -> None:
    """On a logarithmic axis of less than three decades: 1, 2, 3 and 5 of each, written as plain numbers."""
    for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        if axis.get_scale() == "log" and high / low < 1000:
            axis.set_major_formatter(FuncFormatter(few_ticks))
            axis.set_minor_formatter(FuncFormatter(few_ticks))


def _named(schedules: Any) -> dict[str, NoiseSchedule]:
    """Schedules with names."""
    given = [schedules] if isinstance(schedules, NoiseSchedule) else schedules
    if not isinstance(given, Mapping | Sequence) or isinstance(given, str):
        raise bad_type("schedules", schedules, "a NoiseSchedule, a list of them, or several by name")
    for one in given.values() if isinstance(given, Mapping) else given:
        if not isinstance(one, NoiseSchedule):
            raise bad_type("schedules", one, "a NoiseSchedule, a list of them, or several by name")
    if not given:
        raise bad_value("schedules", "none", "at least one schedule")
    return {str(name): one for name, one in given.items()} if isinstance(given, Mapping) else {s.name: s for s in given}


@checked(steps=each(1), losses=reals, smooth=count(0))
def plot_loss(steps: Sequence[int], losses: Sequence[float], smooth: int = 0, label: str = "loss") -> Figure:
    """The loss along the training, both axes logarithmic: most of the fall is at the start.

    Args:
        steps, losses: of the reports.
        smooth: width of a running mean, in reports; 0 draws none.

    Raises:
        TypeError, ValueError: steps below 1, losses that are not finite, or another number of them than of steps.
    """
    if len(steps) != len(losses) or len(steps) == 0:
        raise bad_value("losses", f"{len(losses)} values for {len(steps)} steps", "one for each step")
    with mpl.rc_context(STYLE):
        figure = new_figure(5.6, 3.0)
        axes = figure.subplots()
        values = np.asarray(losses, dtype=float)
        axes.plot(steps, values, color=BLUE, alpha=0.35 if smooth > 1 else 1.0, label=label)
        if smooth > 1 and len(values) >= smooth:
            mean = np.convolve(values, np.ones(smooth) / smooth, mode="valid")
            middle = np.convolve(steps, np.ones(smooth) / smooth, mode="valid")
            axes.plot(middle, mean, color=BLUE, label=f"mean of {smooth} reports")
            axes.legend()
        axes.set(xlabel="training step", ylabel=label, xscale="log", yscale="log")
        plain_ticks(axes)
    return figure


@checked(x=tensor("of any shape"), bins=count(1, MOST_BINS), color=color)
def hist_against_normal(x: Tensor, bins: int = 80, label: str = "values", color: str = VIOLET) -> Figure:
    """The values of a tensor as a density, with the curve of the standard normal distribution over it.

    Args:
        x: any shape; it is flattened.
        bins: between the smallest and the largest value, or -4 and 4 where that is wider.
        color: of the bars.

    Raises:
        TypeError, ValueError: no floating-point tensor, nothing in it, or NaN and infinity.
    """
    values = x.detach().cpu().double().flatten().numpy()
    if values.size == 0 or not np.isfinite(values).all():
        raise bad_value("x", f"{values.size} values", "finite numbers, at least one")
    ends = min(-4.0, float(values.min())), max(4.0, float(values.max()))
    with mpl.rc_context(STYLE):
        figure = new_figure(4.6, 2.8)
        axes = figure.subplots()
        axes.hist(values, bins=bins, range=ends, density=True, color=color, alpha=0.55, label=label)
        line = np.linspace(*ends, 400)
        density = np.exp(-(line**2) / 2) / np.sqrt(2 * np.pi)
        axes.plot(line, density, color=ORANGE, label="normal distribution")
        axes.set(xlabel="value", ylabel="density")
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return figure


@checked(x=table(1), xscale=scale, yscale=scale, colors=several_colors)
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
    """Named lines over one axis, told apart by color and by dashes.

    Args:
        x: (N,) positions.
        lines: name -> (N,) values.
        xscale, yscale: "linear", "log", "symlog", "asinh" or "logit".
        colors: of the lines, over and over.
        markers: mark each point.

    Raises:
        TypeError, ValueError: no numbers, another number of them than of positions, or no such scale or color.
    """
    if not lines:
        raise bad_value("lines", "none", "at least one line")
    # NaN in a line is a gap in it.
    heights_of = {str(name): table(1, finite=False)(f"lines[{name!r}]", one) for name, one in lines.items()}
    with mpl.rc_context(STYLE):
        figure = new_figure(5.6, 3.2)
        axes = figure.subplots()
        for (name, heights), ink, dashes in zip(heights_of.items(), cycle(colors or COLORS), cycle(LINES)):
            if heights.shape != x.shape:
                raise bad_value(f"lines[{name!r}]", heights.shape, f"of the shape of x, {x.shape}")
            axes.plot(x, heights, color=ink, linestyle=dashes, label=name, marker="o" if markers else None, ms=4)
        axes.set(xlabel=xlabel, ylabel=ylabel, title=title, xscale=xscale, yscale=yscale)
        plain_ticks(axes)
        if len(lines) > 1:
            axes.legend()
    return figure
