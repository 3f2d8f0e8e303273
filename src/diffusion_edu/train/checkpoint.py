"""What a training leaves in its folder, and how it is taken up again: one checkpoint, and a line for every report."""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .. import disk, files
from .._errors import bad_value
from ..files import CheckpointError
from .ema import EMA

CHECKPOINT = "checkpoint.safetensors"
METRICS = "metrics.jsonl"
MOST_STEPS = 10**12  # of a training
MOST_OF_METRICS = 1_000_000_000  # bytes: some five million reports
FORMAT = 2  # of the description in a checkpoint; format 1 is read too
FREE = ("steps", "cooldown", "minutes", "log_every", "checkpoint_every")  # a run may be resumed with others


class OtherRecipe(CheckpointError):
    """A checkpoint was made by another recipe: its run cannot go on by this one, but another may begin from it."""


def tensors_of(model: nn.Module, ema: EMA[Any], optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """All that a training has learned, by name."""
    moments = {
        f"{index}.{name}": value
        for index, state in optimizer.state_dict()["state"].items()
        for name, value in state.items()
    }
    return {
        **files.with_prefix("model", model.state_dict()),
        **files.with_prefix("ema", ema.model.state_dict()),
        **files.with_prefix("optimizer", moments),
    }


def put_back(tensors: Mapping[str, Tensor], model: nn.Module, ema: EMA[Any], optimizer: torch.optim.Optimizer) -> None:
    """The inverse of :func:`tensors_of`.

    Raises:
        ValueError: they are not the tensors of this network and its optimizer, or not finite; nothing was changed.
    """
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in files.under_prefix("optimizer", tensors).items():
        index, _, key = name.partition(".")
        state.setdefault(int(index), {})[key] = value
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    moments = {}
    for number in state:  # a parameter that no gradient has reached yet has none
        like = parameters[number]
        both = {"step": torch.zeros((), device="meta"), "exp_avg": like, "exp_avg_sq": like}
        moments.update(files.with_prefix(f"optimizer.{number}", both))
    weights = model.state_dict()
    wanted = {**files.with_prefix("model", weights), **files.with_prefix("ema", weights), **moments}
    files.check_fit(tensors, wanted)
    model.load_state_dict(files.under_prefix("model", tensors))
    ema.model.load_state_dict(files.under_prefix("ema", tensors))
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    # Files hold contiguous tensors; the fused optimizer needs each moment in its parameter's memory format.
    for parameter, own in optimizer.state.items():
        for key, value in own.items():
            if value.shape == parameter.shape:
                own[key] = torch.empty_like(parameter).copy_(value)


def check_same(path: Path, theirs: Mapping[str, Any], mine: Mapping[str, Any], config: Any) -> None:
    """Raise unless the description in a checkpoint is that of this training, whose length may be another.

    Args:
        path: the checkpoint, for the message.
        theirs: its description, in format 2.
        mine: that of this training.
        config: of the network, or None.

    Raises:
        CheckpointError: it was made by another training; says what is different.
        OtherRecipe: by the same training with other numbers.
    """
    mine = json.loads(json.dumps(mine))
    filled = {**theirs, "model": _with_all_fields(theirs.get("model"), config)}
    for part in ("format", "model", "objective", "data", "inputs"):
        if filled.get(part) != mine.get(part):
            raise CheckpointError(
                f"{path} belongs to another run: its {part} is {theirs.get(part)}, this run's is {mine.get(part)}"
            )
    recipe = theirs["recipe"]
    changed = [k for k, v in mine["recipe"].items() if k not in FREE and recipe.get(k) != v]
    if changed:
        message = ", ".join(f"{k} {recipe.get(k)!r} -> {mine['recipe'][k]!r}" for k in changed)
        raise OtherRecipe(f"{path} was made by another recipe: {message}")


def _with_all_fields(model: Any, config: Any) -> Any:
    """The network of a description with every field that its configuration has today: older files lack some."""
    with contextlib.suppress(AttributeError, KeyError, TypeError, ValueError):
        return {**model, "config": json.loads(json.dumps(type(config).from_dict(model["config"]).to_dict()))}
    return model


def count_in(meta: Mapping[str, Any], name: str) -> int:
    """A number of steps in a checkpoint's description.

    Raises:
        ValueError: it is no number of steps.
    """
    value = meta.get(name)
    if type(value) is not int or not 0 <= value <= MOST_STEPS:
        raise bad_value(name, value, f"an integer in 0..{MOST_STEPS:,}")
    return value


def append(path: Path, report: Mapping[str, Any]) -> None:
    """Add the line of a report.

    Raises:
        OSError: it cannot be written; the message names the file, which is then as it was.
    """
    disk.append_line(path, json.dumps(report))


def reports(path: Path) -> list[dict[str, Any]]:
    """The reports in a file; lines that are none, as a kill or a full disk leaves them, are passed over.

    Raises:
        OSError: it cannot be read.
    """
    if not os.path.lexists(path):
        return []
    found = []
    for line in disk.read_bytes(path, MOST_OF_METRICS).splitlines():
        with contextlib.suppress(ValueError, RecursionError):
            report = json.loads(line)
            if isinstance(report, dict) and _is_whole(report):
                found.append(report)
    return found


def _is_whole(report: Mapping[str, Any]) -> bool:
    """Whether a report has what is made of it later; a gradient norm is not, and may be infinite in fp16."""
    step, loss, speed = (report.get(name) for name in ("step", "loss", "pictures_per_second"))
    numbers = all(isinstance(value, (int, float)) and math.isfinite(value) for value in (loss, speed))
    return type(step) is int and step > 0 and numbers and speed > 0  # type: ignore[operator]


def trim(path: Path, step: int) -> None:
    """Drop reports of steps that a killed run made after its last checkpoint, if any: they will be made again.

    Raises:
        OSError: the file cannot be read or written.
    """
    if not os.path.lexists(path):
        return
    kept = [json.dumps(report) for report in reports(path) if report["step"] <= step]
    disk.write_bytes(path, "".join(f"{line}\n" for line in kept).encode())
