"""The parts of gpu.py that measure speed: the machine's peak, throughput beside others, what each setting is worth."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import peers
import torch
from torch import nn
from training_step import measure, peak, wait

import diffusion_edu as de
from diffusion_edu.nn.cost import network_cost
from diffusion_edu.train.losses import diffusion_loss
from diffusion_edu.train.machine import has_bf16


def median_seconds(call: Callable[[], Any], device: torch.device, rounds: int) -> float:
    """Of one call, after two to warm up."""
    times = []
    for number in range(rounds + 2):
        wait(device)
        start = time.perf_counter()
        call()
        wait(device)
        if number > 1:
            times.append(time.perf_counter() - start)
    return statistics.median(times)


def measure_peak(device: torch.device, side: int, rounds: int = 15) -> dict[str, float]:
    """FLOP/s of square matrix products by kind of number, and bytes/s of a copy (read and written)."""
    kinds = {"bf16": torch.bfloat16, "fp32": torch.float32}
    found: dict[str, float] = {"side": side}
    for name, kind in kinds.items():
        a, b = (torch.randn(side, side, device=device).to(kind) for _ in range(2))
        found[f"{name}_flops"] = 2 * side**3 / median_seconds(lambda a=a, b=b: a @ b, device, rounds)
    if device.type == "cuda":
        a, b = (torch.randn(side, side, device=device) for _ in range(2))
        before = torch.backends.cuda.matmul.allow_tf32
        torch.backends.cuda.matmul.allow_tf32 = True
        found["tf32_flops"] = 2 * side**3 / median_seconds(lambda: a @ b, device, rounds)
        torch.backends.cuda.matmul.allow_tf32 = before
    source = torch.empty(side * side * 8, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    found["copy_bytes"] = 2 * source.numel() / median_seconds(lambda: target.copy_(source), device, rounds)
    return found


def training_flops(size: str) -> int:
    """FLOPs of one training picture: three times those forward."""
    return 3 * network_cost(peers.our_config(size), 32).flops


def measure_throughput(arguments: argparse.Namespace, top: dict[str, float]) -> dict[str, Any]:
    """training_step.py's comparison, and our share of the peak."""
    options = argparse.Namespace(
        size=arguments.size,
        batch=min(arguments.batch, 128),  # all contestants hold their memory at the same time
        device=arguments.device,
        rounds=arguments.rounds,
        steps=arguments.steps,
        compiled=arguments.compiled,
        of=arguments.of,
    )
    result = measure(options)
    for row in result["rows"].values():
        row["flops_per_second"] = row["pictures_per_second"] * row["flops_per_picture"]
        row["share_of_bf16_peak"] = row["flops_per_second"] / top["bf16_flops"]
    return {**result, "our_flops_by_the_trace": training_flops(arguments.size)}


# ---- what each setting is worth ---------------------------------------------------------------------------

FASTEST = {"bf16": True, "channels_last": True, "compile": "default", "fused": True, "foreach": True}
WITHOUT: dict[str, dict[str, Any]] = {
    "all of them": {},
    "without bf16": {"bf16": False},
    "without channels-last": {"channels_last": False},
    "without compile": {"compile": None},
    "with CUDA graphs": {"compile": "reduce-overhead"},
    "without the fused optimiser": {"fused": False},
    "average weight by weight": {"foreach": False},
    "none of them": {"bf16": False, "channels_last": False, "compile": None, "fused": False, "foreach": False},
}


def settings(device: torch.device, compiled: bool) -> dict[str, dict[str, Any]]:
    """Each row's switches: all that this device has, less one."""
    on_gpu = device.type == "cuda"  # on a processor compiling is no part of the best: there it is a row of its own
    best = {**FASTEST, "bf16": has_bf16(device), "compile": "default" if compiled and on_gpu else None}
    if device.type == "cpu" and best["bf16"]:
        best["channels_last"] = False  # see fit: GroupNorm's backward
    rows = {}
    for name, changes in WITHOUT.items():
        switched = {**best, **changes}
        # What this device does not have, or what is not tried, cannot be left out either.
        graphs = switched["compile"] == "reduce-overhead" and not (on_gpu and compiled)
        if not graphs and (switched not in rows.values()):
            rows[name] = switched
    if device.type == "cpu" and best["bf16"]:
        rows["with channels-last"] = {**best, "channels_last": True}
    if compiled and not on_gpu:
        rows["with compile"] = {**best, "compile": "default"}
    return rows


def step_of(size: str, batch: int, device: torch.device, switch: dict[str, Any]) -> Callable[[], None]:
    """A training step with these switches, written out."""
    layout = torch.channels_last if switch["channels_last"] else torch.contiguous_format
    model = de.UNet(peers.our_config(size)).to(device=device).to(memory_format=layout)  # type: ignore[call-overload]
    average = de.UNet(model.config).to(device=device).to(memory_format=layout)  # type: ignore[call-overload]
    forward = torch.compile(model, mode=switch["compile"]) if switch["compile"] else model
    options: dict[str, Any] = {"fused": True} if switch["fused"] else {"fused": False, "foreach": False}
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-4, **options)
    schedule = de.NoiseSchedule.linear(1000)
    x0 = (torch.rand(batch, 3, 32, 32, device=device) * 2 - 1).to(memory_format=layout)
    generator = torch.Generator(device)

    def step() -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=switch["bf16"]):
            loss = diffusion_loss(forward, x0, schedule, generator=generator)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            mine, theirs = list(average.parameters()), list(model.parameters())
            if switch["foreach"]:
                torch._foreach_lerp_(mine, theirs, 1e-4)
            else:
                for own, other in zip(mine, theirs):
                    own.lerp_(other, 1e-4)

    return step


def worker(arguments: argparse.Namespace) -> None:
    """One row, in a process of its own: seconds a step and the peak of memory, printed as JSON."""
    device = torch.device(arguments.device)
    step = step_of(arguments.size, arguments.batch, device, json.loads(arguments.switches))
    seconds = median_seconds(step, device, arguments.steps)
    print(json.dumps({"seconds": seconds, "peak_mib": peak(device)}))


def measure_row(
    arguments: argparse.Namespace, batch: int, switch: dict[str, Any], seconds: float | None = None
) -> dict[str, Any]:
    """The same, started; what goes wrong there is kept in words: a batch may well be too large.

    Raises:
        subprocess.TimeoutExpired: not done in so many seconds.
    """
    words = ["--size", arguments.size, "--device", arguments.device, "--batch", str(batch), "--steps", "10"]
    command = [sys.executable, str(Path(__file__).with_name("gpu.py")), *words, "--switches", json.dumps(switch)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    if done.returncode:
        return {"failed": done.stderr.strip().splitlines()[-1][:200] if done.stderr.strip() else str(done.returncode)}
    found = json.loads(done.stdout.splitlines()[-1])
    return {**found, "pictures_per_second": batch / found["seconds"]}
