"""Two small pieces that every block uses: the normalisation, and a layer that starts at zero."""

from __future__ import annotations

from typing import TypeVar

from torch import nn

Layer = TypeVar("Layer", nn.Conv2d, nn.Linear)


def norm(channels: int) -> nn.GroupNorm:
    """Group normalisation with up to 32 groups of at least 4 channels: the largest number that divides."""
    groups = min(32, max(channels // 4, 1))
    while channels % groups:
        groups -= 1
    # 1e-6 is the constant of the original DDPM weights.
    return nn.GroupNorm(groups, channels, eps=1e-6)


def zeroed(layer: Layer) -> Layer:
    """The layer with weights and bias at zero, so that its branch starts as the identity."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
