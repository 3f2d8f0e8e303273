"""What a network does to shapes, and what it costs: one row a part, read off a run without arithmetic."""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import Tensor, nn

from .attention import CrossAttention, SelfAttention
from .blocks import Attend, DownBlock, DownSample, ResBlock, UpBlock, UpSample
from .embeddings import TimeEmbedding, VectorEmbedding

_PARTS = (DownBlock, UpBlock, ResBlock, Attend, DownSample, UpSample, TimeEmbedding, VectorEmbedding)


class TraceRow(NamedTuple):
    """One part of a network: its name and kind, shapes without the batch, parameters, and FLOPs for one sample.

    A multiplication and an addition count as two FLOPs; normalisations and activations are left out (under 1%).
    `skip` names the encoder part whose output is concatenated here, or is None.
    """

    name: str
    kind: str
    in_shape: tuple[int, ...]
    out_shape: tuple[int, ...]
    parameters: int
    flops: int
    skip: str | None = None


def trace_modules(model: nn.Module, *inputs: Any) -> list[TraceRow]:
    """Run `model` once and list its parts in the order of the run.

    Args:
        model: a U-Net or a part of one; on the meta device nothing is computed.
        inputs: what the model is called with, for a batch of one.
    """
    tops = _top_parts(model)
    flops = dict.fromkeys(tops, 0)
    rows: list[TraceRow] = []
    encoder: list[str] = []
    handles = []

    for top, part in tops.items():
        for leaf in part.modules():

            def count(module: nn.Module, args: tuple, out: Tensor, top: str = top) -> None:
                flops[top] += _flops(module, args, out)

            handles.append(leaf.register_forward_hook(count))

        def record(module: nn.Module, args: tuple, out: Tensor, top: str = top) -> None:
            if top == "conv_in" or top.startswith("down."):
                encoder.append(top)
            skip = encoder.pop() if isinstance(module, UpBlock) else None
            kind = {"Conv2d": "Conv"}.get(type(module).__name__, type(module).__name__)
            shapes = tuple(args[0].shape[1:]), tuple(out.shape[1:])
            rows.append(TraceRow(top, kind, *shapes, sum(p.numel() for p in module.parameters()), flops[top], skip))

        handles.append(part.register_forward_hook(record))
    try:
        model(*inputs)
    finally:
        for handle in handles:
            handle.remove()
    return rows


def _top_parts(model: nn.Module) -> dict[str, nn.Module]:
    """The parts that make a row: known blocks, and whatever layer stands outside of them."""
    parts: dict[str, nn.Module] = {}
    for name, module in model.named_modules():
        inside = any(name.startswith(f"{top}.") for top in parts)
        known = isinstance(module, _PARTS) or not list(module.children())
        if name and not inside and known:
            parts[name] = module
    return parts


def _flops(module: nn.Module, args: tuple, out: Tensor) -> int:
    """FLOPs of one layer for one sample; 0 for a module that only holds others."""
    if isinstance(module, nn.ConvTranspose2d):
        kernel = module.kernel_size[0] * module.kernel_size[1]
        return 2 * args[0][0].numel() * module.out_channels // module.groups * kernel
    if isinstance(module, nn.Conv2d):
        kernel = module.kernel_size[0] * module.kernel_size[1]
        return 2 * out[0].numel() * module.in_channels // module.groups * kernel
    if isinstance(module, nn.Linear):
        return 2 * out[0].numel() * module.in_features
    if isinstance(module, SelfAttention | CrossAttention):
        channels, positions = out.shape[1], out.shape[2] * out.shape[3]
        keys = positions if isinstance(module, SelfAttention) else args[1].shape[1] + 1
        return 2 * 2 * positions * keys * channels  # Q K^T, and its product with V
    return 0
