"""What a network does to shapes, and what it costs: one row a part, read off a run without arithmetic."""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import Tensor, nn

from .attention import CrossAttention, SelfAttention
from .blocks import Attend, DownBlock, DownSample, ResBlock, UpBlock, UpSample
from .embeddings import TimeEmbedding, VectorEmbedding

_PARTS = (DownBlock, UpBlock, ResBlock, Attend, DownSample, UpSample, TimeEmbedding, VectorEmbedding)
_ATTENTION = (SelfAttention, CrossAttention)


class TraceRow(NamedTuple):
    """One part of a network: its name and kind, shapes without the batch, parameters, and FLOPs for one sample.

    A multiplication and an addition count as two FLOPs; normalizations and activations are left out (under 1%).

    Args:
        skip: the encoder part whose output is concatenated here, or None.
        level: how often the image has been halved at this part's output, 0 at full size; None without positions.
        residual: what the part's shortcut does before the addition, "identity" or "1x1 convolution"; None where
            nothing is added.
        heads: attention heads, 0 without attention.
        parts: the layers inside, in the order of the run; their parameters and FLOPs add up to this row's.
    """

    name: str
    kind: str
    in_shape: tuple[int, ...]
    out_shape: tuple[int, ...]
    parameters: int
    flops: int
    skip: str | None = None
    level: int | None = None
    residual: str | None = None
    heads: int = 0
    parts: tuple[TraceRow, ...] = ()


def trace_modules(model: nn.Module, *inputs: Any) -> list[TraceRow]:
    """Run `model` once and list its parts in the order of the run.

    Args:
        model: a U-Net or a part of one; on the meta device nothing is computed.
        inputs: what the model is called with, for a batch of one; the first is the image.
    """
    inside: dict[str, list[TraceRow]] = {}
    rows: list[TraceRow] = []
    encoder: list[str] = []
    handles = []

    for top, part in top_parts(model).items():
        inside[top] = []
        for name, layer in part.named_modules():

            def look(module: nn.Module, args: tuple[Any, ...], out: Tensor, top: str = top, name: str = name) -> None:
                _add_layer(inside[top], name, module, args, out)

            handles.append(layer.register_forward_hook(look))

        def record(module: nn.Module, args: tuple[Any, ...], out: Tensor, top: str = top) -> None:
            if top == "conv_in" or top.startswith("down."):
                encoder.append(top)
            row = _row(top, module, args, out)
            rows.append(
                row._replace(
                    parameters=sum(p.numel() for p in module.parameters()),
                    flops=sum(layer.flops for layer in inside[top]),
                    skip=encoder.pop() if isinstance(module, UpBlock) else None,
                    level=_level(inputs[0], out),
                    residual=_residual(module),
                    heads=max((m.heads for m in module.modules() if isinstance(m, _ATTENTION)), default=0),
                    # a part that is a layer itself has nothing inside
                    parts=tuple(layer for layer in inside[top] if layer.name),
                )
            )

        handles.append(part.register_forward_hook(record))
    try:
        model(*inputs)
    finally:
        for handle in handles:
            handle.remove()
    return rows


def top_parts(model: nn.Module) -> dict[str, nn.Module]:
    """The parts that make a row: known blocks, and whatever layer stands outside of them."""
    parts: dict[str, nn.Module] = {}
    for name, module in model.named_modules():
        inside = any(name.startswith(f"{top}.") for top in parts)
        known = isinstance(module, _PARTS) or not list(module.children())
        if name and not inside and known:
            parts[name] = module
    return parts


def _row(name: str, module: nn.Module, args: tuple[Any, ...], out: Tensor) -> TraceRow:
    kind = {"Conv2d": "Conv"}.get(type(module).__name__, type(module).__name__)
    own = sum(p.numel() for p in module.parameters(recurse=False))
    return TraceRow(name, kind, tuple(args[0].shape[1:]), tuple(out.shape[1:]), own, _flops(module, args, out))


def _add_layer(layers: list[TraceRow], name: str, module: nn.Module, args: tuple[Any, ...], out: Tensor) -> None:
    """Append a layer that has weights of its own or computes; those that only hold others are left out."""
    row = _row(name, module, args, out)
    if row.parameters or row.flops:
        # An attention is done when its output layer is done, and computes before that.
        before_out = bool(layers) and layers[-1].name == f"{name}.out"
        layers.insert(len(layers) - 1 if before_out else len(layers), row)


def _level(picture: Tensor, out: Tensor) -> int | None:
    return (picture.shape[-1] // out.shape[-1]).bit_length() - 1 if out.ndim == 4 else None


def _residual(module: nn.Module) -> str | None:
    if isinstance(module, Attend):
        return "identity"
    block = module if isinstance(module, ResBlock) else getattr(module, "res", None)
    if not isinstance(block, ResBlock):
        return None
    return "identity" if isinstance(block.shortcut, nn.Identity) else "1x1 convolution"


def _flops(module: nn.Module, args: tuple[Any, ...], out: Tensor) -> int:
    """FLOPs of one layer for one sample; 0 for a module that only holds others."""
    if isinstance(module, nn.ConvTranspose2d):
        kernel = module.kernel_size[0] * module.kernel_size[1]
        return 2 * args[0][0].numel() * module.out_channels // module.groups * kernel
    if isinstance(module, nn.Conv2d):
        kernel = module.kernel_size[0] * module.kernel_size[1]
        return 2 * out[0].numel() * module.in_channels // module.groups * kernel
    if isinstance(module, nn.Linear):
        return 2 * out[0].numel() * module.in_features
    if isinstance(module, _ATTENTION):
        channels, positions = out.shape[1], out.shape[2] * out.shape[3]
        keys = positions if isinstance(module, SelfAttention) else args[1].shape[1] + 1
        return 2 * 2 * positions * keys * channels  # Q K^T, and its product with V
    return 0
