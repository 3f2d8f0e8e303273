"""Two Gaussians and their distance as an image, for pages on which no script runs."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ...metrics import FrechetTerms
from ..kit.fallback import BLUE, ORANGE, TEAL, VIOLET, WIDTH, Sheet

SIDE, HALF = 336, 4.0


def frechet_png(sets: Sequence[tuple[Tensor, Tensor, Sequence[float]]], terms: FrechetTerms) -> str:
    """A data URL of a PNG: the points and ellipses at the left, the distance and its two parts at the right.

    Args:
        sets: points (n, 2), half axes (2, 2) in columns, and the center, of the real and the generated Gaussian.
        terms: the distance.
    """
    sheet = Sheet(SIDE)
    for (points, axes, centre), colour in zip(sets, (BLUE, ORANGE)):
        for x, y in _place(points):
            sheet.draw.ellipse((x - 1, y - 1, x + 1, y + 1), colour)
        angle = torch.linspace(0, 2 * math.pi, 73, dtype=torch.float64)
        ring = torch.stack([angle.cos(), angle.sin()], dim=1) @ axes.T + torch.tensor(centre, dtype=torch.float64)
        sheet.draw.line(_place(ring), colour, 3)
    rows = (("from the means", terms.mean, TEAL), ("from the covariances", terms.covariance, VIOLET))
    top = max(terms.distance, 1e-9)
    sheet.text((SIDE + 20, 50), f"Frechet distance {terms.distance:.2f}", 20)
    for i, (words, value, colour) in enumerate(rows):
        y = 110 + 80 * i
        sheet.text((SIDE + 20, y), f"{value:.2f} {words}", 16)
        sheet.bar((SIDE + 20, y + 16, SIDE + 21 + (WIDTH - SIDE - 50) * value / top, y + 40), colour)
    for i, (words, colour) in enumerate((("blue: real", BLUE), ("orange: generated", ORANGE))):
        sheet.text((SIDE + 20, 270 + 26 * i), words, 16, colour)
    return sheet.url(32)


def _place(points: Tensor) -> list[tuple[float, float]]:
    scale = SIDE / (2 * HALF)
    return [(scale * (x + HALF), scale * (HALF - y)) for x, y in points.tolist()]
