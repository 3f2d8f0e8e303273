"""Figures of images: grids, strips, tables of how well images and texts fit, maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from .._arguments import anything, checked, count, inches, sizes, table
from .._errors import bad_type, bad_value
from ..palette import BLUE, INK, ORANGE, PAPER
from .drawing import STYLE, draw_picture, new_figure, pictures_of

MOST_CELLS = 20_000  # of a heat map; one with more is a large image, which a page should load when it comes near

LETTER = 0.07  # inches, the width of a letter of a label


@checked(x=anything, columns=count(), cell=inches)
def show_grid(
    x: Tensor,
    titles: Sequence[str] | None = None,
    columns: int | None = None,
    cell: float = 0.9,
) -> Figure:
    """A batch of images in rows.

    Args:
        x: (B, C, H, W) uint8, or floats in [-1, 1]; C is 1 or 3.
        titles: one for each image.
        columns: images per row; default: up to 8.
        cell: width of an image in inches.

    Raises:
        TypeError, ValueError: no images, a wrong shape, columns < 1, or titles of another number.
    """
    pictures = pictures_of("x", x)
    count = len(pictures)
    columns = min(count, 8) if columns is None else columns
    if titles is not None and len(titles) != count:
        raise bad_value("titles", f"{len(titles)} titles", f"one for each of {count} images")
    columns = min(columns, count)
    rows = -(-count // columns)
    height = cell * pictures.shape[1] / pictures.shape[2] + (0.22 if titles else 0.0)
    with mpl.rc_context(STYLE):
        figure = new_figure(columns * cell, rows * height, gap=0.02)
        for index, picture in enumerate(pictures):
            axes = figure.add_subplot(rows, columns, index + 1)
            draw_picture(axes, picture)
            if titles:
                axes.set_title(titles[index], fontsize=9, pad=3)
    return figure


@checked(frames=anything, cell=inches)
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
        cell: width of an image in inches.

    Raises:
        TypeError, ValueError: no frames, frames of different shapes, or labels of another number.
    """
    if isinstance(frames, str) or not isinstance(frames, Tensor | Sequence):
        raise bad_type("frames", frames, "a list of states, or a tensor of them")
    if len(frames) == 0:
        raise bad_value("frames", "none", "at least one state")
    states = [
        pictures_of(f"frames[{i}]", one.unsqueeze(0) if isinstance(one, Tensor) and one.ndim == 3 else one)
        for i, one in enumerate(frames)
    ]
    if len({state.shape for state in states}) > 1:
        shapes = ", ".join(sorted({str(tuple(frame.shape)) for frame in frames}))
        raise bad_value("frames", shapes, "states of one shape")
    height_count, width_count = len(states[0]), len(states)
    for name, given, wanted in (("labels", labels, width_count), ("rows", rows, height_count)):
        if given is not None and len(given) != wanted:
            raise bad_value(name, f"{len(given)} names", f"{wanted} of them")
    height = cell * states[0].shape[1] / states[0].shape[2]
    # Several lines, and a name that is longer than its row is high, are read level, and need more room.
    level = any("\n" in name or LETTER * len(name) > height for name in rows or ())
    margin = (1.1 if level else 0.7) if rows else 0.0
    with mpl.rc_context(STYLE):
        size = width_count * cell + margin, height_count * height + (0.25 if labels else 0)
        figure = new_figure(*size, gap=0.02)
        cells = figure.subplots(height_count, width_count, squeeze=False)
        for column, state in enumerate(states):
            for row, picture in enumerate(state):
                draw_picture(cells[row][column], picture)
            if labels is not None:
                cells[0][column].set_title(labels[column], fontsize=9, pad=3)
        for row, name in enumerate(rows or ()):
            place: Any = {"rotation": 0, "ha": "right", "va": "center"} if level else {}
            cells[row][0].set_ylabel(name, fontsize=9, **place)
    return figure


@checked(size=sizes)
def heat_map(
    panels: Mapping[str, Any],
    xlabel: str = "",
    ylabel: str = "",
    signed: bool = False,
    mark: tuple[int, int] | None = None,
    size: tuple[float, float] = (1.6, 1.6),
) -> Figure:
    """Tables of numbers as colors, side by side, all on one scale.

    Args:
        panels: name -> (rows, columns) numbers.
        xlabel, ylabel: of the columns and rows; with neither, the axes have no numbers.
        signed: blue below 0, white at 0, orange above, instead of black at 0 to white at the largest value.
        mark: (row, column) of a cell to be outlined in every panel.
        size: width and height of a panel in inches.

    Raises:
        TypeError, ValueError: no tables of finite numbers, a name that is no text, or a mark outside of a table.
    """
    tables = {str(name): table(2)(f"panels[{name!r}]", values) for name, values in panels.items()}
    if not tables:
        raise bad_value("panels", panels, "tables (rows, columns) by name, at least one")
    if mark is not None:
        for name, one in tables.items():
            if len(mark) != 2 or not all(0 <= at < size for at, size in zip(mark, one.shape)):
                raise bad_value("mark", mark, f"(row, column) of a cell of panels[{name!r}], which is {one.shape}")
    top = max(float(np.abs(one).max()) for one in tables.values())
    cmap: Any = LinearSegmentedColormap.from_list("signed", [BLUE, "white", ORANGE]) if signed else "gray"
    with mpl.rc_context(STYLE):
        figure = new_figure(size[0] * len(tables) + 0.6 * bool(ylabel), size[1] + 0.25 + 0.3 * bool(xlabel))
        figure.large_image = sum(one.size for one in tables.values()) > MOST_CELLS
        for axes, (name, one) in zip(figure.subplots(1, len(tables), squeeze=False)[0], tables.items()):
            drawn = axes.imshow(one, cmap=cmap, vmin=-top if signed else 0, vmax=top, aspect="auto")
            drawn.set_interpolation("none")
            axes.set(title=name, xlabel=xlabel, ylabel=ylabel)
            axes.grid(False)
            if not (xlabel or ylabel):
                axes.set(xticks=[], yticks=[])
            if mark is not None:
                corner = mark[1] - 0.5, mark[0] - 0.5
                axes.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=ORANGE, linewidth=2, clip_on=False))
    return figure


@checked(values=table(2), pictures=anything, cell=inches)
def match_table(values: Any, pictures: Tensor, texts: Sequence[str], cell: float = 0.55) -> Figure:
    """How well each text fits each image: the number as ink, the best image of each text outlined.

    Args:
        values: (rows, columns), one row per text and one column per image.
        pictures: (columns, C, H, W) uint8, or floats in [-1, 1]; they stand over their columns.
        texts: one for each row, at its left.
        cell: width of a column in inches.

    Raises:
        TypeError, ValueError: no finite numbers, no images, no texts, or another number of them.
    """
    above = pictures_of("pictures", pictures)
    if values.shape != (len(texts), len(above)):
        raise bad_value("values", values.shape, f"of the shape (texts, images), {(len(texts), len(above))}")
    rows, columns = values.shape
    ink = LinearSegmentedColormap.from_list("ink", ["white", BLUE])
    with mpl.rc_context(STYLE):
        size = columns * cell + 0.085 * max(map(len, texts)), (0.75 * rows + 1) * cell
        figure = new_figure(*size, gap=0.02)
        figure.words_on_images = True
        grid = figure.add_gridspec(2, 1, height_ratios=[1, 0.75 * rows])
        top, axes = figure.add_subplot(grid[0]), figure.add_subplot(grid[1])
        draw_picture(
            top, np.concatenate([np.pad(p, ((0, 0), (1, 1), (0, 0)), constant_values=255) for p in above], axis=1)
        )
        axes.imshow(values, cmap=ink, vmin=0, vmax=max(float(values.max()), 1e-9), aspect="auto", interpolation="none")
        axes.set(xticks=[], yticks=range(rows), yticklabels=texts)
        axes.tick_params(axis="y", length=0)
        axes.grid(False)
        for (row, column), value in np.ndenumerate(values):
            strong = value > 0.6 * values.max()
            axes.text(
                column,
                row,
                f"{value:.2f}",
                ha="center",
                va="center",
                fontsize=8,
                color=PAPER if strong else INK,
            )
            if column == values[row].argmax():
                axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=ORANGE, linewidth=2))
    return figure
