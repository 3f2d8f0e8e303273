"""The command line: diffusion-edu train | sample | evaluate | export | list | info."""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Callable, Sequence

import torch
import tyro

from .. import __version__
from .._arguments import checked
from .._errors import DataError, WrongType
from ..files import RunBusy, UncheckedFile
from ..startup import loaded
from ..train import CheckpointError, TrainingDiverged
from ..train.machine import MachineWarning
from .common import FAILED, INTERRUPTED, OK, USAGE, say
from .evaluating import evaluate
from .exporting import export
from .listing import info, list_names
from .options import Command, Evaluate, Export, Info, List, Sample, Train, at_home
from .sampling import draw
from .training import train

__all__ = ["main"]

_PLAIN = warnings.showwarning
_TOO_MUCH = "not enough memory: a smaller --batch-size or --size, or fewer images, take less"


@checked
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    loaded()
    if isinstance(sys.stdout, io.TextIOWrapper):  # a letter that the terminal lacks is no reason to fail
        sys.stdout.reconfigure(errors="backslashreplace")
    arguments = list(sys.argv[1:] if argv is None else argv)
    with warnings.catch_warnings():
        warnings.showwarning = _show
        return _guarded(lambda: _run(arguments))


def _run(arguments: list[str]) -> int:
    """What was typed, read and done."""
    if arguments == ["--version"]:
        print(f"diffusion-edu {__version__} (torch {torch.__version__})")
        return OK
    try:
        command = tyro.cli(
            Command,  # type: ignore[arg-type]
            prog="diffusion-edu",
            description="Train diffusion models and draw images with them. --version prints the version.",
            args=arguments or ["--help"],
            config=(tyro.conf.OmitArgPrefixes,),
        )
    except SystemExit as stop:  # tyro has said what was wrong, or printed the help
        return stop.code if arguments and isinstance(stop.code, int) else USAGE
    return _dispatch(at_home(command))


def _show(message: Warning | str, category: type[Warning], *where: object, **more: object) -> None:
    """What the package has to say of the machine, as a line; a library's warning as it comes."""
    if issubclass(category, (MachineWarning, UncheckedFile)):
        say(f"note: {message}", OK)
    else:
        _PLAIN(message, category, *where, **more)  # type: ignore[arg-type]


def _dispatch(command: Train | Sample | Evaluate | Export | List | Info) -> int:
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
        code = action()
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return say("interrupted", INTERRUPTED)
    except (ValueError, WrongType, OverflowError) as error:  # arguments that the parser could not know to be wrong
        return say(f"error: {error}", USAGE)
    except (DataError, CheckpointError, TrainingDiverged, RunBusy, torch.cuda.OutOfMemoryError) as error:
        return say(f"error: {error}", FAILED)
    except MemoryError:
        return say(f"error: {_TOO_MUCH}", FAILED)
    except RuntimeError as error:
        if "can't allocate memory" not in str(error):  # torch's word for it on a CPU
            raise
        return say(f"error: {_TOO_MUCH}", FAILED)
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except OSError as error:
        reason = f"{error.strerror}: {error.filename}" if error.strerror and error.filename else error
        return say(f"error: {reason}", FAILED)
