"""A U-Net that says, beside its prediction, which words each position of the image was reading."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .._arguments import anything, checked, inside, module
from ..cond import Cond
from .attention import CrossAttention
from .inspect import cross_attention_weights


@checked(network=module)
class WithWordMaps(nn.Module):
    r"""A network with cross-attention, called by name, with two outputs: the prediction and the map of every token.

    The map of a layer is the mean of softmax(Q K^T / sqrt(d)) over its heads, and the map of the network the mean over
    its layers, each enlarged to the finest of them by repeating its values. The prediction is the network's own.

    Args:
        network: with the signature of :class:`diffusion_edu.Network`, and cross-attention in it.

    Raises:
        ValueError: there is no cross-attention in the network.

    Source: Tang et al. 2023 (DAAM), section 3, with means for its sums.
    Checked by: tests/nn/test_word_maps.py::test_the_maps_are_the_mean_of_all_layers_and_the_prediction_stays.
    """

    outputs: ClassVar[tuple[str, ...]] = ("prediction", "attention")

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        if not any(isinstance(part, CrossAttention) for part in network.modules()):
            raise ValueError(f"network must have cross-attention, got a {type(network).__name__} without it")
        self.network = network

    @checked(vec=anything, tokens=anything, mask=anything)
    def forward(
        self,
        x_t: Tensor,
        t: Tensor,
        vec: Tensor | None = None,
        tokens: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """x_t, t and the text of :class:`Cond` -> (B, ...) the prediction, and (B, 1 + L, h, w) the maps.

        Entry [b, 0] is the learned token that says nothing; at each position the entries add up to 1.
        """
        found: list[Tensor] = []

        def keep(layer: CrossAttention, args: tuple[Any, ...], out: Tensor) -> None:
            weights = inside(cross_attention_weights)(layer, *args).mean(1)  # (B, H W, 1 + L)
            found.append(weights.mT.reshape(weights.shape[0], weights.shape[2], *args[0].shape[2:]))

        layers = [part for part in self.network.modules() if isinstance(part, CrossAttention)]
        handles = [layer.register_forward_hook(keep) for layer in layers]
        try:
            prediction = self.network(x_t, t, Cond(vec=vec, tokens=tokens, mask=mask))
        finally:
            for handle in handles:
                handle.remove()
        size = max((tuple(one.shape[2:]) for one in found), key=lambda shape: shape[0])
        same = [F.interpolate(one, size=size, mode="nearest") for one in found]
        return prediction, torch.stack(same).mean(0)
