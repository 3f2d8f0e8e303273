"""The only place that maps pixels 0..255 to the interval [-1, 1] that the networks see, and back."""

from __future__ import annotations

import contextlib
import io
import math
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from .._arguments import checked, count, number_tensor, of_any_shape, tensors
from .._errors import bad_value
from ..disk import write_bytes

MAX_VALUES = 1_000_000_000  # of a picture that is written: one byte each, and as much again while it is encoded
_LONGEST = {"JPEG": 65_500, "GIF": 65_535, "WEBP": 16_383}  # sides


@checked(pixels=of_any_shape)
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


@checked(x=number_tensor)
def to_pixels(x: Tensor) -> Tensor:
    """Numbers in [-1, 1] become pixels 0..255: the inverse of :func:`to_x0`, rounded to the nearest pixel.

    Values outside are clamped to the ends. The range is fixed, never stretched to one image's own extremes:
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


@checked(x=tensors.images, padding=count(0))
def grid(x: Tensor, columns: int | None = None, padding: int = 2) -> Tensor:
    """Lay a batch of images out in rows, with white lines between them.

    Args:
        x: (B, C, H, W) uint8 pixels, or floats in [-1, 1].
        columns: images per row; default: as square as it gets.
        padding: width of the lines in pixels.

    Returns:
        (C, H', W') uint8 pixels.

    Raises:
        ValueError: x is not a batch of images, columns < 1 or padding < 0.
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


@checked(pixels=tensors.images)
def to_image(pixels: Tensor) -> Image.Image:
    """One image as a Pillow image.

    Args:
        pixels: (C, H, W) uint8, or floats in [-1, 1]; C is 1 (gray) or 3 (RGB).

    Raises:
        ValueError: another shape.
    """
    if pixels.ndim != 3 or pixels.shape[0] not in (1, 3):
        raise bad_value("pixels", tuple(pixels.shape), "one image (C, H, W) with 1 or 3 channels")
    if pixels.dtype != torch.uint8:
        pixels = to_pixels(pixels)
    array = pixels.permute(1, 2, 0).contiguous().cpu().numpy()
    return Image.fromarray(array[..., 0] if array.shape[2] == 1 else array)


def format_of(path: str | Path, argument: str = "path") -> str:
    """The format that the ending of a file stands for, in Pillow's words.

    Args:
        path: the file.
        argument: what the message calls it.

    Raises:
        ValueError: it ends in no format that images can be written in.
    """
    name = Image.registered_extensions().get(Path(path).suffix.lower())
    if name is not None and name in Image.SAVE:
        with contextlib.suppress(OSError, ValueError, KeyError):  # some take two colors, or no color
            for mode in ("L", "RGB"):
                Image.new(mode, (16, 16)).save(io.BytesIO(), format=name)
            return name
    raise bad_value(argument, str(path), "a file name with the ending of an image format, such as .png")


def check_grid(
    path: str | Path,
    shape: tuple[int, ...],
    columns: int | None = None,
    padding: int = 2,
    scale: int = 1,
    argument: str = "scale",
) -> None:
    """Raise unless :func:`save_grid` can write a batch of this shape: what can be known before there is a batch.

    Args:
        path, columns, padding, scale: as there.
        shape: (B, C, H, W).
        argument: what the message calls the scale.

    Raises:
        ValueError: as there.
    """
    if columns is not None and columns < 1:
        raise bad_value("columns", columns, "at least 1")
    if scale < 1:
        raise bad_value(argument, scale, "at least 1")
    count, channels, height, width = shape
    across = min(columns or math.ceil(math.sqrt(count)), count)
    down = math.ceil(count / max(1, across))
    sides = (down * (height + padding) - padding, across * (width + padding) - padding)
    name = format_of(path)
    longest = _LONGEST.get(name, 2**31 - 1)
    fits = min(longest // max(1, *sides), math.isqrt(MAX_VALUES // max(1, channels * sides[0] * sides[1])))
    if scale > fits:
        size = f"{sides[1]} x {sides[0]} pixels"
        if fits < 1:
            raise bad_value("path", str(path), f"of a format that holds {size}, which are too many for {name}")
        raise bad_value(argument, scale, f"at most {fits} for {size} as {name}")


@checked(x=tensors.images, padding=count(0))
def save_grid(path: str | Path, x: Tensor, columns: int | None = None, padding: int = 2, scale: int = 1) -> Path:
    """Write a batch of images as one image file.

    Args:
        path: the file; its ending says the format (.png keeps every pixel). Its folder is made.
        x: (B, C, H, W) uint8 pixels, or floats in [-1, 1].
        columns, padding: as for :func:`grid`.
        scale: every pixel becomes a square of this side, so that small images can be seen.

    Returns:
        The path.

    Raises:
        ValueError: an ending that is no image format, an image that is too large for it, or as :func:`grid`.
        OSError: the file cannot be written; an old one of that name stays as it was, and no half file is left.
    """
    path = Path(path).expanduser()
    format_name = format_of(path)
    if x.ndim == 4:
        check_grid(path, tuple(x.shape), columns, padding, scale)
    sheet = grid(x, columns, padding)
    sheet = sheet.repeat_interleave(scale, 1).repeat_interleave(scale, 2)
    encoded = io.BytesIO()
    to_image(sheet).save(encoded, format=format_name)
    write_bytes(path, encoded.getvalue())
    return path
