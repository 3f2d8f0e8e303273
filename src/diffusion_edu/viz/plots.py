"""Figures of numbers: schedules, losses, histograms, lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from torch import Tensor

from .._arguments import anything, checked, count, each, reals, table, tensor
from .._errors import bad_type, bad_value
from ..diffusion.schedules import NoiseSchedule
from ..palette import BLUE, COLORS, ORANGE, TEAL, VIOLET
from .drawing import LINES, STYLE, color, colors, cycle, few_ticks, new_figure, scale

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
        for which in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
            which(FuncFormatter(few_ticks))
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
        axes.legend()
    return figure


@checked(x=table(1), xscale=scale, yscale=scale, colors=colors)
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
        if len(lines) > 1:
            axes.legend()
    return figure
