"""Words and the images that fit them as one image, for pages on which no script runs."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageFont
from torch import Tensor

from ..kit.fallback import INK, MUTED, Sheet
from ..kit.stored import sheet_image
from .captions import webp

ROW, LEFT = 92, 168


def ranking_picture(pixels: Tensor, rows: Sequence[tuple[str, Sequence[int], Sequence[float]]]) -> str:
    """A data URL: a row for each search, the words at the left and the best images beside them.

    Args:
        pixels: (N, 3, S, S) uint8, all images.
        rows: words, indices of the best, their cosines.
    """
    sheet = Sheet(ROW * len(rows))
    words = ImageFont.load_default(15)
    side = 84
    for top, (query, best, cosines) in enumerate(rows):
        y = ROW * top
        sheet.draw.multiline_text((8, y + 32), _wrapped(query, 18), INK, words, anchor="lm")
        for k, (i, cosine) in enumerate(zip(best, cosines)):
            tile = sheet_image(pixels[i : i + 1], 1).resize((64, 64), Image.Resampling.NEAREST)
            sheet.image.paste(tile, (LEFT + k * side, y + 4))
            sheet.text((LEFT + k * side + 32, y + 78), f"{cosine:.2f}", color=MUTED, anchor="mm")
    return webp(sheet.image, colours=64)


def _wrapped(words: str, width: int) -> str:
    lines = [""]
    for word in words.split():
        if lines[-1] and len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines)
