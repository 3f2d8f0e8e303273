"""The first thing that the package imports: while the rest is loading, a Ctrl-C of the command line is one word.

PyTorch takes seconds to load. Until the command line's own handling is there, Python would answer with a traceback
through whatever was being imported.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

_MODULE = ["-m", "diffusion_edu.cli"]


def _is_command_line() -> bool:
    """Whether this process is the program `diffusion-edu`, or `python -m diffusion_edu.cli`."""
    name = os.path.basename(sys.argv[0]) if sys.argv else ""
    module = any(sys.orig_argv[i : i + 2] == _MODULE for i in range(len(sys.orig_argv)))
    return os.path.splitext(name)[0] == "diffusion-edu" or (name == "-m" and module)


def _leave(number: int, frame: FrameType | None) -> None:
    os.write(2, b"diffusion-edu: interrupted\n")
    os._exit(130)  # nothing was begun, so there is nothing to tidy up


def loaded() -> None:
    """The rest is there: from now on a Ctrl-C is a KeyboardInterrupt again."""
    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)


if _is_command_line() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, _leave)
