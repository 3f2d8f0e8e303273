"""Trainings that belong to a measurement: each in a folder of its own, where a stopped one goes on."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from torch import Tensor, nn

import diffusion_edu as de
from diffusion_edu import files
from diffusion_edu.train.checkpoint import CHECKPOINT, METRICS

SPENT = "core_seconds"


def train(
    model: nn.Module, data: dict[str, Tensor], recipe: de.Recipe, objective: Any, folder: Path, every: int = 1
) -> dict[str, Any]:
    """Train to the end.

    Args:
        model, data, recipe, objective: as for :func:`diffusion_edu.fit`.
        folder: where it is kept; its name is told with each report.
        every: tell one report of so many.

    Returns:
        "loss" of the last report, and the "core_seconds" that all calls together took for it.
    """
    before, began = spent(folder), time.process_time()
    for count, report in enumerate(de.fit(model, data, recipe, objective, directory=folder)):
        took = before + time.process_time() - began
        files.write_bytes(folder / SPENT, f"{took:.1f}\n".encode())
        if count % every == 0:
            print(f"{folder.name}: step {report.step} of {recipe.steps}, loss {report.loss:.4f}", flush=True)
    last = json.loads((folder / METRICS).read_text(encoding="utf-8").splitlines()[-1])
    return {"loss": round(last["loss"], 5), "core_seconds": spent(folder)}


def spent(folder: Path) -> float:
    """Core seconds of a training until now."""
    file = folder / SPENT
    return float(file.read_text(encoding="utf-8")) if file.is_file() else 0.0


def averaged(model: nn.Module, folder: Path) -> nn.Module:
    """A network of the same shape with the averaged weights of a training."""
    model.load_state_dict(files.under_prefix("ema", files.read(folder / CHECKPOINT)[0]))
    return model.eval().requires_grad_(False)
