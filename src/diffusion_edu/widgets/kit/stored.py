"""Images that travel with a page: tiles of one size in one sheet, in as few bytes as are asked for."""

from __future__ import annotations

import base64
import io
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from ...data import to_pixels

COLUMNS = 16


def sheet_image(pixels: Tensor, columns: int) -> Image.Image:
    """Images (N, 3, S, S) uint8 in rows of `columns`, what is left over white."""
    count, channels, side, _ = pixels.shape
    rows = -(-count // columns)
    filled = torch.full((rows * columns, channels, side, side), 255, dtype=torch.uint8)
    filled[:count] = pixels
    grid = filled.reshape(rows, columns, channels, side, side).permute(0, 3, 1, 4, 2)
    return Image.fromarray(grid.reshape(rows * side, columns * side, channels).numpy())


def leveled(images: Tensor, step: int = 4) -> Tensor:
    """(N, C, H, W) in [-1, 1] -> uint8, each value the nearest multiple of `step`, and 255 for white.

    Noise that nobody sees costs bytes: with a step of 4 about half of them.
    """
    return ((to_pixels(images).int() + step // 2) // step * step).clamp(max=255).to(torch.uint8)


def webp(image: Image.Image, quality: int | None = None) -> str:
    """A data URL: without loss, or with loss at a quality of 0..100."""
    buffer = io.BytesIO()
    options: dict[str, Any] = {"lossless": True, "quality": 100} if quality is None else {"quality": quality}
    image.save(buffer, "WEBP", method=4, **options)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def stored_sheet(pixels: Tensor, quality: int | None = None) -> dict[str, Any]:
    """What `sheetOf` of kit/sheet.mjs takes: the sheet, the side of a tile, and how many stand in a row."""
    columns = min(COLUMNS, len(pixels))
    return {"sheet": webp(sheet_image(pixels, columns), quality), "side": pixels.shape[-1], "columns": columns}
