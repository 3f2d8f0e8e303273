"""What counts as a table of features: checked once, here, for all distances."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Rows = Tensor | NDArray
Array = NDArray[np.float64]


def check_rows(argument: str, rows: Rows, width: int | None = None, least: int = 0, like: str = "") -> None:
    """Raise unless `rows` is a finite table of numbers, one row for each image.

    Args:
        argument: its name, for the message.
        rows: (N, D) tensor on any device, or array.
        width: what D must be, if that is known.
        least: how many rows it must have.
        like: the argument that the width is taken from, for the message.

    Raises:
        TypeError: no tensor or array, or not floating point.
        ValueError: another shape or width, too few rows, NaN or infinite values.
    """
    if not isinstance(rows, Tensor | np.ndarray):
        raise TypeError(f"{argument} must be a tensor or an array (N, D), got {type(rows).__name__}")
    floating = rows.is_floating_point() if isinstance(rows, Tensor) else np.issubdtype(rows.dtype, np.floating)
    if not floating:
        raise TypeError(f"{argument} must be floating point, got {rows.dtype}")
    columns = "D >= 1" if width is None else f"D = {width}" + (f", as {like} has" if like else "")
    if rows.ndim != 2 or rows.shape[1] < 1 or (width is not None and rows.shape[1] != width):
        raise ValueError(f"{argument} must have shape (N, D) with {columns}, got {tuple(rows.shape)}")
    if len(rows) < least:
        raise ValueError(f"{argument} must have at least {least} rows, got {len(rows)}")
    if isinstance(rows, Tensor):
        bad = torch.nonzero(~torch.isfinite(rows).all(1)).flatten().tolist()
    else:
        bad = np.flatnonzero(~np.isfinite(rows).all(1)).tolist()
    if bad:
        raise ValueError(f"{argument} must be finite, got NaN or infinity in {len(bad)} row(s), first in row {bad[0]}")


def float64(rows: Rows) -> Array:
    """The rows as a float64 array in the CPU's memory, never shared with the caller's."""
    if isinstance(rows, Tensor):
        rows = rows.detach().cpu().double().numpy()
    return np.array(rows, dtype=np.float64)
