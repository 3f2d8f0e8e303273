"""Good calls: named trainings, and the command line as a program calls it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import diffusion_edu as de
from diffusion_edu import cli, runs
from diffusion_edu.train.checkpoint import CHECKPOINT

from .pieces import P, S, folder
from .registry import good

CONFIG = de.UNetConfig.tiny(in_channels=1, channels=(4, 4), attention_levels=())
RECIPE = de.Recipe(steps=1, batch_size=2, log_every=1, precision="fp32")


def stage(**changes: Any) -> dict[str, Any]:
    """The arguments of the smallest one."""
    return {
        "name": "unet",
        "network": de.UNet,
        "config": CONFIG,
        "recipe": RECIPE,
        "data": lambda source, made: P,
        "objective": lambda made: de.Denoising(S),
        "gpu": {"batch_size": 4},
        "needs": (),
        **changes,
    }


def run() -> dict[str, Any]:
    """The arguments of a run of one such stage."""
    return {
        "name": "toy",
        "about": "a toy",
        "stages": (runs.Stage(**stage()),),
        "notes": {"licence": "none"},
        "assemble": lambda made: made["unet"],
        "measure": lambda system: {},
        "shaped": lambda **shape: toy(),
    }


@cache
def toy() -> runs.Run:
    """That run."""
    return runs.Run(**run())


@cache
def trained() -> Path:
    """The folder of that run, done."""
    one, place = runs.Stage(**stage()), folder() / "toy"
    list(de.fit(one.new(0), P, RECIPE, de.Denoising(S), directory=place, device="cpu"))
    assert (place / CHECKPOINT).is_file()
    return place


good(
    "Source",
    runs.Source,
    lambda: {"folder": folder(), "skip_bad": True, "own": folder(), "white": 1.0},
    "folder:missing own:missing",
)
good("Source.refuse_folder", runs.Source().refuse_folder, lambda: {"run": "emoji"})
good(
    "Stage",
    runs.Stage,
    stage,
    "gpu:empty",
    network="callable",
    needs="texts",
)
good("Stage.new", None, lambda: {"seed": 1}, "seed:zero", owner=lambda: runs.Stage(**stage()))
good("Stage.trained", None, lambda: {"directory": trained()}, owner=lambda: runs.Stage(**stage()))
good("Run", runs.Run, run, "notes:empty", stages="items")
for _method in ("folder", "before"):
    good(
        f"Run.{_method}",
        None,
        lambda: {"directory": trained(), "stage": toy().stages[0]},
        "directory:missing",
        owner=toy,
    )
good("Run.assembled", None, lambda: {"directory": trained()}, owner=toy)


good("main", cli.main, lambda: {"argv": ["list"]}, "argv:none,empty", argv="texts")
