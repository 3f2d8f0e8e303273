"""Toy data in the plane: shapes that one can see at a glance, with any number of points."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from .._arguments import above, checked
from .._errors import bad_value, check_choice

GRID = 8192  # places along a shape from which its centre and its size are taken
HEIGHT = 96  # pixels of a letter


@checked
def toy(name: str = "moons", n: int = 400, seed: int = 0, spread: float = 0.05, text: str = "de") -> Tensor:
    """Points around a shape in the plane, in random order; equal arguments give equal points.

    The shape itself has mean 0, and a variance of 1 on average over the two coordinates; the points lie around it
    with standard deviation `spread`. Points of another seed come from the very same distribution.

    Args:
        name: one of :data:`TOYS`.
        n: number of points.
        seed: of the places along the shape and of the deviations from it.
        spread: standard deviation around the shape, in each coordinate.
        text: what is written; for "letters" only.

    Returns:
        (n, 2) float32: x to the right, y upwards.

    Raises:
        ValueError: unknown name, n < 1, a negative spread, or a text without ink.
    """
    check_choice("name", name, TOYS)
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise bad_value("n", n, "an integer of at least 1")
    if not 0 <= spread < math.inf:
        raise bad_value("spread", spread, "a number of at least 0")
    g = torch.Generator().manual_seed(seed)
    # One random place in each of n equal parts of the shape: no part is missed, none is crowded.
    u = (torch.arange(n, dtype=torch.float64) + torch.rand(n, generator=g, dtype=torch.float64)) / n
    place = _writing(text) if name == "letters" else _CURVES[name]
    grid = place((np.arange(GRID) + 0.5) / GRID)
    centre = grid.mean(0)
    scale = np.sqrt(((grid - centre) ** 2).mean())
    points = torch.from_numpy((place(u.numpy()) - centre) / scale)
    points = points + spread * torch.randn(n, 2, generator=g, dtype=torch.float64)
    return points[torch.randperm(n, generator=g)].float()


@checked(half=above(0))
def raster(points: Tensor, size: int = 72, half: float = 3.2) -> Tensor:
    """Points as an image, light on dark: the more points in a pixel, the lighter.

    Args:
        points: (N, 2) x to the right, y upwards; what lies outside the image is left out.
        size: pixels a side.
        half: the image shows -half..half on both axes.

    Returns:
        (1, size, size) float32 in [-1, 1], for example for a film strip.

    Raises:
        ValueError: points of another shape.
    """
    if points.ndim != 2 or points.shape[1] != 2:
        raise bad_value("points", tuple(points.shape), "of shape (N, 2)")
    x, y = points.detach().cpu().double().numpy().T
    count, _, _ = np.histogram2d(-y, x, bins=size, range=[[-half, half], [-half, half]])
    # 2000 points fill a pixel in the middle of a cloud of noise with one or two
    return torch.from_numpy(np.clip(count / 3, 0, 1) ** 0.6 * 2 - 1).float()[None]


def _moons(u: np.ndarray) -> np.ndarray:
    """Two interleaved half circles."""
    second = u >= 0.5
    angle = np.pi * (2 * u - second)
    x, y = np.cos(angle), np.sin(angle)
    return np.stack([np.where(second, 1 - x, x), np.where(second, 0.5 - y, y)], axis=1)


def _spiral(u: np.ndarray) -> np.ndarray:
    """Two turns whose radius grows with the angle; the root spreads the places evenly along the line."""
    first, last = 0.5 * np.pi, 4.5 * np.pi
    angle = np.sqrt(first**2 + u * (last**2 - first**2))
    return np.stack([angle * np.cos(angle), angle * np.sin(angle)], axis=1)


def _rings(u: np.ndarray) -> np.ndarray:
    """Two circles around one center; each has a share of the places like its length."""
    inner, outer = 0.45, 1.0
    share = inner / (inner + outer)
    small = u < share
    angle = 2 * np.pi * np.where(small, u / share, (u - share) / (1 - share))
    radius = np.where(small, inner, outer)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


@cache
def _ink(text: str) -> np.ndarray:
    """(pixels, 2) the inked pixels of a text, so ordered that neighbors in the list are neighbors in the plane."""
    font = ImageFont.load_default(HEIGHT)
    left, top, right, bottom = (int(v) for v in font.getbbox(text))
    width, height = right - left, bottom - top
    if width < 1 or height < 1:
        raise bad_value("text", text, "one or more visible characters")
    page = Image.new("L", (width, height))
    ImageDraw.Draw(page).text((-left, -top), text, fill=255, font=font)
    rows, columns = np.nonzero(np.asarray(page) > 127)
    if len(rows) == 0:
        raise bad_value("text", text, "one or more visible characters")
    # Z-order: the bits of both coordinates in turn.
    key = np.zeros(len(rows), dtype=np.int64)
    for bit in range(12):
        key |= ((columns >> bit & 1) << 2 * bit) | ((rows >> bit & 1) << 2 * bit + 1)
    order = np.argsort(key)
    return np.stack([columns, -rows], axis=1)[order].astype(np.float64)


def _writing(text: str) -> Callable[[np.ndarray], np.ndarray]:
    pixels = _ink(text)
    return lambda u: pixels[np.minimum((u * len(pixels)).astype(int), len(pixels) - 1)]


_CURVES: dict[str, Callable[[np.ndarray], np.ndarray]] = {"moons": _moons, "spiral": _spiral, "rings": _rings}
TOYS = (*_CURVES, "letters")
