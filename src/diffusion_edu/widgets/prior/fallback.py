"""The cloud of one caption and four images of it as a drawing, for pages on which no script runs."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image
from torch import Tensor

from ..kit.fallback import BLUE, GREY, INK, MUTED, TEAL, VIOLET, WIDTH, Sheet
from ..kit.stored import leveled, sheet_image, webp

SIDE, TILE, TOP = 336, 132, 26
GROUND = 1_200  # points of the ground at most: each costs bytes
MARKS = (BLUE, INK, VIOLET, TEAL)  # of the true image, the text, and both priors
LABELS = ("true image", "text", "diffusion prior", "autoregressive prior")


def cloud_picture(
    caption: str, ground: Tensor, points: Tensor, span: float, images: Tensor, cosines: Sequence[float]
) -> str:
    """A data URL: the plane at the left, at the right what the decoder draws of four points.

    Args:
        caption: whose points they are.
        ground: (M, 2).
        points: (2 + 2 n, 2) the true image's, the text's, n of each prior.
        span: the plane shows -span..span.
        images: (4, 3, S, S) in [-1, 1], of the true image's embedding, the text's, and the first of each prior.
        cosines: of these four to the true embedding.
    """
    sheet = Sheet(SIDE + TOP)
    sheet.text((8, TOP / 2), caption, 14)
    for x, y in _places(ground[:: -(-len(ground) // GROUND)], span):
        sheet.draw.point((x, y), GREY)
    n = (len(points) - 2) // 2
    order = [*range(2, 2 + 2 * n), 1, 0]  # the true one above all others
    colors = [MARKS[2]] * n + [MARKS[3]] * n + [MARKS[1], MARKS[0]]
    for (x, y), color in zip(_places(points[order], span), colors):
        sheet.draw.ellipse((x - 4, y - 4, x + 4, y + 4), color, "white")
    pixels = leveled(images, 16)
    for k, (label, color, cosine) in enumerate(zip(LABELS, MARKS, cosines)):
        left, top = SIDE + 16 + (k % 2) * (TILE + 22), TOP + (k // 2) * (SIDE // 2)
        tile = sheet_image(pixels[k : k + 1], 1).resize((TILE, TILE), Image.Resampling.NEAREST)
        sheet.image.paste(tile, (left, top))
        sheet.text((left, top + TILE + 9), label, 12, color)
        sheet.text((left, top + TILE + 23), f"cosine {cosine:.2f}", 11, MUTED)
    assert left + TILE <= WIDTH
    return webp(sheet.image)


def _places(points: Tensor, span: float) -> list[tuple[float, float]]:
    scale = SIDE / (2 * span)
    return [(scale * (x + span), TOP + scale * (span - y)) for x, y in points.tolist()]
