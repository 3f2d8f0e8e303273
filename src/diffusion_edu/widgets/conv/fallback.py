"""A convolution as an image, for pages on which no script runs."""

from __future__ import annotations

from torch import Tensor

from ..kit.fallback import BLUE, GREY, INK, PAPER, TEAL, VIOLET, WIDTH, Color, Sheet

TOP, SPACE, MOST = 26, 36, 34


def conv_png(x: Tensor, w: Tensor, y: Tensor, padding: int) -> str:
    """A data URL of a PNG: input with its padding, kernel and output side by side, each with its numbers.

    Args:
        x, w, y: (i, i), (k, k), (o, o) whole numbers.
        padding: cells drawn empty around the input.
    """
    grids = (("input", x, padding, BLUE), ("kernel", w, 0, VIOLET), ("output", y, 0, TEAL))
    sides = [len(values) + 2 * p for _, values, p, _ in grids]
    cell = min(MOST, (WIDTH - 2 * SPACE) // sum(sides))
    sheet = Sheet(TOP + cell * max(sides) + 4)
    left = (WIDTH - cell * sum(sides) - 2 * SPACE) // 2
    for (name, values, p, colour), side in zip(grids, sides):
        # A 1 by 1 grid is narrower than its name: the words are set around its middle.
        middle = left + cell * side / 2
        sheet.text((middle, 12), f"{name} {len(values)}x{len(values)}", anchor="mm")
        _grid(sheet, values, (left, TOP), cell, p, colour)
        left += cell * side + SPACE
    return sheet.url()


def _grid(sheet: Sheet, values: Tensor, corner: tuple[int, int], cell: int, p: int, colour: Color) -> None:
    side, size = len(values) + 2 * p, max(7, cell * 0.38)
    red, green, blue = (round(0.85 * 255 + 0.15 * c) for c in colour)
    for row in range(side):
        for column in range(side):
            x, y = corner[0] + cell * column, corner[1] + cell * row
            inside = p <= row < side - p and p <= column < side - p
            fill, line = ((red, green, blue), colour) if inside else (PAPER, GREY)
            sheet.bar((x + 1, y + 1, x + cell - 2, y + cell - 2), fill, line)
            number = str(int(values[row - p, column - p])) if inside else "0"
            sheet.text((x + cell / 2, y + cell / 2), number, size, INK if inside else GREY, "mm")
