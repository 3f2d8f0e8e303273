"""Two Gaussians and their distance as a picture, for pages on which no script runs."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ..metrics import FrechetTerms

BLUE, ORANGE, TEAL, VIOLET = (37, 99, 235), (194, 87, 12), (15, 118, 110), (124, 58, 237)
BACK, INK = (255, 255, 255), (31, 41, 51)
SIDE, WIDTH, HALF = 336, 672, 4.0


def frechet_png(sets: Sequence[tuple[Tensor, Tensor, Sequence[float]]], terms: FrechetTerms) -> str:
    """A data URL of a PNG: the points and ellipses at the left, the distance and its two parts at the right.

    Args:
        sets: points (n, 2), half axes (2, 2) in columns, and the centre, of the real and the generated Gaussian.
        terms: the distance.
    """
    image = Image.new("RGB", (WIDTH, SIDE), BACK)
    draw = ImageDraw.Draw(image)
    for (points, axes, centre), colour in zip(sets, (BLUE, ORANGE)):
        for x, y in _place(points):
            draw.ellipse((x - 1, y - 1, x + 1, y + 1), colour)
        angle = torch.linspace(0, 2 * math.pi, 73, dtype=torch.float64)
        ring = torch.stack([angle.cos(), angle.sin()], dim=1) @ axes.T + torch.tensor(centre, dtype=torch.float64)
        draw.line(_place(ring), colour, 3)
    rows = (("from the means", terms.mean, TEAL), ("from the covariances", terms.covariance, VIOLET))
    font, top = ImageFont.load_default(16), max(terms.distance, 1e-9)
    draw.text((SIDE + 20, 50), f"Frechet distance {terms.distance:.2f}", INK, ImageFont.load_default(20), anchor="lm")
    for i, (words, value, colour) in enumerate(rows):
        y = 110 + 80 * i
        draw.text((SIDE + 20, y), f"{value:.2f} {words}", INK, font, anchor="lm")
        draw.rectangle((SIDE + 20, y + 16, SIDE + 21 + (WIDTH - SIDE - 50) * value / top, y + 40), colour)
    for i, (words, colour) in enumerate((("blue: real", BLUE), ("orange: generated", ORANGE))):
        draw.text((SIDE + 20, 270 + 26 * i), words, colour, font, anchor="lm")
    buffer = io.BytesIO()
    image.quantize(32).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _place(points: Tensor) -> list[tuple[float, float]]:
    scale = SIDE / (2 * HALF)
    return [(scale * (x + HALF), scale * (HALF - y)) for x, y in points.tolist()]
