"""The model of a widget: given by its name, by a file, or as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from ..._errors import bad_type, unknown_name
from ...pretrained import available, load


def named_model(model: Any, kind: type[nn.Module]) -> Any:
    """What a widget was given as its `model`.

    Args:
        model: one of a kind, or the name, file or folder of a model, which is loaded.
        kind: the class of those that are taken as they are.

    Raises:
        TypeError: neither.
        ValueError: no such name and no such file.
        CheckpointError: as for :func:`diffusion_edu.load`.
    """
    if isinstance(model, kind):
        return model
    if not isinstance(model, str | Path):
        raise bad_type("model", model, f"a {kind.__name__}, or the name, file or folder of one")
    if str(model) not in available() and not Path(model).expanduser().exists():
        raise unknown_name("model", str(model), available(), also="a file of weights or the folder of a training run")
    return load(model)
