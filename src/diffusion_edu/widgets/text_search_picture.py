"""Words and the pictures that fit them as one picture, for pages on which no script runs."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from .text_search_data import sheet_image, webp

WIDTH, ROW, LEFT = 672, 92, 168
BACK, INK, MUTED = (255, 255, 255), (31, 41, 51), (86, 97, 111)


def ranking_picture(pixels: Tensor, rows: Sequence[tuple[str, Sequence[int], Sequence[float]]]) -> str:
    """A data URL: a row for each search, the words at the left and the best pictures beside them.

    Args:
        pixels: (N, 3, S, S) uint8, all pictures.
        rows: words, indices of the best, their cosines.
    """
    image = Image.new("RGB", (WIDTH, ROW * len(rows)), BACK)
    draw = ImageDraw.Draw(image)
    words, small = ImageFont.load_default(15), ImageFont.load_default(12)
    side = 84
    for top, (query, best, cosines) in enumerate(rows):
        y = ROW * top
        draw.multiline_text((8, y + 32), _wrapped(query, 18), INK, words, anchor="lm")
        for k, (i, cosine) in enumerate(zip(best, cosines)):
            tile = sheet_image(pixels[i : i + 1], 1).resize((64, 64), Image.Resampling.NEAREST)
            image.paste(tile, (LEFT + k * side, y + 4))
            draw.text((LEFT + k * side + 32, y + 78), f"{cosine:.2f}", MUTED, small, anchor="mm")
    return webp(image, colours=64)


def _wrapped(words: str, width: int) -> str:
    lines = [""]
    for word in words.split():
        if lines[-1] and len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines)
