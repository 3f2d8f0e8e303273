"""A training in a terminal: its progress bar, and what a Ctrl-C means."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from .. import processes
from ..files import description
from ..processes import WorkerLost
from ..train import Recipe, TrainStep
from ..train.checkpoint import CHECKPOINT
from .common import FAILED, say
from .grids import Grids


@dataclass(frozen=True)
class Progress:
    """How far a training came: whether it is done, its step, and the signal that stopped it, or 0."""

    done: bool
    step: int
    signal: int = 0


@dataclass
class Stop:
    """What `fit` asks after every step: whether a signal came. So it also sees every step go by, for the bar."""

    signals: list[int] = field(default_factory=list)
    bar: tqdm | None = None

    def __call__(self) -> bool:
        """A step was done; True asks for an end."""
        if self.bar is not None:
            self.bar.update()
        return bool(self.signals)


def follow(
    reports: Iterator[TrainStep],
    recipe: Recipe,
    directory: Path,
    device: torch.device,
    grids: Grids | None,
    stop: Stop,
) -> Progress:
    """Iterate a training under a progress bar, to its end or until someone asks for a stop.

    Args:
        reports: of a `fit` that was given `stop`.
        recipe, directory, device: as it was given them.
        grids: what is drawn on the way, or None.
        stop: informed of a Ctrl-C or a SIGTERM here.

    Raises:
        KeyboardInterrupt: a second Ctrl-C.
        WorkerLost: another of several processes ended; it was said.
    """
    first = processes.world().first
    reached = steps_done(directory)
    with _interruptible(stop.signals), _bar(recipe.steps, reached, first) as bar:
        stop.bar = bar
        try:
            for report in reports:
                bar.update(report.step - bar.n)
                bar.set_postfix(loss=f"{report.loss:.4f}", pictures_s=f"{report.pictures_per_second:.0f}")
                if grids is not None and first:
                    grids.between(reached, report.step, lambda: bool(stop.signals))
                reached = report.step
                if stop.signals and processes.world().size == 1:
                    break  # it came after the step: no other is begun
            reports.close()  # type: ignore[attr-defined]  # a generator: closing it saves what was done
            # Whichever of the processes was asked, all of them stopped.
            stopped = processes.agree(bool(stop.signals)) and reached < recipe.steps
        except RuntimeError as error:
            if processes.world().size == 1 or not (isinstance(error, WorkerLost) or processes.is_of_peers(error)):
                raise
            reports.close()  # type: ignore[attr-defined]  # a generator: closing it saves what was done
            # At once: torchrun is about to end this process too.
            message = f"the last checkpoint is step {steps_done(directory)}, and the same command goes on from there"
            say(f"error: another process of this training is gone; {message}", FAILED)
            raise WorkerLost(str(error)) from error
    return Progress(not stopped, reached, stop.signals[0] if stop.signals else 0)


def _bar(steps: int, reached: int, shown: bool) -> tqdm:
    return tqdm(total=steps, initial=reached, unit="step", disable=not shown)


@contextlib.contextmanager
def _interruptible(received: list[int]) -> Iterator[None]:
    """Ctrl-C asks for a stop after the step that is being done, so that none is lost; a second one stops at once."""

    def handle(number: int, frame: Any) -> None:
        if received:
            raise KeyboardInterrupt
        received.append(number)
        with contextlib.suppress(RuntimeError):  # it came in the middle of another line
            print("\nstopping after this step (Ctrl-C again: at once)", file=sys.stderr)

    signals = (signal.SIGINT, signal.SIGTERM)
    try:
        before = [signal.signal(number, handle) for number in signals]
    except ValueError:  # not in the main thread: there a signal cannot be caught
        yield
        return
    try:
        yield
    finally:
        for number, old in zip(signals, before):
            signal.signal(number, old)


def steps_done(directory: Path) -> int:
    """The step of the checkpoint in a folder; 0 where there is none."""
    path = directory / CHECKPOINT
    return int(description(path).get("step", 0)) if path.is_file() else 0
