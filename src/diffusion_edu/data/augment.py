"""Images changed at random while a network learns from them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from ..randomness import Draw


def shifted(x0: Tensor, most: int, draw: Draw, fill: float = 1.0) -> Tensor:
    """Each image moved by a random number of pixels, at most `most` up, down, left and right.

    Args:
        x0: (B, C, H, W) in [-1, 1].
        most: at least 0.
        draw: the random numbers of the step.
        fill: what comes in at the edges: 1 is white, -1 black.

    Returns:
        (B, C, H, W).
    """
    b, c, height, width = x0.shape
    down, right = (draw.integers(0, 2 * most + 1, 1) for _ in range(2))  # (B, 1) each
    rows = down + torch.arange(height, device=x0.device)  # (B, H)
    columns = right + torch.arange(width, device=x0.device)  # (B, W)
    which, channel = torch.arange(b, device=x0.device), torch.arange(c, device=x0.device)
    padded = F.pad(x0, (most, most, most, most), value=fill)
    return padded[which[:, None, None, None], channel[:, None, None], rows[:, None, :, None], columns[:, None, None]]
