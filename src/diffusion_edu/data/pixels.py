"""The only place that maps pixels 0..255 to the interval [-1, 1] that the networks see, and back."""

from __future__ import annotations

import io
import math
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from .._errors import bad_value


def to_x0(pixels: Tensor) -> Tensor:
    """Pixels 0..255 become numbers in [-1, 1]: x_0 = pixels / 127.5 - 1.

    Args:
        pixels: uint8 tensor of any shape.

    Returns:
        float32 tensor of that shape, on the same device.

    Raises:
        TypeError: pixels are not uint8.
    """
    if pixels.dtype != torch.uint8:
        raise TypeError(f"pixels must be uint8, got {pixels.dtype}")
    return pixels.float() / 127.5 - 1


def to_pixels(x: Tensor) -> Tensor:
    """Numbers in [-1, 1] become pixels 0..255: the inverse of :func:`to_x0`, rounded to the nearest pixel.

    Values outside are clamped to the ends. The range is fixed, never stretched to one picture's own extremes:
    a sample that is too dark must look too dark.

    Args:
        x: float tensor of any shape.

    Returns:
        uint8 tensor of that shape.

    Raises:
        TypeError: x is not floating point.
        ValueError: x holds a NaN, which no pixel can show.
    """
    if not x.is_floating_point():
        raise TypeError(f"x must be floating point in [-1, 1], got {x.dtype}")
    x = x.detach().float()
    if torch.isnan(x).any():
        raise ValueError("x must be finite, got a tensor with NaN")
    return ((x.clamp(-1, 1) + 1) / 2 * 255).round().to(torch.uint8)


def grid(x: Tensor, columns: int | None = None, padding: int = 2) -> Tensor:
    """Lay a batch of pictures out in rows, with white lines between them.

    Args:
        x: (B, C, H, W) uint8 pixels, or floats in [-1, 1].
        columns: pictures a row; default: as square as it gets.
        padding: width of the lines in pixels.

    Returns:
        (C, H', W') uint8 pixels.

    Raises:
        ValueError: x is not a batch of pictures, columns < 1 or padding < 0.
    """
    if x.ndim != 4 or len(x) == 0:
        raise bad_value("x", tuple(x.shape), "a batch (B, C, H, W) with B >= 1")
    if columns is None:
        columns = math.ceil(math.sqrt(len(x)))
    if columns < 1:
        raise bad_value("columns", columns, "at least 1")
    if padding < 0:
        raise bad_value("padding", padding, "at least 0")
    pixels = (x if x.dtype == torch.uint8 else to_pixels(x)).cpu()
    count, channels, height, width = pixels.shape
    columns = min(columns, count)
    rows = math.ceil(count / columns)
    down, right = height + padding, width + padding
    sheet = torch.full((channels, rows * down - padding, columns * right - padding), 255, dtype=torch.uint8)
    for index, picture in enumerate(pixels):
        top, left = index // columns * down, index % columns * right
        sheet[:, top : top + height, left : left + width] = picture
    return sheet


def to_image(pixels: Tensor) -> Image.Image:
    """One picture as a Pillow image.

    Args:
        pixels: (C, H, W) uint8, or floats in [-1, 1]; C is 1 (grey) or 3 (RGB).

    Raises:
        ValueError: another shape.
    """
    if pixels.ndim != 3 or pixels.shape[0] not in (1, 3):
        raise bad_value("pixels", tuple(pixels.shape), "one picture (C, H, W) with 1 or 3 channels")
    if pixels.dtype != torch.uint8:
        pixels = to_pixels(pixels)
    array = pixels.permute(1, 2, 0).contiguous().cpu().numpy()
    return Image.fromarray(array[..., 0] if array.shape[2] == 1 else array)


def save_grid(path: str | Path, x: Tensor, columns: int | None = None, padding: int = 2, scale: int = 1) -> Path:
    """Write a batch of pictures as one picture file.

    Args:
        path: the file; its ending says the format (.png keeps every pixel). Its folder is made.
        x: (B, C, H, W) uint8 pixels, or floats in [-1, 1].
        columns, padding: as for :func:`grid`.
        scale: every pixel becomes a square of this side, so that small pictures can be seen.

    Returns:
        The path.

    Raises:
        ValueError: an ending that is no picture format, or as :func:`grid`.
        OSError: the file cannot be written; no half file stays.
    """
    if scale < 1:
        raise bad_value("scale", scale, "at least 1")
    path = Path(path)
    formats = Image.registered_extensions()
    kind = formats.get(path.suffix.lower())
    if kind is None or kind not in Image.SAVE:
        raise bad_value("path", str(path), "a file name with a picture ending such as .png")
    sheet = grid(x, columns, padding)
    sheet = sheet.repeat_interleave(scale, 1).repeat_interleave(scale, 2)
    encoded = io.BytesIO()
    to_image(sheet).save(encoded, format=kind)
    path.parent.mkdir(parents=True, exist_ok=True)
    existed = path.exists()
    try:
        path.write_bytes(encoded.getvalue())
    except OSError:
        if not existed:
            path.unlink(missing_ok=True)
        raise
    return path
