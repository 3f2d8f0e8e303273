"""The networks of this folder from their files: the configuration travels with the weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..train import CheckpointError, checkpoint
from .classifier import Classifier, ClassifierConfig
from .clip import CLIP, CLIPConfig

BUILD: Mapping[str, Callable[[Mapping[str, Any]], nn.Module]] = {
    "CLIP": lambda config: CLIP(CLIPConfig.from_dict(config)),
    "Classifier": lambda config: Classifier(ClassifierConfig.from_dict(config)),
}


def load_system(path: str | Path, kind: str, device: torch.device | str = "cpu") -> Any:
    """The averaged network in a checkpoint or a file of weights, in evaluation mode and without gradients.

    Args:
        path: the file.
        kind: what it must hold: "CLIP" or "Classifier".
        device: where to put it.

    Raises:
        FileNotFoundError: no such file.
        CheckpointError: the file is damaged, or holds no such network that this version can build.
    """
    tensors, meta = checkpoint.read(path)
    described = meta.get("model") or {}
    if described.get("class") != kind or not described.get("config"):
        raise CheckpointError(f"{path} holds no {kind}: its model is {described.get('class')}")
    try:
        model = BUILD[kind](described["config"])
        averaged = checkpoint.under_prefix("ema", tensors) or tensors
        model.load_state_dict({name: value.float() for name, value in averaged.items()})
    except (RuntimeError, ValueError) as error:
        raise CheckpointError(f"{path} does not fit its own description: {error}") from error
    return model.eval().requires_grad_(False).to(device)
