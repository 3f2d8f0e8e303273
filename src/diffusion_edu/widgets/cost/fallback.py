"""What training costs as an image, for pages on which no script runs."""

from __future__ import annotations

from collections.abc import Sequence

from ..kit.fallback import COLORS, INK, WIDTH, Sheet

LEFT, BAR, ROW = 16, 26, 78


def cost_png(words: Sequence[str], bars: Sequence[tuple[str, Sequence[tuple[str, float]]]]) -> str:
    """A data URL of a PNG: lines of words, and below them bars that are cut into named shares.

    Args:
        words: the lines.
        bars: a title each, and the names and sizes of the parts; every bar is as long as the image is wide.
    """
    top = 20 + 22 * len(words)
    sheet = Sheet(top + ROW * len(bars))
    for i, line in enumerate(words):
        sheet.text((LEFT, 20 + 22 * i), _plain(line), 14)
    for i, (title, parts) in enumerate(bars):
        y, x, key = top + ROW * i, float(LEFT), float(LEFT)
        total = sum(size for _, size in parts)
        sheet.text((LEFT, y + 10), title)
        for (name, size), colour in zip(parts, (*COLORS, INK)):
            length = (WIDTH - 2 * LEFT) * size / total
            if length >= 1:
                sheet.bar((round(x), y + 20, round(x + length) - 1, y + 20 + BAR), colour)
            x += length
            label = f"{_plain(name)} {100 * size / total:.0f} %"
            sheet.bar((key, y + 55, key + 9, y + 64), colour)
            key += 25 + sheet.text((key + 13, y + 60), label)
    return sheet.url(32)


def _plain(words: str) -> str:
    """The font that comes with Pillow has no multiplication sign."""
    return words.replace("×", "x")
