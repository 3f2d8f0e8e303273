"""A convolution as a picture, for pages on which no script runs."""

from __future__ import annotations

import base64
import io

from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

BLUE, VIOLET, TEAL = (37, 99, 235), (124, 58, 237), (15, 118, 110)
BACK, INK, GREY = (255, 255, 255), (31, 41, 51), (100, 116, 139)
WIDTH, TOP, SPACE, MOST = 672, 26, 36, 34


def conv_png(x: Tensor, w: Tensor, y: Tensor, padding: int) -> str:
    """A data URL of a PNG: input with its padding, kernel and output side by side, each with its numbers.

    Args:
        x, w, y: (i, i), (k, k), (o, o) whole numbers.
        padding: cells drawn empty around the input.
    """
    grids = (("input", x, padding, BLUE), ("kernel", w, 0, VIOLET), ("output", y, 0, TEAL))
    sides = [len(values) + 2 * p for _, values, p, _ in grids]
    cell = min(MOST, (WIDTH - 2 * SPACE) // sum(sides))
    image = Image.new("RGB", (WIDTH, TOP + cell * max(sides) + 4), BACK)
    draw = ImageDraw.Draw(image)
    left = (WIDTH - cell * sum(sides) - 2 * SPACE) // 2
    for (name, values, p, colour), side in zip(grids, sides):
        # A 1 by 1 grid is narrower than its name: the words are set around its middle.
        middle = left + cell * side / 2
        draw.text((middle, 12), f"{name} {len(values)}x{len(values)}", INK, ImageFont.load_default(12), anchor="mm")
        _grid(draw, values, (left, TOP), cell, p, colour)
        left += cell * side + SPACE
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _grid(draw: ImageDraw.ImageDraw, values: Tensor, corner: tuple[int, int], cell: int, p: int, colour: tuple) -> None:
    side, font = len(values) + 2 * p, ImageFont.load_default(max(7, cell * 0.38))
    tint = tuple(round(0.85 * 255 + 0.15 * c) for c in colour)
    for row in range(side):
        for column in range(side):
            x, y = corner[0] + cell * column, corner[1] + cell * row
            inside = p <= row < side - p and p <= column < side - p
            fill, line = (tint, colour) if inside else (BACK, GREY)
            draw.rectangle((x + 1, y + 1, x + cell - 2, y + cell - 2), fill, line)
            number = str(int(values[row - p, column - p])) if inside else "0"
            draw.text((x + cell / 2, y + cell / 2), number, INK if inside else GREY, font, anchor="mm")
