"""Look inside a network while it runs: the feature maps of its parts, and where its attention looks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from .._arguments import checked, inside, module, tensor
from ..cond import Cond
from .attention import CrossAttention, SelfAttention
from .trace import top_parts


@checked(model=module)
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
    outputs: dict[str, Tensor] = {}
    with _watched(model) as handles:
        for name, part in top_parts(model).items():

            def keep(module: nn.Module, args: tuple[Any, ...], out: Tensor, name: str = name) -> None:
                outputs[name] = out.clone()

            handles.append(part.register_forward_hook(keep))
        model(x_t, t, cond)
    return outputs


@checked(model=module)
@torch.no_grad()
def attention_maps(model: nn.Module, x_t: Tensor, t: Tensor, cond: Cond | None = None) -> dict[str, Tensor]:
    """How much each position of an image attends to each other, in each self-attention of a U-Net.

    Args:
        model, x_t, t, cond: as for :func:`features`.

    Returns:
        name of the layer -> (B, heads, H W, H W): entry [b, h, i, j] is how much position i takes from position j.
        The positions are counted row by row, and each row of the map adds up to 1.
    """
    weights: dict[str, Tensor] = {}
    with _watched(model) as handles:
        for name, layer in model.named_modules():
            if not isinstance(layer, SelfAttention):
                continue

            def keep(module: SelfAttention, args: tuple[Any, ...], out: Tensor, name: str = name) -> None:
                weights[name] = inside(attention_weights)(module, args[0])

            handles.append(layer.register_forward_hook(keep))
        model(x_t, t, cond)
    return weights


@checked(fits="x", x=tensor("(B, C, H, W)", True))
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


@checked(model=module)
@torch.no_grad()
def cross_attention_maps(model: nn.Module, x_t: Tensor, t: Tensor, cond: Cond) -> dict[str, Tensor]:
    """How much each position of an image attends to each word, in each cross-attention of a U-Net.

    Args:
        model, x_t, t: as for :func:`features`.
        cond: the condition; it must have tokens.

    Returns:
        name of the layer -> (B, heads, H W, 1 + L): entry [b, h, i, 0] is how much position i takes from the learned
        token that says nothing, entry [b, h, i, 1 + l] from token l. Each row adds up to 1, and masked tokens get 0.

    Raises:
        ValueError: the condition has no tokens.
    """
    if cond.tokens is None:
        raise ValueError("cond must have tokens: without any there is no cross-attention, got tokens=None")
    weights: dict[str, Tensor] = {}
    with _watched(model) as handles:
        for name, layer in model.named_modules():
            if not isinstance(layer, CrossAttention):
                continue

            def keep(module: CrossAttention, args: tuple[Any, ...], out: Tensor, name: str = name) -> None:
                weights[name] = inside(cross_attention_weights)(module, *args)

            handles.append(layer.register_forward_hook(keep))
        model(x_t, t, cond)
    return weights


@checked(fits="x tokens mask", x=tensor("(B, C, H, W)", True), tokens=tensor("(B, L, D)", True))
def cross_attention_weights(layer: CrossAttention, x: Tensor, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
    r"""softmax(Q K^T / sqrt(d)) of a cross-attention: queries from the positions, keys from the tokens.

    Args:
        layer: the attention.
        x: (B, C, H, W), tokens: (B, L, D), mask: (B, L) bool: its inputs.

    Returns:
        (B, heads, H W, 1 + L); the last axis adds up to 1.

    Equation: eq-cross-attention (Rombach et al. 2022, section 3.3).
    Checked by: tests/nn/test_inspect.py::test_cross_weights_are_those_inside_the_fused_attention.
    """
    q, k, _ = layer.projected(x, tokens)
    score = q @ k.mT * q.shape[-1] ** -0.5  # (B, heads, H W, 1 + L)
    seen = layer.seen(mask)
    if seen is not None:
        score = score.masked_fill(~seen, -torch.inf)
    return score.softmax(dim=-1)


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
