"""The form in which every data set comes: pixels, labels, names."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class ImageData(NamedTuple):
    """A data set in memory.

    Args:
        pixels: (N, C, H, W) uint8.
        labels: (N,) int64, indices into `classes`.
        classes: the names.
        skipped: files that could not be read, each with the reason (only when asked to skip them).
    """

    pixels: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    skipped: tuple[str, ...] = ()
