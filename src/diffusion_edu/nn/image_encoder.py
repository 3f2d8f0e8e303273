"""A small convolutional network that makes features of images: a part of CLIP and of the classifier."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from .._arguments import checked, tensor, widths
from .._errors import bad_value
from ._base import in_type_of, norm
from .blocks import Residual


@checked(channels=widths)
class ImageEncoder(nn.Module):
    """A small convolutional network: levels of half the size each, residual blocks, and the mean over positions.

    Args:
        in_channels: channels of the images.
        channels: C of each level; each level halves height and width. The last is the number of features.
        blocks: residual blocks a level.

    Raises:
        ValueError: a number is out of its range.
    """

    def __init__(self, in_channels: int, channels: Sequence[int], blocks: int = 1) -> None:
        super().__init__()
        if in_channels < 1 or blocks < 1:
            raise ValueError(f"in_channels and blocks must be at least 1, got {in_channels} and {blocks}")
        if not channels or min(channels) < 1:
            raise bad_value("channels", channels, "one positive number a level")
        layers: list[nn.Module] = []
        widths = (in_channels, *channels)
        for before, after in pairwise(widths):
            layers.append(nn.Conv2d(before, after, 4, stride=2, padding=1))
            layers += [Residual(after) for _ in range(blocks)]
        self.levels = nn.Sequential(*layers)
        self.norm = norm(widths[-1])

    @checked(fits="x0", x0=tensor("(B, C, H, W)", False))
    def forward(self, x0: Tensor) -> Tensor:
        """(B, C, H, W) images in [-1, 1] -> (B, channels[-1])."""
        return F.silu(self.norm(self.levels(in_type_of(self.levels, x0)))).mean((2, 3))
