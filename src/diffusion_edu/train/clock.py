"""The minutes of a training: a clock says how many steps they have room for, and the checkpoint keeps what it said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .. import processes
from .recipe import Recipe

_LENGTH = ("steps", "cooldown", "minutes")
COMPILING = 3  # steps that may take a minute and more each, and say nothing of the pace of those that follow


class Clock:
    """What a training has spent, and the pace that follows from it.

    Before the clock has spoken the pace is the recipe. What it said stands, in a resumed training too, as long as it
    fits into the minutes: where the machine became slower, the clock says less.

    Args:
        recipe: of the training; without minutes nothing here does anything.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.pace = recipe
        self.seconds = 0.0
        self._starting = COMPILING if recipe.compile else 0
        self._start = (0, 0.0)

    def tick(self, step: int, seconds: float) -> None:
        """Add the seconds that passed until a step was done, and say how many steps there will be, if that is due."""
        self.seconds += seconds
        if self._starting:
            self._starting -= 1
            self._start = (step, self.seconds)
        if self.recipe.minutes is not None:
            # One clock for all processes: each has its own idea of the time.
            said = processes.gathered(self.pace.in_time(step, self.seconds, *self._start))[0]
            self.pace = said or self.pace

    def to_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps of it; nothing where the recipe has no minutes."""
        if self.recipe.minutes is None:
            return {}
        pace = None if self.pace is self.recipe else {"steps": self.pace.steps, "cooldown": self.pace.cooldown}
        return {"seconds": self.seconds, "pace": pace}

    def restore(self, meta: Mapping[str, Any]) -> None:
        """Take up what a checkpoint kept. What was said stands, unless the recipe asks for more or less by now."""
        self.seconds = float(meta.get("seconds", 0.0))
        same = all(meta["recipe"].get(name) == getattr(self.recipe, name) for name in _LENGTH)
        if meta.get("pace") and same:
            self.pace = replace(self.recipe, **meta["pace"])
