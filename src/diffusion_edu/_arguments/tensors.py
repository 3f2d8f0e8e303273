"""Tensors, checked; their numbers are looked at on the CPU alone, since looking at them would make a GPU wait."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from .._errors import WrongType, bad_type, bad_value, shown

MOST_PIXEL = 1.5  # of an image that is meant to lie in [-1, 1]


def floats(name: str, value: Any, finite: bool = True, shape: str = "(B, ...)") -> Tensor:
    """A tensor of real floating-point numbers, finite where that can be seen without a wait for a GPU.

    Args:
        name, value: of the argument.
        finite: whether to look for NaN and infinity.
        shape: its dimensions in words; their number counts.

    Raises:
        TypeError: no tensor, or of another type.
        ValueError: another number of dimensions, NaN or infinity.
    """
    if not isinstance(value, Tensor):
        raise bad_type(name, value, f"a floating-point tensor {shape}")
    if not value.is_floating_point():
        advice = "; see diffusion_edu.data.to_x0" if value.dtype == torch.uint8 else ""
        raise WrongType(f"{name} must be floating point, got {shown(value)}{advice}")
    _check_rank(name, value, shape)
    if finite and not is_finite(value):
        raise ValueError(f"{name} must be finite, got {shown(value)} with NaN or infinity")
    return value


def _check_rank(name: str, value: Tensor, shape: str) -> None:
    """Raise unless a tensor has as many dimensions as the words for its shape, or more where they end in dots."""
    if not shape.startswith("("):
        return
    words = [word for word in shape.strip("()").split(",") if word.strip()]
    open_end = words[-1].strip() == "..."
    if value.ndim < len(words) - open_end or (value.ndim > len(words) and not open_end):
        raise ValueError(f"{name} must have shape {shape}, got {tuple(value.shape)}")


def is_finite(value: Tensor) -> bool:
    """False for a tensor in the CPU's memory with NaN or infinity; elsewhere nobody looks, since a GPU would stall."""
    if value.device.type != "cpu" or not _readable(value):
        return True
    with torch.no_grad():
        # One pass without a temporary; only a sum that is not finite needs the exact look (it may have overflowed).
        return math.isfinite(value.sum(dtype=torch.float32 if value.element_size() < 4 else None).item()) or bool(
            value.isfinite().all()
        )


def _readable(value: Tensor) -> bool:
    """Whether a tensor has numbers that may be looked at: not while a graph is made of it, nor for its shape alone."""
    return type(value) in (Tensor, torch.nn.Parameter) and not torch._C._functorch.is_functorch_wrapped_tensor(value)


def whole(name: str, value: Any, low: int | None = None, high: int | None = None, shape: str = "(B,)") -> Tensor:
    """A tensor of integers, in low..high where that can be seen without a wait for a GPU.

    Raises:
        TypeError: no tensor, or of another type.
        ValueError: an entry out of range.
    """
    if not isinstance(value, Tensor):
        raise bad_type(name, value, f"an integer tensor {shape}")
    if value.is_floating_point() or value.is_complex() or value.dtype == torch.bool:
        raise bad_type(name, value, f"an integer tensor {shape}")
    _check_rank(name, value, shape)
    if (low is not None or high is not None) and value.device.type == "cpu" and value.numel() and _readable(value):
        least, most = int(value.min()), int(value.max())
        if (low is not None and least < low) or (high is not None and most > high):
            wrong = least if low is not None and least < low else most
            allowed = f"at least {low}" if high is None else f"in {0 if low is None else low}..{high}"
            raise bad_value(name, wrong, allowed)
    return value


def bools(name: str, value: Any, shape: str = "(B,)") -> Tensor:
    """A tensor of truth values.

    Raises:
        TypeError: something else.
    """
    if not isinstance(value, Tensor) or value.dtype != torch.bool:
        raise bad_type(name, value, f"a bool tensor {shape}")
    _check_rank(name, value, shape)
    return value


def images(name: str, value: Any) -> Tensor:
    """Images as pixels 0..255 (uint8), or as floats in [-1, 1].

    Raises:
        TypeError: no tensor, or of another type.
        ValueError: NaN or infinity.
    """
    if not isinstance(value, Tensor) or not (value.dtype == torch.uint8 or value.is_floating_point()):
        raise bad_type(name, value, "images, uint8 or floats in [-1, 1]")
    return value if value.dtype == torch.uint8 else floats(name, value, shape="of any shape")


def images_inside(name: str, value: Any) -> Tensor:
    """As :func:`images`, where floats far outside of [-1, 1], such as 0..255, are a mistake.

    Raises:
        TypeError, ValueError: as there; values beyond 1.5, since a little more than 1 is what a resize leaves.
    """
    value = images(name, value)
    if value.is_floating_point() and value.device.type == "cpu" and _readable(value) and value.numel():
        most = float(value.detach().abs().max())
        if most > MOST_PIXEL:
            raise ValueError(f"{name} must be uint8 or floats in [-1, 1], got values up to {most:g}")
    return value


def pixels(name: str, value: Any, shape: str = "(N, C, H, W)") -> Tensor:
    """Pixels 0..255, uint8.

    Raises:
        TypeError: something else.
    """
    if not isinstance(value, Tensor) or value.dtype != torch.uint8:
        raise WrongType(f"{name} must be uint8 {shape}, got {shown(value)}")
    _check_rank(name, value, shape)
    return value
