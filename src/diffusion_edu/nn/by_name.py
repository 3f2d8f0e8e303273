"""Networks whose condition comes as tensors by name, for runtimes that know no classes; and examples of such inputs."""

from __future__ import annotations

import inspect

import torch
from torch import Tensor, nn

from .._arguments import anything, checked, module
from ..cond import Cond
from .unet import UNetConfig


@checked(network=module)
class ByName(nn.Module):
    """A network that takes the parts of its condition by name: ``f(x_t=..., t=..., tokens=..., mask=...)``.

    A page of the book, an ONNX file and a notebook's kernel call networks so.

    Args:
        network: any module with the signature of :class:`diffusion_edu.Network`.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    @checked(vec=anything, tokens=anything, mask=anything, concat=anything, level=anything)
    def forward(
        self,
        x_t: Tensor,
        t: Tensor,
        vec: Tensor | None = None,
        tokens: Tensor | None = None,
        mask: Tensor | None = None,
        concat: Tensor | None = None,
        level: Tensor | None = None,
    ) -> Tensor:
        """x_t, t and the fields of :class:`Cond` -> (B, ...) of x_t's shape."""
        cond = Cond(vec=vec, tokens=tokens, mask=mask, concat=concat, level=level)
        return self.network(x_t, t, None if cond.batch_size is None else cond)


@checked(model=module)
def by_name(model: nn.Module) -> nn.Module:
    """What takes tensors by name: :class:`ByName` around a network with a condition, any other module itself."""
    return ByName(model) if "cond" in inspect.signature(model.forward).parameters else model


@checked
def example_inputs(
    config: UNetConfig, size: int = 32, batch: int = 2, length: int = 8, T: int = 1000
) -> dict[str, Tensor]:
    """Inputs of a U-Net by name, the same at every call: x_t, t and the parts of the condition that it is built for.

    Args:
        config: of the network.
        size: height and width.
        batch: B.
        length: L, the number of tokens; the last of them does not count.
        T: the steps of its schedule.

    Returns:
        What :class:`ByName` takes.
    """
    g = torch.Generator().manual_seed(0)
    steps = torch.tensor([max(T - 1, 1), min(20, T)]).repeat((batch + 1) // 2)[:batch]
    inputs = {"x_t": torch.randn((batch, config.in_channels, size, size), generator=g), "t": steps}
    if config.vec_dim is not None:
        inputs["vec"] = torch.randn((batch, config.vec_dim), generator=g)
    if config.token_dim is not None:
        inputs["tokens"] = torch.randn((batch, length, config.token_dim), generator=g)
        inputs["mask"] = (torch.arange(length) < max(length - 1, 1)).expand(batch, length).clone()
    if config.concat_channels:
        inputs["concat"] = torch.randn((batch, config.concat_channels, size, size), generator=g)
    if config.level:
        inputs["level"] = steps // 4
    return inputs
