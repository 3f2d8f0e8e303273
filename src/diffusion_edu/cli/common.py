"""Exit codes, messages and devices, shared by the commands."""

from __future__ import annotations

import sys

import torch

from ..train.parallel import local_rank

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
        return torch.device("cuda", local_rank()) if torch.cuda.is_available() else torch.device("cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"--device must be a device of this machine, got {name!r} ({reason})") from error
    return device


def device_name(device: torch.device) -> str:
    """For a model card."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"{device.type}, {threads} thread{'s' if threads > 1 else ''}"
