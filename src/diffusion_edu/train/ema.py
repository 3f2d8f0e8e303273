"""The running average of the weights, which samples better than the weights themselves."""

from __future__ import annotations

import copy
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from .._arguments import checked, module, share

Model = TypeVar("Model", bound=nn.Module)


def unwrapped(model: Any) -> Any:
    """The network inside torch.compile's and DistributedDataParallel's wrappers: the one that files are made of."""
    while held := _held_by(model):
        model = getattr(model, held)
    return model


def _held_by(model: Any) -> str:
    """The name under which a wrapper holds its network; "" for what is no wrapper."""
    if getattr(model, "_orig_mod", None) is not None:
        return "_orig_mod"
    return "module" if isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel) else ""


def plain_state(model: nn.Module) -> dict[str, Tensor]:
    """The tensors of a network by the names that they have where neither it nor a part of it is wrapped."""
    model = unwrapped(model)
    wraps = {f"{name}.{held}" for name, part in model.named_modules() if (held := _held_by(part))}

    def plain(name: str) -> str:
        words = name.split(".")
        return ".".join(word for i, word in enumerate(words) if ".".join(words[: i + 1]) not in wraps)

    return {plain(name): value for name, value in model.state_dict().items()}


@checked(model=module, decay=share)
class EMA(Generic[Model]):
    r"""Exponential moving average of a network's parameters, with warm-up.

    theta_ema <- d theta_ema + (1 - d) theta with d = min(decay, (1 + n) / (10 + n)) at the n-th update: an average
    with a fixed decay of 0.9999 would still be mostly the random start after thousands of steps.

    Equation: eq-ema (Ho et al. 2020, appendix B, with warm-up).
    Checked by: tests/train/test_ema.py::test_average_follows_the_recursion_with_warm_up.

    Args:
        model: the network to follow; ``ema.model`` is the averaged copy, in evaluation mode.
        decay: d after the warm-up, in [0, 1).

    Raises:
        ValueError: decay out of range.
    """

    def __init__(self, model: Model, decay: float = 0.999) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"decay must be in [0, 1), got {decay!r}")
        self.decay = decay
        self.updates = 0
        self.model: Model = copy.deepcopy(unwrapped(model)).eval().requires_grad_(False)

    @checked(model=module)
    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Take the network's present weights into the average; buffers are copied."""
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        self.updates += 1
        mine: list[Tensor] = list(self.model.parameters())
        theirs = [p.detach() for p in model.parameters()]
        torch._foreach_lerp_(mine, theirs, 1 - decay)
        for own, other in zip(self.model.buffers(), model.buffers(), strict=True):
            own.copy_(other)
