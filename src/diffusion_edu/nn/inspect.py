"""Look inside a network while it runs: the feature maps of its parts, and where its attention looks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ..cond import Cond
from .attention import SelfAttention
from .trace import top_parts


@torch.no_grad()
def features(model: nn.Module, x_t: Tensor, t: Tensor, cond: Cond | None = None) -> dict[str, Tensor]:
    """What each part of a U-Net puts out, by the names and in the order of its trace.

    Args:
        model: a U-Net; it is run once, in evaluation mode, and left as it was.
        x_t: (B, C, H, W).
        t: (B,) integer steps.
        cond: the condition, for a conditional network.

    Returns:
        name -> (B, C, H, W), or (B, D) for the embeddings.
    """
    found: dict[str, Tensor] = {}
    with _watched(model) as handles:
        for name, part in top_parts(model).items():

            def keep(module: nn.Module, args: tuple, out: Tensor, name: str = name) -> None:
                found[name] = out.clone()

            handles.append(part.register_forward_hook(keep))
        model(x_t, t, cond)
    return found


@torch.no_grad()
def attention_maps(model: nn.Module, x_t: Tensor, t: Tensor, cond: Cond | None = None) -> dict[str, Tensor]:
    """Where each position of a picture looks, in each self-attention of a U-Net.

    Args:
        model, x_t, t, cond: as for :func:`features`.

    Returns:
        name of the layer -> (B, heads, H W, H W): entry [b, h, i, j] is how much position i takes from position j.
        The positions are counted row by row, and each row of the map adds up to 1.
    """
    found: dict[str, Tensor] = {}
    with _watched(model) as handles:
        for name, layer in model.named_modules():
            if not isinstance(layer, SelfAttention):
                continue

            def keep(module: SelfAttention, args: tuple, out: Tensor, name: str = name) -> None:
                found[name] = attention_weights(module, args[0])

            handles.append(layer.register_forward_hook(keep))
        model(x_t, t, cond)
    return found


def attention_weights(layer: SelfAttention, x: Tensor) -> Tensor:
    """softmax(Q K^T / sqrt(d)) of a self-attention: the fused operation that the layer runs never gives it out.

    Args:
        layer: the attention.
        x: (B, C, H, W) its input.

    Returns:
        (B, heads, H W, H W); the last axis adds up to 1.

    Equation: eq-attention (Vaswani et al. 2017, eq. 1).
    Checked by: tests/nn/test_inspect.py::test_weights_are_those_inside_the_fused_attention.
    """
    q, k, _ = layer.tokens(x)
    return (q @ k.mT * q.shape[-1] ** -0.5).softmax(dim=-1)


@contextmanager
def _watched(model: nn.Module) -> Iterator[list[Any]]:
    """The model in evaluation mode; afterwards its mode is restored and the hooks in the list are gone."""
    training = model.training
    handles: list[Any] = []
    model.eval()
    try:
        yield handles
    finally:
        for handle in handles:
            handle.remove()
        model.train(training)
