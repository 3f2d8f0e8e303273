"""One good call of everything public, small and fast: what the table of wrong arguments starts from.

Every argument is given by name, so that one at a time can be replaced. `fine` names values that are right although a
wrong one of that kind is tried elsewhere: "padding:zero", or "padding:zero,negative". `then` uses what a constructor
made, for a constructor that takes what fails later takes it wrongly.
"""

from __future__ import annotations

import importlib
import inspect
import typing
from collections.abc import Iterator

from good import (  # noqa: F401 - each adds its calls
    data,
    diffusion,
    drawing,
    figures,
    measures,
    networks,
    players,
    running,
    systems,
    texts,
    training,
    widgets,
)
from good.odd import PASSED_ON as PASSED_ON  # last: it says what is fine in calls that are there
from good.pieces import S as S
from good.registry import CALLS as CALLS
from good.registry import Call as Call

PARTS = ("", "cli", "data", "diffusion", "export", "metrics", "nn", "runs", "systems", "train", "viz", "widgets")

# Not doors: what functions answer with, errors, protocols, and what a subclass calls.
# `Drawing` is a figure of matplotlib, which checks its own arguments.
EXEMPT = {
    *("Comparison", "CheckpointError", "ExportError", "TrainingDiverged", "WorkerLost"),
    *("Config.require", "Drawer.around", "Drawing", "Drawing.set"),
}
FAILS = {
    "cifar10",
    "SentenceText.load",
}  # their data do not come with the package: the good call ends at a missing file


def public() -> Iterator[str]:
    """The names of all functions, classes and methods that are public and take arguments, or are functions."""
    seen: set[str] = set()
    for part in PARTS:
        module = importlib.import_module(f"diffusion_edu.{part}" if part else "diffusion_edu")
        for name in module.__all__:
            thing = getattr(module, name)
            if typing.get_origin(thing) is not None:  # a name for an annotation
                continue
            if inspect.isfunction(thing) or (
                callable(thing) and not inspect.isclass(thing) and not isinstance(thing, dict)
            ):
                names = [thing.__name__]
            elif inspect.isclass(thing) and not getattr(thing, "_is_protocol", False):
                names = [*([] if issubclass(thing, tuple) else [thing.__name__]), *_methods(thing)]
            else:
                continue
            for each in names:
                if each not in seen and each not in EXEMPT:
                    seen.add(each)
                    yield each


def _methods(cls: type) -> Iterator[str]:
    for base in cls.__mro__:
        if not base.__module__.startswith("diffusion_edu"):
            continue
        for name, value in vars(base).items():
            function = value.__func__ if isinstance(value, classmethod | staticmethod) else value
            if not inspect.isfunction(function) or (name.startswith("_") and name != "__call__"):
                continue
            if set(inspect.signature(function).parameters) - {"self", "cls"} and function.__qualname__.count(".") == 1:
                yield function.__qualname__
