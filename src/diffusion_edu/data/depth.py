"""Images of 16 and 32 bits a value: which number is white is said by the type of the file, never by the image."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .._errors import DataError

_BITS, _SAMPLE_FORMAT, _UNSIGNED = 258, 339, 1  # of TIFF
_ROWS = 256  # that are worked on at once
# Formats whose 32-bit integers are how Pillow hands out 16 bits.
_SIXTEEN = ("JPEG2000", "PNG", "PPM")


def is_deep(image: Image.Image) -> bool:
    """True for images of one number a pixel with more than 8 bits."""
    return image.mode.startswith("I") or image.mode == "F"


def white_of(image: Image.Image) -> float:
    """The number that is white, from the file's type alone.

    The largest integer that the file's type can hold; 1 for floating point. (Pillow's own conversion clips at 255.)

    Args:
        image: as it was opened.
    """
    if image.mode == "F":
        return 1.0
    if image.format == "TIFF":
        bits = int(_tag(image, _BITS, 16 if image.mode.startswith("I;16") else 32))
        return float(2 ** (bits if _is_unsigned(image) else bits - 1) - 1)
    return 65535.0 if image.mode != "I" or image.format in _SIXTEEN else float(2**31 - 1)


def numbers_of(image: Image.Image) -> NDArray[Any]:
    """(H, W) the numbers in a file; Pillow has no type for unsigned integers of 32 bits, and hands out signed ones."""
    values = np.asarray(image)
    wrapped = image.format == "TIFF" and image.mode == "I" and _is_unsigned(image)
    return values.view(np.uint32) if wrapped else values


def eight_bits(values: NDArray[Any], white: float) -> tuple[Image.Image, str]:
    """Numbers from 0 (black) to `white` as an image of 8 bits.

    Returns:
        The image, and what was clipped, in words; "" where nothing was.

    Raises:
        DataError: a value is infinite or not a number.
    """
    pixels = np.zeros(values.shape, np.uint8)
    wrong, outside, top = 0, 0, 0.0
    for first in range(0, len(values), _ROWS):  # a large image in float64 would take eight times its memory
        part = values[first : first + _ROWS].astype(np.float64)
        wrong += int((~np.isfinite(part)).sum())
        if not wrong:
            outside += int(((part < 0) | (part > white)).sum())
            top = max(top, part.max(initial=0))
            pixels[first : first + _ROWS] = (part / white * 255).round().clip(0, 255)
    if wrong:
        raise DataError(f"{wrong:,} of {values.size:,} values are infinite or not a number")
    said = [f"{outside:,} of {values.size:,} values outside 0..{white:.12g} clipped"] if outside else []
    if not pixels.any() and top > 0:
        said.append(f"all black, as white is {white:.12g}")
    return Image.fromarray(pixels), " and ".join(said)


def _is_unsigned(image: Image.Image) -> bool:
    return int(_tag(image, _SAMPLE_FORMAT, _UNSIGNED)) == _UNSIGNED


def _tag(image: Image.Image, number: int, default: int) -> int:
    """A number of a TIFF file's header; files may leave it out."""
    value = getattr(image, "tag_v2", {}).get(number, default)
    return value[0] if isinstance(value, tuple) else value
