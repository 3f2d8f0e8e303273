"""The images of a cascade as one drawing, for pages on which no script runs."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image
from torch import Tensor

from ..kit.fallback import INK, MUTED, Sheet
from ..kit.stored import leveled, sheet_image, webp

SIDE, LEFT, TOP = 148, 168, 24


def cascade_picture(prompts: Sequence[str], images: Sequence[Tensor]) -> str:
    """A data URL: a row for each prompt, its images from small to large at one width.

    Args:
        prompts: of each row.
        images: (rows, 3, S, S) in [-1, 1] of each size S.
    """
    sheet = Sheet(TOP + (SIDE + 10) * len(prompts))
    for column, drawn in enumerate(images):
        left, size = LEFT + column * (SIDE + 12), drawn.shape[-1]
        sheet.text((left + SIDE / 2, TOP / 2), f"{size} x {size}", color=MUTED, anchor="mm")
        pixels = leveled(drawn, 16)
        for line in range(len(prompts)):
            tile = sheet_image(pixels[line : line + 1], 1).resize((SIDE, SIDE), Image.Resampling.NEAREST)
            sheet.image.paste(tile, (left, TOP + line * (SIDE + 10)))
    for line, prompt in enumerate(prompts):
        words = prompt.replace(", ", ",\n")
        sheet.draw.multiline_text((8, TOP + line * (SIDE + 10) + SIDE / 2 - 12), words, INK, font_size=14)
    return webp(sheet.image)
