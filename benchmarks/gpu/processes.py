"""Processes of the command: each part has one, and may start more; none outlives the one that started it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

SCRIPT = Path(__file__).resolve().parents[1] / "gpu.py"
GRACE = 5.0  # seconds between the request to end and the end


def end_with_parent() -> None:
    """Ask the kernel to kill this process when its parent is gone (Linux), so that a killed command leaves nothing."""
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Child:
    """A process with its group.

    Args:
        words: what follows `gpu.py` on its command line.
        seconds: that it is given; what it takes to start counts.
        log: where its words go.
        threads: of its arithmetic on the CPU; None: all.
    """

    def __init__(self, words: Sequence[str], seconds: float, log: IO[bytes] | int, threads: int | None = None) -> None:
        words = [*words, "--seconds", f"{seconds:.1f}", "--since", f"{time.time():.1f}"]
        environment = {**os.environ, **({} if threads is None else {"OMP_NUM_THREADS": str(threads)})}
        self.process = subprocess.Popen(
            [sys.executable, str(SCRIPT), *words],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self.process.poll() is None

    def wait(self, seconds: float) -> int | None:
        """Its exit code; None when it had to be stopped after so many seconds."""
        try:
            return self.process.wait(max(0.0, seconds))
        except subprocess.TimeoutExpired:
            self.stop()
            return None

    def stop(self) -> None:
        """Ask it and all that it started to end, and a little later end them."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
            end = time.monotonic() + GRACE
            while self.running and time.monotonic() < end:
                time.sleep(0.05)
