"""The command line: diffusion-edu train | sample | evaluate | export | list | info."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

import torch
import tyro

from .. import __version__
from .._errors import DataError
from ..train import CheckpointError, TrainingDiverged
from .common import FAILED, INTERRUPTED, OK, USAGE, say
from .evaluating import evaluate
from .exporting import export
from .listing import info, list_names
from .options import Command, Evaluate, Export, Info, List, Sample, Train
from .sampling import draw
from .training import train


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments == ["--version"]:
        print(f"diffusion-edu {__version__} (torch {torch.__version__})")
        return OK
    try:
        command = tyro.cli(
            Command,  # type: ignore[arg-type]
            prog="diffusion-edu",
            description="Train diffusion models and draw pictures with them. --version tells the version.",
            args=arguments or ["--help"],
            config=(tyro.conf.OmitArgPrefixes,),
        )
    except SystemExit as stop:  # tyro has said what was wrong, or printed the help
        return stop.code if arguments and isinstance(stop.code, int) else USAGE
    return _guarded(lambda: _run(command))


def _run(command: Train | Sample | Evaluate | Export | List | Info) -> int:
    if isinstance(command, Train):
        return train(command)
    if isinstance(command, Sample):
        return draw(command)
    if isinstance(command, Evaluate):
        return evaluate(command)
    if isinstance(command, Export):
        return export(command)
    return list_names() if isinstance(command, List) else info(command)


def _guarded(action: Callable[[], int]) -> int:
    """Turn a user's mistake into one line and an exit code; a mistake of the program keeps its traceback."""
    try:
        return action()
    except KeyboardInterrupt:
        return say("interrupted", INTERRUPTED)
    except ValueError as error:  # arguments that the parser could not know to be wrong
        return say(f"error: {error}", USAGE)
    except (DataError, CheckpointError, TrainingDiverged, torch.cuda.OutOfMemoryError) as error:
        return say(f"error: {error}", FAILED)
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except OSError as error:
        reason = f"{error.strerror}: {error.filename}" if error.strerror and error.filename else error
        return say(f"error: {reason}", FAILED)
