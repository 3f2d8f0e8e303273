"""What the cost of a diffusion model depends on: picture size, batch, T, sampling steps, number of processes.

    python benchmarks/cost.py --out benchmarks/results/cost.json
    python benchmarks/cost.py --network paper --device cuda --processes 1 2 4 8

Each row is the median over interleaved rounds. A training step is `fit`'s own; the processes are started by torchrun
on this machine, share one global batch, and share the cores among them.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from training_step import machine, wait

import diffusion_edu as de
from diffusion_edu import processes
from diffusion_edu.nn.cost import network_cost
from diffusion_edu.train.machine import tune_malloc

NETWORKS = {
    "small": de.UNetConfig.small(in_channels=3),
    "base": de.UNetConfig.base(in_channels=3),
    "paper": de.UNetConfig.paper(),
}
SIDES = (16, 32, 64, 128)
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128)
T_VALUES = (100, 1000, 10_000)
SAMPLING = (10, 20, 50, 100)


def pictures(count: int, side: int) -> torch.Tensor:
    """Random ones: what they show does not matter to the clock."""
    return torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8)


def training(arguments: argparse.Namespace, *, batch: int, side: int = 32, T: int = 1000) -> Callable[[], None]:
    """One training step a call."""
    model = de.UNet(NETWORKS[arguments.network])
    recipe = de.Recipe(steps=10**9, batch_size=batch, log_every=1, checkpoint_every=10**9)
    run = de.fit(
        model, pictures(batch, side), recipe, de.Denoising(de.NoiseSchedule.cosine(T)), device=arguments.device
    )
    return lambda: next(run, None) and None  # type: ignore[func-returns-value]


def drawing(arguments: argparse.Namespace, steps: int) -> Callable[[], None]:
    """Eight pictures by DDIM a call."""
    model = de.UNet(NETWORKS[arguments.network]).to(arguments.device).eval()
    denoiser = de.Denoiser(model, de.NoiseSchedule.linear(1000)).eval()

    def run() -> None:
        for _ in de.sample(denoiser, (8, 3, 32, 32), steps=steps, device=arguments.device):
            pass

    return run


def medians(calls: dict[Any, Callable[[], None]], rounds: int, device: torch.device) -> dict[Any, list[float]]:
    """(median, lowest, highest) seconds of each call, after one round to warm up."""
    times: dict[Any, list[float]] = {key: [] for key in calls}
    for number in range(rounds + 1):
        for key, call in calls.items():
            wait(device)
            start = time.perf_counter()
            call()
            wait(device)
            if number:
                times[key].append(time.perf_counter() - start)
    return {key: [statistics.median(own), min(own), max(own)] for key, own in times.items()}


def rows(name: str, found: dict[Any, list[float]], count: Callable[[Any], int]) -> list[dict[str, Any]]:
    """The rows of one table; `count` says how many pictures a call did."""
    return [
        {
            name: key,
            "seconds": middle,
            "lowest": low,
            "highest": high,
            "pictures_per_second": count(key) / middle,
        }
        for key, (middle, low, high) in found.items()
    ]


def by_processes(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """The same global batch with other numbers of processes, each number started anew in every round."""
    speeds: dict[int, list[float]] = {count: [] for count in arguments.processes}
    cores = os.cpu_count() or 1
    for _ in range(arguments.process_rounds):
        for count in arguments.processes:
            started = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count), __file__]
            shape = ["--network", arguments.network, "--batch", str(arguments.batch), "--device", arguments.device]
            threads = {"OMP_NUM_THREADS": str(max(1, cores // count))}
            done = subprocess.run(
                [sys.executable, *started, "--worker", *shape],
                env={**os.environ, **threads},
                capture_output=True,
                text=True,
                check=True,
            )
            speeds[count].append(float(done.stdout.split()[-1]))
    return [
        {
            "processes": count,
            "threads": max(1, cores // count),
            "pictures_per_second": statistics.median(own),
            "lowest": min(own),
            "highest": max(own),
        }
        for count, own in speeds.items()
    ]


def work(arguments: argparse.Namespace) -> None:
    """What each of these processes does: ten steps, of which the last seven count."""
    tune_malloc()
    device = torch.device(arguments.device)
    if device.type == "cuda":
        device = torch.device("cuda", processes.local_rank())
    with processes.joined(device) as here:
        recipe = de.Recipe(steps=10**9, batch_size=arguments.batch, log_every=1, checkpoint_every=10**9)
        model = de.UNet(NETWORKS[arguments.network])
        run = de.fit(
            model, pictures(arguments.batch, 32), recipe, de.Denoising(de.NoiseSchedule.linear(1000)), device=device
        )
        speeds = [next(run).pictures_per_second for _ in range(10)][3:]
        if here.first:
            print(statistics.median(speeds))


def only(values: Iterable[int], most: int) -> list[int]:
    """Those that are not too large."""
    return [value for value in values if value <= most]


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", choices=NETWORKS, default="base")
    parser.add_argument("--batch", type=int, default=32, help="the largest of the sweep, and that of the processes")
    parser.add_argument("--side", type=int, default=64, help="the largest side of a picture")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--process-rounds", type=int, default=3)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    if arguments.worker:
        work(arguments)
        return
    tune_malloc()
    device = torch.device(arguments.device)
    sides = {side: training(arguments, batch=8, side=side) for side in only(SIDES, arguments.side)}
    by_side = rows("side", medians(sides, arguments.rounds, device), lambda _: 8)
    for row in by_side:
        row["flops"] = network_cost(NETWORKS[arguments.network], row["side"]).flops
    del sides
    batches = {batch: training(arguments, batch=batch) for batch in only(BATCHES, arguments.batch)}
    by_batch = rows("batch", medians(batches, arguments.rounds, device), lambda batch: batch)
    del batches
    lengths = {T: training(arguments, batch=8, T=T) for T in T_VALUES}
    by_length = rows("T", medians(lengths, arguments.rounds, device), lambda _: 8)
    del lengths
    draws = {steps: drawing(arguments, steps) for steps in SAMPLING}
    by_steps = rows("steps", medians(draws, max(3, arguments.rounds // 2), device), lambda _: 8)
    result = {
        "network": arguments.network,
        "side": by_side,
        "batch": by_batch,
        "T": by_length,
        "steps": by_steps,
        "processes": by_processes(arguments),
        "global_batch": arguments.batch,
        "machine": machine(device),
    }
    print(json.dumps(result, indent=2))
    if arguments.out:
        arguments.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
