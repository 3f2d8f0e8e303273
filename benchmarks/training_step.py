"""Time and memory of one training step, side by side with two other libraries, as they come and tuned.

    python benchmarks/training_step.py --size wide --batch 32 --out benchmarks/results/training_step.json
    python benchmarks/training_step.py --size paper --batch 8
    python benchmarks/training_step.py --size paper --batch 128 --device cuda --compiled

A step is forward, backward, clipping, optimiser and running average, each library's own. The networks have the same
width, depth and levels with attention. The rounds are interleaved in one process, so that a change of the machine's
speed meets all; the table gives medians and the spread of the ratios. See `peers.py` for what has to be installed.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import peers
import torch

from diffusion_edu.train.machine import tune_malloc


def contestants(arguments: argparse.Namespace, device: torch.device) -> list[peers.Peer]:
    """Each library in fp32, as it comes, and in bf16; ours with its default first."""
    best = peers.best_precision(device)
    makers = {"ours": peers.ours, "diffusers": peers.diffusers, "lucidrains": peers.lucidrains}
    chosen = []
    for name in arguments.of:
        for precision in dict.fromkeys((best, "fp32")):
            chosen.append(makers[name](arguments.size, device, precision))
        if arguments.compiled:
            chosen.append(makers[name](arguments.size, device, best, compiled=True))
    return chosen


def timed(peer: peers.Peer, x0: torch.Tensor, device: torch.device, steps: int) -> float:
    """Seconds a step."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(steps):
        peer.step(x0)
    if device.type == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - start) / steps


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Medians over the rounds, and each one's ratio to the first of diffusers (fp32, as it comes)."""
    device = torch.device(arguments.device)
    torch.manual_seed(0)
    x0 = torch.rand(arguments.batch, 3, 32, 32, device=device) * 2 - 1
    all_of = contestants(arguments, device)
    times: dict[str, list[float]] = {peer.name: [] for peer in all_of}
    for number in range(arguments.rounds + 1):
        for peer in all_of:
            seconds = timed(peer, x0, device, arguments.steps)
            if number:  # the first round warms up, and compiles
                times[peer.name].append(seconds)
        print(f"round {number} of {arguments.rounds}", file=sys.stderr, flush=True)
    base = next((name for name in times if name.startswith("diffusers fp32")), next(iter(times)))
    rows = {}
    for peer in all_of:
        ratios = [b / a for a, b in zip(times[peer.name], times[base])]
        rows[peer.name] = {
            "seconds": statistics.median(times[peer.name]),
            "pictures_per_second": arguments.batch / statistics.median(times[peer.name]),
            "times_faster_than_base": statistics.median(ratios),
            "lowest": min(ratios),
            "highest": max(ratios),
            "parameters": sum(p.numel() for p in peer.network.parameters()),
        }
    return {"size": arguments.size, "batch": arguments.batch, "base": base, "rows": rows, "machine": machine(device)}


def machine(device: torch.device) -> dict[str, Any]:
    """What the numbers belong to."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    return {
        "device": name,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
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
    parser.add_argument("--of", nargs="+", default=["ours", "diffusers", "lucidrains"])
    parser.add_argument("--out", type=Path, help="a JSON file; results of other sizes in it stay")
    arguments = parser.parse_args()
    tune_malloc()
    result = measure(arguments)
    for name, row in result["rows"].items():
        spread = f"{row['times_faster_than_base']:.2f} ({row['lowest']:.2f} to {row['highest']:.2f})"
        print(f"{name:42s} {1000 * row['seconds']:8.1f} ms   {spread} times {result['base']}")
    if arguments.out:
        kept = json.loads(arguments.out.read_text()) if arguments.out.is_file() else {}
        kept[f"{arguments.size}, batch {arguments.batch}, {torch.device(arguments.device).type}"] = result
        arguments.out.write_text(json.dumps(kept, indent=2) + "\n")


if __name__ == "__main__":
    main()
