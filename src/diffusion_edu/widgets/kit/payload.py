"""What travels from Python into a page: pixels, noise and images as text, and the HTML around them."""

from __future__ import annotations

import base64
import html
import json
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from ..._errors import bad_value
from ...data.pixels import to_pixels
from .fallback import png_url

MAX_PICTURES = 24
MAX_SIZE = 64
SCHEDULES = {"linear": "linear", "scaled_linear": "scaled linear", "cosine": "cosine"}  # with their labels


def b64(array: np.ndarray) -> str:
    """The bytes of an array, little-endian, as base64."""
    little = array.dtype.newbyteorder("<") if array.dtype.itemsize > 1 else array.dtype
    return base64.b64encode(np.ascontiguousarray(array, dtype=little).tobytes()).decode("ascii")


def deflate(data: bytes) -> str:
    """Bytes compressed with zlib, as base64; the page unpacks them with ``DecompressionStream("deflate")``."""
    return base64.b64encode(zlib.compress(data, 9)).decode("ascii")


def to_uint8(images: Any, name: str = "images") -> np.ndarray:
    """Images as uint8 pixels (N, C, H, W), C 1 or 3, square, at most 64 pixels wide.

    Args:
        images: (N, C, H, W) or (C, H, W): uint8 pixels, or floating point in [-1, 1], as array or tensor.
        name: of the argument, for the message.

    Raises:
        TypeError: neither uint8 nor floating point.
        ValueError: another shape, nothing in it, not finite, or values outside [-1, 1].
    """
    array = images.detach().cpu().numpy() if isinstance(images, Tensor) else np.asarray(images)
    if array.ndim == 3:
        array = array[None]
    if array.ndim != 4 or array.shape[1] not in (1, 3) or array.shape[2] != array.shape[3]:
        raise ValueError(f"{name} must have shape (N, 1 or 3, size, size), got {array.shape}")
    if not 1 <= len(array) <= MAX_PICTURES or not 2 <= array.shape[2] <= MAX_SIZE:
        raise ValueError(f"{name} must be 1..{MAX_PICTURES} images of 2..{MAX_SIZE} pixels a side, got {array.shape}")
    if array.dtype == np.uint8:
        return array
    if not np.issubdtype(array.dtype, np.floating):
        raise TypeError(f"{name} must be uint8 pixels or floating point in [-1, 1], got {array.dtype}")
    if not np.isfinite(array).all() or np.abs(array).max() > 1.001:
        raise ValueError(f"{name} must lie in [-1, 1], got {array.min():.3g}..{array.max():.3g}")
    return ((array.astype(np.float64) + 1) * 127.5).round().clip(0, 255).astype(np.uint8)


def check_labels(labels: Sequence[str] | None, n: int) -> list[str]:
    """One name per image; "image 1", "image 2", ... when not given."""
    if labels is None:
        return [f"image {i + 1}" for i in range(n)]
    names = [str(label) for label in labels]
    if len(names) != n:
        raise ValueError(f"labels must hold one name per image, {n} in all, got {len(names)}")
    return names


def check_int(argument: str, value: Any, low: int, high: int) -> int:
    """`value` as an int in low..high, or a ValueError that says so."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not low <= value <= high:
        raise bad_value(argument, value, f"an integer in {low}..{high}")
    return int(value)


def package_noise(shape: Sequence[int], seed: int) -> Tensor:
    """(1, *shape) standard normal noise from a fresh ``torch.Generator`` on the CPU with this seed."""
    return torch.randn((1, *shape), generator=torch.Generator().manual_seed(seed))


def strip_png(rows: Sequence[Tensor], gap: int = 0) -> str:
    """A data URL of a PNG: images in [-1, 1], each row a tensor (n, C, H, W), side by side and one below another.

    Between any two lie `gap` gray pixels.
    """
    lines = []
    for row in rows:
        pixels = F.pad(to_pixels(row), (0, gap, 0, gap), value=128)
        lines.append(np.concatenate(list(pixels.numpy()), axis=2))
    sheet = np.concatenate(lines, axis=1)
    sheet = sheet[:, : sheet.shape[1] - gap, : sheet.shape[2] - gap]
    image = Image.fromarray(sheet[0] if sheet.shape[0] == 1 else sheet.transpose(1, 2, 0))
    return png_url(image)


def element_html(tag: str, data: dict[str, Any], picture: str, alt: str, heights: tuple[int, int]) -> str:
    """A custom element with its data as JSON and an image for readers without scripts.

    Args:
        tag: "x-t-explorer", ...
        data: JSON-ready.
        picture: a data URL.
        alt: what the image shows.
        heights: in pixels, on a wide and on a narrow page: kept free until the script has run, so that the text
            below does not jump.
    """
    # "<" inside a script element could end it; as an escape it is the same JSON.
    payload = json.dumps(data, separators=(",", ":"), ensure_ascii=True).replace("<", "\\u003c")
    wide, narrow = heights
    style = (
        f"{tag}:not(:defined){{display:block;margin:1rem 0;min-height:{wide}px}}"
        f"@media(max-width:600px){{{tag}:not(:defined){{min-height:{narrow}px}}}}"
        f"@media(scripting:none){{{tag}:not(:defined){{min-height:0}}}}"
    )
    return (
        f'<style>{style}</style><{tag}><script type="application/json">{payload}</script>'
        f'<img src="{picture}" alt="{html.escape(alt, quote=True)}" '
        f'style="display:block;width:100%;max-width:672px;image-rendering:pixelated"></{tag}>'
    )
