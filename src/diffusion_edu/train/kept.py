"""What a training keeps on the disk, and how it is taken up again from there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .. import files, processes
from .batches import Batches
from .checkpoint import CHECKPOINT, FORMAT, check_same, count_in, put_back, tensors_of
from .clock import Clock
from .ema import EMA
from .machine import machine_of, moved, note
from .objective import Objective, description, translated
from .recipe import Recipe


class Kept:
    """The part of a training that a checkpoint holds; what trains sets all of it."""

    directory: Path | None
    device: torch.device
    world: processes.World
    precision: str
    model: nn.Module
    ema: EMA[Any]
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    objective: Objective
    recipe: Recipe
    batches: Batches
    inputs: dict[str, str]
    clock: Clock
    step: int
    saved: int

    def _describe(self) -> dict[str, Any]:
        config = getattr(self.model, "config", None)
        return {
            "format": FORMAT,
            "model": {"class": type(self.model).__name__, "config": config.to_dict() if config else None},
            "objective": description(self.objective),
            "recipe": self.recipe.to_dict(),
            "data": self.batches.about,
            **({"inputs": self.inputs} if self.inputs else {}),
        }

    def save(self) -> None:
        """Write the checkpoint, if there is a directory and something new to keep."""
        if self.directory is None or self.step == self.saved:
            return
        if not self.world.first:
            self.saved = self.step
            return
        meta = {
            **self._describe(),
            "step": self.step,
            "ema_updates": self.ema.updates,
            **self.clock.to_dict(),
            **machine_of(self.device, self.precision),
            **({"scaler": self.scaler.state_dict()} if self.scaler.is_enabled() else {}),
        }
        files.write(self.directory / CHECKPOINT, tensors_of(self.model, self.ema, self.optimizer), meta)
        self.saved = self.step

    def restore(self) -> None:
        """Go back to the checkpoint; it must belong to the same run, except that its length may differ."""
        assert self.directory is not None
        path = self.directory / CHECKPOINT
        tensors, meta = files.read(path, self.device)
        with files.making_sense(path, "cannot be resumed"):
            meta = translated(meta)
            check_same(path, meta, self._describe(), getattr(self.model, "config", None))
            self._take_up(tensors, meta)
        if differs := moved(meta, machine_of(self.device, self.precision)):
            note(
                f"{path} goes on elsewhere ({differs}): its numbers will be close to those of one machine, not the same"
            )

    def _take_up(self, tensors: Mapping[str, Tensor], meta: Mapping[str, Any]) -> None:
        """Weights, optimizer and counters of a checkpoint that belongs to this run."""
        step, updates = count_in(meta, "step"), count_in(meta, "ema_updates")
        self.clock.restore(meta)
        put_back(tensors, self.model, self.ema, self.optimizer)
        if self.scaler.is_enabled() and "scaler" in meta:
            self.scaler.load_state_dict(meta["scaler"])
        self.step, self.saved, self.ema.updates = step, step, updates
