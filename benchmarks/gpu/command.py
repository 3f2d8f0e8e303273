"""The command: the parts in their order, each in a process of its own, within the minutes."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import IO, NamedTuple

from diffusion_edu._errors import DataError
from diffusion_edu.files import write_bytes
from diffusion_edu.train.machine import tune_malloc

from . import chapters, cifar10, models, pack, processes, speed, suite
from .options import command_of, parse, settings_of, words_of
from .results import Budget, Results
from .table import table

RESERVE = 10.0  # seconds for the last lines and files
LOG_BYTES = 1 << 20


class Part(NamedTuple):
    """A part: its share of the time by weight, and the most and the least seconds that it can use."""

    do: Callable[[argparse.Namespace, Results, float], None]
    weight: float
    most: float = float("inf")
    least: float = 1.0


PARTS: dict[str, Part] = {
    "tests": Part(suite.run, 60, most=75),
    "peak": Part(speed.do_peak, 20, most=30),
    "throughput": Part(speed.do_throughput, 50, most=70),
    "worth": Part(speed.do_worth, 55, most=75),
    "models": Part(models.run, 330),
    "notebooks": Part(chapters.run, 120),
    "train": Part(cifar10.run, 600),
}
JOBS = {"model": models.job, "notebook": chapters.job, "setting": speed.setting_job}


def main(about: str, left_out: Mapping[str, str] | None = None, began: float | None = None) -> int:
    """What was typed; the exit code is 0 when every part was done, 1 when some were not.

    Args:
        about: the help.
        left_out: wheels that could not be used, and why.
        began: time.time() when the command began; what was installed since then counts.
    """
    arguments = parse(about, list(PARTS))
    if arguments.unpack:
        try:
            print("\n".join(pack.unpack(arguments.unpack)))
        except (ValueError, OSError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        return 0
    if arguments.part or arguments.job:
        processes.end_with_parent()
        os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "2")  # many compile at once
        tune_malloc()
        if arguments.since is not None:
            arguments.seconds = max(1.0, arguments.seconds - (time.time() - arguments.since))
        return inside(arguments)
    return supervise(arguments, dict(left_out or {}), time.time() if began is None else began)


def inside(arguments: argparse.Namespace) -> int:
    """What a process of the command does."""
    if arguments.job:
        kind, name = arguments.job
        return JOBS[kind](arguments, name)
    results = Results(arguments.out, settings_of(arguments), arguments.device)
    part, began = results.part(arguments.part), time.monotonic()
    spent = part.get("seconds_spent", 0.0)
    part.pop("said", None)
    try:
        PARTS[arguments.part].do(arguments, results, arguments.seconds)
    except (DataError, OSError, ImportError, RuntimeError) as error:  # told, and on to the next part
        part["said"] = f"{type(error).__name__}: {error}"[:500]
    part["seconds_spent"] = round(spent + time.monotonic() - began, 1)
    part["command"] = command_of(arguments, arguments.part)
    results.save()
    return 0 if part["done"] else 1


def supervise(arguments: argparse.Namespace, left_out: Mapping[str, str], began: float) -> int:
    """One part after the other; whatever happens in one, the next gets its share of what is left."""
    budget = Budget(60 * arguments.minutes - (time.time() - began), min(RESERVE, 6 * arguments.minutes))
    results = Results(arguments.out, settings_of(arguments), arguments.device)
    results.all["left_out"] = dict(left_out)
    arguments.work.mkdir(parents=True, exist_ok=True)
    for folder, pattern in ((arguments.out, ".*.tmp"), (arguments.work, "log.txt")):
        for left in folder.glob(pattern):  # of a command that was killed
            left.unlink()
    results.save()
    chosen = [name for name in PARTS if (name == "train") == arguments.cifar10]
    names = [name for name in PARTS if name in (arguments.only or chosen)]
    for name in names:
        if results.done(name) and not (name == "worth" and speed.missing(arguments, results)):
            print(f"{name}: done before", flush=True)
            continue
        later = [PARTS[other].weight for other in names[names.index(name) + 1 :] if not results.done(other)]
        most = float("inf") if arguments.only else PARTS[name].most  # parts asked for by name may take their time
        seconds = budget.share(PARTS[name].weight, later, most)
        if seconds < PARTS[name].least:
            print(f"{name}: no time was left", flush=True)
            continue
        print(f"{name}: at most {seconds:.0f} s ...", flush=True)
        results = one(arguments, name, seconds, results)
        told = results.parts[name].get("said", "done" if results.done(name) else "as far as it came")
        print(f"{name}: {told}", flush=True)
    print(table(results.all))
    undone = [name for name in names if not results.done(name)]
    print(f"not done: {', '.join(undone)}; the same command goes on" if undone else f"done: {arguments.out}")
    return 1 if undone else 0


def one(arguments: argparse.Namespace, name: str, seconds: float, results: Results) -> Results:
    """A part in its own process, which is ended a little after its time; returns the results with what it wrote."""
    log_file = arguments.work / "log.txt"
    with open(log_file, "ab") as log:
        log.write(f"\n==== {name}\n".encode())
        log.flush()
        words = [*words_of(arguments), "--part", name, "--minutes", str(arguments.minutes)]
        child = processes.Child(words, seconds, log)
        with EndedWith(child):
            code = child.wait(seconds)
    keep_log(arguments)
    results = Results(arguments.out, settings_of(arguments), arguments.device)
    part = results.part(name)
    if code is None or code not in (0, 1):
        why = f"stopped after {seconds:.0f} s" if code is None else f"it ended with code {code}: see log.txt"
        part.setdefault("said", why)
    results.save()
    return results


class EndedWith:
    """A request to end (SIGTERM, Ctrl-C) ends the part first; what it has written stays."""

    def __init__(self, child: processes.Child) -> None:
        self.child = child

    def __enter__(self) -> None:
        def end(number: int, frame: FrameType | None) -> None:
            raise SystemExit(128 + number)

        self.before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}

    def __exit__(self, *error: object) -> None:
        if self.child.running:
            self.child.stop()
        for number, handler in self.before.items():
            signal.signal(number, handler)


def keep_log(arguments: argparse.Namespace) -> None:
    """The last million bytes of what was said, models' and chapters' words first."""
    said = b""
    for name in ("models.log", "notebooks.log", "log.txt"):
        file: Path = arguments.work / name
        if file.is_file():
            with open(file, "rb") as stream:
                said += tail(stream, LOG_BYTES // 3)
    write_bytes(arguments.out / "log.txt", said)


def tail(stream: IO[bytes], count: int) -> bytes:
    """The last `count` bytes."""
    end = stream.seek(0, 2)
    stream.seek(max(0, end - count))
    return stream.read()
