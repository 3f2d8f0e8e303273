"""All that is to be learnt on a GPU, in one command that can be stopped at any time and called again.

    python benchmarks/gpu.py --data FOLDER                       # all parts, about two hours
    python benchmarks/gpu.py --data FOLDER --minutes 9           # what fits into nine minutes; again: the next nine
    python benchmarks/gpu.py --only peak throughput worth        # some of them
    python benchmarks/gpu.py --device cpu --size tiny --only peak worth     # a trial of the script itself

FOLDER holds CIFAR-10 in any form that `de.data.cifar10` reads (left out: it is downloaded). Networks, weights and
sheets of drawn pictures go to --work (runs/gpu) and --weights; the results to --out, JSON, each part when it is done:

    settings, machine        what the numbers belong to; a file of other ones is refused
    parts.peak               bf16_flops, fp32_flops, tf32_flops (FLOP/s), copy_bytes (bytes/s, read and written)
    parts.throughput         as training_step.json, with flops_per_second and share_of_bf16_peak in each row
    parts.worth              rows: {name: {seconds, pictures_per_second, flops_per_second, share_of_bf16_peak,
                             peak_mib, switches} or {failed}}, batches: {size: likewise}
    parts.train              {ours, diffusers, lucidrains: {seconds, steps, measure, distance, interval_95, kernel,
                             floor ...} or {failed}, floor_test_split: {distance, kernel, pictures}}
    parts.models             {name: {exit_code, finished}}
    parts.notebooks          {exit_code, summary} or {failed}
    every part               command, seconds_spent

A part that is not there was not measured yet. The other two libraries: see peers.py.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from gpu_speed import measure_peak, measure_row, measure_throughput, settings, training_flops, worker
from gpu_table import table
from gpu_train import Clock, judge, real_floor, run_notebooks, train_models, train_ours, train_peer
from training_step import machine

import diffusion_edu as de
from diffusion_edu._errors import DataError
from diffusion_edu.train.checkpoint import write_bytes
from diffusion_edu.train.machine import tune_malloc

PARTS = ("peak", "throughput", "worth", "train", "models", "notebooks")
BATCHES = (64, 128, 256, 512, 1024)


class OutOfTime(Exception):
    """The minutes of this call are over."""


class Results:
    """The JSON file, and the clock of this call."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.path: Path = arguments.out
        self.given = 60 * arguments.minutes if arguments.minutes else float("inf")
        self.end = time.monotonic() + self.given
        here = {"settings": {"size": arguments.size, "batch": arguments.batch}, "machine": describe(arguments.device)}
        self.all: dict[str, Any] = {**here, "parts": {}}
        if self.path.is_file():
            try:
                self.all = json.loads(self.path.read_text())
            except json.JSONDecodeError as error:
                raise SystemExit(f"error: --out {self.path} is damaged: {error}") from error
            if any(self.all[key] != value for key, value in here.items()):
                known = {key: self.all[key] for key in here}
                raise SystemExit(
                    f"error: --out {self.path} holds results of {known}, these are {here}; name another file"
                )
        self.parts: dict[str, Any] = self.all["parts"]

    def left(self) -> float:
        """Seconds of this call that are left."""
        if (seconds := self.end - time.monotonic()) <= 0:
            raise OutOfTime
        return seconds

    def room(self, seconds: float) -> float:
        """As `left`, before work that cannot be cut: where so much is not left, the next call does it."""
        if (left := self.left()) < min(seconds, 0.8 * self.given):
            raise OutOfTime
        return left

    def save(self) -> None:
        """Whole or not at all."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(self.path, (json.dumps(self.all, indent=2) + "\n").encode())


def describe(device: str) -> dict[str, Any]:
    """The machine, with the driver where there is one."""
    found = machine(torch.device(device))
    if device.startswith("cuda"):
        asked = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
        driver = subprocess.run(asked, capture_output=True, text=True)
        found |= {"cuda": torch.version.cuda, "driver": driver.stdout.strip().splitlines()[:1]}
    return found


def do_peak(arguments: argparse.Namespace, results: Results) -> dict[str, Any]:
    """What the machine can do at most."""
    return measure_peak(torch.device(arguments.device), 8192 if arguments.device.startswith("cuda") else 1024)


def do_throughput(arguments: argparse.Namespace, results: Results) -> dict[str, Any]:
    """A training step beside the others."""
    results.room(300.0 if arguments.compiled else 60.0)
    return measure_throughput(arguments, results.parts["peak"])


def wanted_rows(arguments: argparse.Namespace) -> list[tuple[str, str, int, dict[str, Any]]]:
    """(table, name, batch, switches) of each row that `worth` is asked for."""
    rows = settings(torch.device(arguments.device), arguments.compiled)
    wanted = [("rows", name, arguments.batch, switch) for name, switch in rows.items()]
    return wanted + [("batches", str(batch), batch, rows["all of them"]) for batch in arguments.batches]


def is_done(name: str, arguments: argparse.Namespace, results: Results) -> bool:
    """Whether nothing of a part is left to do; `worth` may have been asked for fewer rows before."""
    part = results.parts.get(name, {})
    if name == "worth" and part:
        return all(row in part[table] for table, row, *_ in wanted_rows(arguments))
    return bool(part.get("done", name in results.parts))


def do_worth(arguments: argparse.Namespace, results: Results) -> dict[str, Any]:
    """Each setting alone, then each batch; row by row, so that a stop loses one row at most."""
    part = results.parts.setdefault("worth", {"rows": {}, "batches": {}, "done": False})
    for where, name, batch, switch in wanted_rows(arguments):
        if name in part[where]:
            continue
        left = results.room(60.0)
        try:
            row = measure_row(arguments, batch, switch, min(left, 600.0))
        except subprocess.TimeoutExpired as error:
            if left < 600.0:
                raise OutOfTime from error
            row = {"failed": f"not done in {error.timeout:.0f} s"}
        if "failed" not in row:
            row["flops_per_second"] = training_flops(arguments.size) * row["pictures_per_second"]
            row["share_of_bf16_peak"] = row["flops_per_second"] / results.parts["peak"]["bf16_flops"]
        part[where][name] = {**row, "switches": switch}
        results.save()
    return {**part, "done": True}


def do_train(arguments: argparse.Namespace, results: Results) -> dict[str, Any]:
    """The same minutes for each library, each as far as this call allows; then the judge."""
    part = results.parts.setdefault("train", {"done": False})
    pixels = de.data.cifar10("train", root=arguments.data).pixels
    net: Any = None
    real: Any = None
    for name in arguments.of:
        own = part.setdefault(name, {"seconds": 0.0})
        folder = arguments.work / name
        while own["seconds"] < 60 * arguments.train_minutes and "failed" not in own:
            clock, before = Clock(60 * arguments.train_minutes - own["seconds"], results.left()), own["seconds"]

            def note(spent: float, own: dict[str, Any] = own, before: float = before) -> None:
                own["seconds"] = before + spent  # beside each checkpoint: a kill takes away no more than it does
                results.save()

            try:
                if name == "ours":
                    train_ours(arguments, pixels, folder, clock, note)
                else:
                    train_peer(arguments, name, pixels, folder, clock, note)
            except (ImportError, torch.OutOfMemoryError) as error:
                own["failed"] = str(error)
                results.save()
        if "distance" not in own and "failed" not in own:
            results.room(240.0)
            if net is None:
                net = de.feature_network("efficientnet", device=arguments.device)
                real = net(pixels[: arguments.reference])
            own.update(judge(arguments, name, folder, net, real))
            if "floor_test_split" not in part:
                part["floor_test_split"] = real_floor(arguments, net, real)
            results.save()
    return {**part, "done": True}


def do_models(arguments: argparse.Namespace, results: Results) -> dict[str, Any]:
    """The book's models, for longer than a processor can."""
    seconds = min(results.left(), 60 * arguments.model_minutes)
    part = train_models(arguments, seconds)
    return {**part, "done": all(own["finished"] for own in part.values())}


def do_notebooks(arguments: argparse.Namespace, results: Results) -> dict[str, Any]:
    """The chapters as their readers run them."""
    return run_notebooks(min(results.left(), 1800.0))


DO: dict[str, Callable[[argparse.Namespace, Results], dict[str, Any]]] = {
    "peak": do_peak,
    "throughput": do_throughput,
    "worth": do_worth,
    "train": do_train,
    "models": do_models,
    "notebooks": do_notebooks,
}


def options() -> argparse.Namespace:
    """What can be typed, with the values that belong to the size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    on_gpu = torch.cuda.is_available()
    parser.add_argument("--device", default="cuda" if on_gpu else "cpu")
    parser.add_argument("--size", choices=("paper", "tiny"), default="paper")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    libraries = ["ours", "diffusers", "lucidrains"]
    parser.add_argument("--of", nargs="+", choices=libraries, default=libraries)
    parser.add_argument("--minutes", type=float, help="of this call")
    parser.add_argument("--train-minutes", type=float, default=25.0, help="of each library on CIFAR-10")
    parser.add_argument("--model-minutes", type=float, default=15.0, help="of the book's models together, a call")
    parser.add_argument("--models", nargs="+", default=["fashion", "emoji-clip"])
    parser.add_argument("--model-steps", type=int, help="fewer than the recipes', for a trial")
    parser.add_argument("--batch", type=int, help="default: 512 on a GPU, 4 elsewhere")
    parser.add_argument("--batches", type=int, nargs="*", default=list(BATCHES) if on_gpu else [2, 8])
    parser.add_argument("--pictures", type=int, help="drawn for the distance; default: 10,000 on a GPU, 16 elsewhere")
    parser.add_argument("--reference", type=int, help="training pictures to compare with; default: all, 200 elsewhere")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--steps", type=int, default=10, help="steps a round")
    parser.add_argument("--eager", dest="compiled", action="store_false", help="without torch.compile")
    parser.add_argument("--data", type=Path, help="folder with CIFAR-10")
    parser.add_argument("--work", type=Path, default=Path("runs/gpu"))
    parser.add_argument("--weights", type=Path, default=Path("runs/gpu/weights"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/gpu.json"))
    parser.add_argument("--switches", help=argparse.SUPPRESS)
    found = parser.parse_args()
    large = found.device.startswith("cuda")
    found.batch = found.batch or (512 if large else 4)
    found.pictures = found.pictures or (10_000 if large else 16)
    found.reference = found.reference or (50_000 if large else 200)
    found.draw_batch, found.log_every = (500, 50) if large else (8, 2)
    return found


def command_of(arguments: argparse.Namespace, part: str) -> str:
    """What is to be typed for this part alone; folders by their options' names."""
    told = {"device": arguments.device, "size": arguments.size, "batch": arguments.batch}
    told |= {"train-minutes": arguments.train_minutes, "pictures": arguments.pictures} if part == "train" else {}
    folder = " --data FOLDER" if part in ("train", "models") and arguments.data else ""
    words = " ".join(f"--{name} {value}" for name, value in told.items())
    return f"python benchmarks/gpu.py --only {part} {words}{folder}{'' if arguments.compiled else ' --eager'}"


def main() -> int:
    """Do what is missing, in the order of the parts."""
    arguments = options()
    tune_malloc()
    if arguments.switches:
        worker(arguments)
        return 0
    results = Results(arguments)
    arguments.work.mkdir(parents=True, exist_ok=True)
    wanted = [part for part in PARTS if part in arguments.only]
    if {"throughput", "worth"} & set(wanted) and "peak" not in wanted and "peak" not in results.parts:
        wanted = ["peak", *wanted]
    told: list[str] = []
    try:
        for name in wanted:
            if is_done(name, arguments, results):
                print(f"{name}: done before")
                continue
            results.left()
            started = time.perf_counter()
            print(f"{name} ...", flush=True)
            try:
                found = DO[name](arguments, results)
            except (DataError, OSError, ImportError, RuntimeError) as error:  # told, and on to the next part
                told.append(f"{name}: not done: {error}")
                continue
            earlier = results.parts.get(name, {}).get("seconds_spent", 0.0)
            spent = {"command": command_of(arguments, name), "seconds_spent": earlier + time.perf_counter() - started}
            results.parts[name] = {**found, **spent}
            results.save()
    except OutOfTime:
        results.save()
        print(table(results.all))
        print(f"the minutes are over; the same command goes on ({results.path})")
        return 0
    for line in told:
        print(line, file=sys.stderr)
    print(table(results.all))
    print(f"done{' as far as possible' if told else ''}: {results.path}")
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main())
