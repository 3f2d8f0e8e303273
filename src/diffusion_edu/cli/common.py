"""Exit codes, messages and devices, shared by the commands."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import torch

from .._errors import bad_value
from ..pretrained import load
from ..processes import local_rank
from ..train.machine import best_device

OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130


def say(message: str, code: int) -> int:
    """Print a message for people on stderr, and return the exit code given."""
    print(f"diffusion-edu: {message}", file=sys.stderr)
    return code


def pick_device(name: str | None) -> torch.device:
    """The device that was asked for, or the best one there is.

    Raises:
        ValueError: no such device here.
    """
    if name is None:  # of several processes on a machine each takes its own GPU
        return best_device(local_rank())
    try:
        device = torch.device(name)
        if device.type == "meta":
            raise NotImplementedError("it holds no numbers")
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"--device must be a device of this machine, got {name!r} ({reason})") from error
    return device


def check_seed(seed: int | None, count: int = 1) -> None:
    """Raise unless `count` seeds from this one on are seeds of PyTorch's generators.

    Raises:
        ValueError: below 0, or 2^64 or more.
    """
    if seed is not None and not 0 <= seed <= 2**64 - count:
        allowed = "below 2^64" if count == 1 else f"at most 2^64 - {count}, as each image has its own"
        raise ValueError(f"--seed must be 0 or more and {allowed}, got {seed}")


def check_least(option: str, value: int | None, least: int = 1) -> None:
    """Raise unless an option that was given is at least `least`."""
    if value is not None and value < least:
        raise bad_value(option, value, f"at least {least}")


def check_writable(option: str, path: Path) -> None:
    """Raise unless a file can be written there, as far as that can be known before.

    Raises:
        IsADirectoryError, NotADirectoryError, PermissionError: it cannot; names the option.
    """
    if path.is_dir():
        raise IsADirectoryError(f"{option} must be a file, got the folder {path}")
    folder = next(parent for parent in (path if path.exists() else path.parent, *path.parents) if parent.exists())
    if folder != path and not folder.is_dir():
        raise NotADirectoryError(f"{option} must lie in a folder, got {path}, and {folder} is a file")
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"{option} must be where you may write, got {path}")


def load_drawing(name: str, device: torch.device | str = "cpu") -> Any:
    """A trained system that draws images, which is a :class:`diffusion_edu.systems.System`.

    Raises:
        ValueError, CheckpointError: as for :func:`diffusion_edu.load`; or it draws nothing.
    """
    system = load(name, device)
    if not hasattr(system, "generate"):
        raise bad_value("name", name, f"that of a model that draws images, and it is a {type(system).__name__}")
    return system
