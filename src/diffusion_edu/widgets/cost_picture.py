"""What training costs as a picture, for pages on which no script runs."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

COLOURS = ((37, 99, 235), (194, 87, 12), (124, 58, 237), (15, 118, 110), (100, 116, 139), (31, 41, 51))
BACK, INK = (255, 255, 255), (31, 41, 51)
WIDTH, LEFT, BAR, ROW = 672, 16, 26, 78


def cost_png(words: Sequence[str], bars: Sequence[tuple[str, Sequence[tuple[str, float]]]]) -> str:
    """A data URL of a PNG: lines of words, and below them bars that are cut into named shares.

    Args:
        words: the lines.
        bars: a title each, and the names and sizes of the parts; every bar is as long as the picture is wide.
    """
    top = 20 + 22 * len(words)
    image = Image.new("RGB", (WIDTH, top + ROW * len(bars)), BACK)
    draw = ImageDraw.Draw(image)
    font, small = ImageFont.load_default(14), ImageFont.load_default(12)
    for i, line in enumerate(words):
        draw.text((LEFT, 20 + 22 * i), _plain(line), INK, font, anchor="lm")
    for i, (title, parts) in enumerate(bars):
        y, x, key = top + ROW * i, float(LEFT), float(LEFT)
        total = sum(size for _, size in parts)
        draw.text((LEFT, y + 10), title, INK, small, anchor="lm")
        for (name, size), colour in zip(parts, COLOURS):
            length = (WIDTH - 2 * LEFT) * size / total
            draw.rectangle((round(x), y + 20, round(x + length) - 1, y + 20 + BAR), colour) if length >= 1 else None
            x += length
            label = f"{_plain(name)} {100 * size / total:.0f} %"
            draw.rectangle((key, y + 55, key + 9, y + 64), colour)
            draw.text((key + 13, y + 60), label, INK, small, anchor="lm")
            key += 25 + draw.textlength(label, small)
    buffer = io.BytesIO()
    image.quantize(32).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _plain(words: str) -> str:
    """The font that comes with Pillow has no multiplication sign."""
    return words.replace("×", "x")
