"""Small pieces that every block uses: the normalization, a layer that starts at zero, a weight from a normal law."""

from __future__ import annotations

from typing import TypeVar

from torch import Tensor, nn

Layer = TypeVar("Layer", bound=nn.Conv2d | nn.ConvTranspose2d | nn.Linear)


def norm(channels: int) -> nn.GroupNorm:
    """Group normalization with up to 32 groups of at least 4 channels: the largest number that divides."""
    groups = min(32, max(channels // 4, 1))
    while channels % groups:
        groups -= 1
    # 1e-6 is the constant of the original DDPM weights.
    return nn.GroupNorm(groups, channels, eps=1e-6)


def in_type_of(module: nn.Module, x: Tensor) -> Tensor:
    """A tensor in the type of a module's weights: half() and double() change those, and not what is given to it."""
    dtype = next(module.parameters()).dtype
    return x if x.dtype == dtype else x.to(dtype)


def zeroed(layer: Layer) -> Layer:
    """The layer with weights and bias at zero, so that its branch starts as the identity."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def normal_(weight: Tensor, std: float) -> None:
    """Fill a weight from N(0, std^2). On the meta device there is nothing to fill, and trying imports the compiler."""
    if not weight.is_meta:
        nn.init.normal_(weight, std=std)
