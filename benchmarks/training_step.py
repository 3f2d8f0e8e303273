"""Time and memory of one training step, side by side with two other libraries, as they come and tuned.

    python benchmarks/training_step.py --size wide --batch 32 --out benchmarks/results/training_step.json
    python benchmarks/training_step.py --size paper --batch 8
    python benchmarks/training_step.py --size paper --batch 128 --device cuda --compiled

A step is forward, backward, clipping, optimiser and running average, each library's own. The networks have the same
width, depth and levels with attention. Each contestant lives in a process of its own, ours set up as the command line
sets itself up, the others as they come; the rounds are interleaved, so that a change of the machine's speed meets all.
The table gives medians and the spread of the ratios; the memory is the peak of the contestant's process (on a GPU: of
its allocations). A library that is not installed is left out; the benchmark says what installs it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import platform
import queue
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import peers
import torch
from compute_card import processor
from torch.utils.flop_counter import FlopCounterMode

from diffusion_edu.train.machine import tune_malloc

MAKERS = {"ours": peers.ours, "diffusers": peers.diffusers, "lucidrains": peers.lucidrains}
TITLES = {"ours": "diffusion_edu", "diffusers": "diffusers", "lucidrains": "denoising-diffusion-pytorch"}


def contestants(arguments: argparse.Namespace, device: torch.device) -> list[tuple[str, str, bool]]:
    """(library, precision, compiled): each in fp32, as it comes, and in bf16; ours with its default first."""
    best = peers.best_precision(device)
    libraries = peers.present(arguments.of)
    chosen = [(name, precision, False) for name in libraries for precision in dict.fromkeys((best, "fp32"))]
    return chosen + [(name, best, True) for name in libraries if arguments.compiled]


class Worker:
    """A contestant in its own process: asked for a round, it answers with seconds a step, its peak and its size.

    Args:
        name: what it is called in the table.
        words: its command line; it reads numbers of steps, a line each, and answers each with a line of JSON.
    """

    def __init__(self, name: str, words: list[str]) -> None:
        self.name = name
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.lines: queue.Queue[str] = queue.Queue()  # a pipe cannot be waited for with a limit of time
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            if line.startswith("{"):  # a library may say something of its own
                self.lines.put(line)
        self.lines.put("")

    def ask(self, steps: int) -> None:
        """Ask for a round; it works on it while others are asked."""
        assert self.process.stdin
        with contextlib.suppress(BrokenPipeError):  # what it ended with is told by its answer
            self.process.stdin.write(f"{steps}\n")
            self.process.stdin.flush()

    def answer(self, end: float | None = None) -> dict[str, float]:
        """What the round gave; waits for it until time.monotonic() is `end`.

        Raises:
            RuntimeError: the process ended, or has not answered by then.
        """
        try:
            line = self.lines.get(timeout=None if end is None else max(0.01, end - time.monotonic()))
        except queue.Empty:
            self.process.kill()
            raise RuntimeError("not done in its time") from None
        if not line:
            raise RuntimeError(f"{self.name} ended with code {self.process.wait()}")
        return json.loads(line)

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait()


def worker_of(arguments: argparse.Namespace, entry: tuple[str, str, bool]) -> Worker:
    """The process of one contestant."""
    name, precision, compiled = entry
    sizes = ["--size", arguments.size, "--batch", str(arguments.batch), "--device", arguments.device]
    words = [sys.executable, __file__, *sizes, "--worker", name, precision, "compiled" if compiled else "eager"]
    return Worker(f"{TITLES[name]} {precision}{' compiled' if compiled else ''}", words)


Rounds = dict[str, list[dict[str, float]]]


def interleaved(
    workers: list[Worker], rounds: int, steps: int, seconds: float | None = None
) -> tuple[Rounds, dict[str, str]]:
    """Rounds in turn, so that a change of the machine's speed meets all; before them one, at once, to warm up.

    Args:
        workers: closed at the end.
        rounds, steps: how many, and steps in each.
        seconds: after which no round begins; the first one always does.

    Returns:
        {name: its rounds, at least one}, {name: why it has none}.
    """
    end = None if seconds is None else time.monotonic() + seconds
    done: Rounds = {worker.name: [] for worker in workers}
    failed: dict[str, str] = {}
    for worker in workers:
        worker.ask(steps)
    for number in range(rounds + 1):
        if number > 1 and end is not None and time.monotonic() > end:
            break
        for worker in [worker for worker in workers if worker.name not in failed]:
            try:
                if number:
                    worker.ask(steps)
                answer = worker.answer(end)
            except RuntimeError as error:  # too little memory or time, or a library that is not there
                failed[worker.name] = str(error)
                continue
            if number:
                done[worker.name].append(answer)
        print(f"round {number} of {rounds}", file=sys.stderr, flush=True)
    for worker in workers:
        worker.close()
    # One that was stopped in a later round has those before it.
    return {name: of for name, of in done.items() if of}, {name: failed[name] for name in failed if not done[name]}


def work(arguments: argparse.Namespace) -> None:
    """What that process does."""
    name, precision, compiled = arguments.worker
    if name == "ours":
        tune_malloc()
    device = torch.device(arguments.device)
    torch.manual_seed(0)
    x0 = torch.rand(arguments.batch, 3, 32, 32, device=device) * 2 - 1
    peer = MAKERS[name](arguments.size, device, precision, compiled == "compiled")
    size = sum(p.numel() for p in peer.network.parameters())
    fixed: dict[str, Any] = {"parameters": size, "flops_per_picture": None}
    if compiled != "compiled":
        with FlopCounterMode(display=False) as counter:
            peer.step(x0)  # outside of the rounds; convolutions and matrix products, forwards and backwards
        fixed["flops_per_picture"] = counter.get_total_flops() / arguments.batch
    for line in sys.stdin:
        wait(device)
        start = time.perf_counter()
        for _ in range(int(line)):
            peer.step(x0)
        wait(device)
        seconds = (time.perf_counter() - start) / int(line)
        print(json.dumps({"seconds": seconds, "peak_mib": peak(device), **fixed}), flush=True)


def wait(device: torch.device) -> None:
    """Until the device has done what it was asked."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def peak(device: torch.device) -> float:
    """MiB. Not ru_maxrss: a new process inherits its parent's."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def measure(arguments: argparse.Namespace, seconds: float | None = None) -> dict[str, Any]:
    """Medians over the rounds, and each one's ratio to diffusers in fp32, as it comes."""
    device = torch.device(arguments.device)
    workers = [worker_of(arguments, entry) for entry in contestants(arguments, device)]
    rounds, failed = interleaved(workers, arguments.rounds, arguments.steps, seconds)
    if not rounds:
        raise RuntimeError(f"none of them could run: {failed}")
    times = {name: [r["seconds"] for r in of] for name, of in rounds.items()}
    base = next((name for name in times if name.startswith("diffusers fp32")), next(iter(times)))
    rows = {}
    for name, own in times.items():
        own_rounds = rounds[name]
        ratios = [b / a for a, b in zip(own, times[base])]
        rows[name] = {
            "seconds": statistics.median(own),
            "pictures_per_second": arguments.batch / statistics.median(own),
            "times_faster_than_base": statistics.median(ratios),
            "lowest": min(ratios),
            "highest": max(ratios),
            "peak_mib": own_rounds[-1]["peak_mib"],
            "parameters": own_rounds[-1]["parameters"],
            # A compiled network hides its operators; they are those of the one that is not.
            "flops_per_picture": rounds.get(name.removesuffix(" compiled"), own_rounds)[-1]["flops_per_picture"],
        }
    return {
        "size": arguments.size,
        "batch": arguments.batch,
        "rounds": arguments.rounds,
        "base": base,
        "rows": rows,
        "failed": failed,
        "machine": machine(device),
    }


def machine(device: torch.device) -> dict[str, Any]:
    """What the numbers belong to."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else processor()
    return {
        "device": name,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def main() -> None:
    """Measure, print, and add to the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=sorted(peers.SIZES), default="wide")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=1, help="steps a round")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--compiled", action="store_true", help="each with torch.compile too")
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--of", nargs="+", default=["ours", "diffusers", "lucidrains"])
    parser.add_argument("--out", type=Path, help="a JSON file; results of other sizes in it stay")
    arguments = parser.parse_args()
    if arguments.worker:
        work(arguments)
        return
    result = measure(arguments)
    for name, row in result["rows"].items():
        spread = f"{row['times_faster_than_base']:.2f} ({row['lowest']:.2f} to {row['highest']:.2f})"
        cost = f"{1000 * row['seconds']:8.1f} ms {row['peak_mib']:7.0f} MiB"
        print(f"{name:42s} {cost}   {spread} times {result['base']}")
    if arguments.out:
        kept = json.loads(arguments.out.read_text()) if arguments.out.is_file() else {}
        kept[f"{arguments.size}, batch {arguments.batch}, {torch.device(arguments.device).type}"] = result
        arguments.out.write_text(json.dumps(kept, indent=2) + "\n")


if __name__ == "__main__":
    main()
