"""The parts that measure speed: the machine's peak, throughput beside others, what each setting is worth."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import peers
import torch
from torch import nn
from training_step import Worker, interleaved, measure, peak, wait

import diffusion_edu as de
from diffusion_edu.nn.cost import network_cost
from diffusion_edu.train.losses import diffusion_loss
from diffusion_edu.train.machine import has_bf16

from .options import words_of
from .processes import SCRIPT
from .results import Budget, Results

ROUNDS, STEPS = 5, 5


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


def do_peak(arguments: argparse.Namespace, results: Results, seconds: float) -> None:
    """What the machine can do at most."""
    large = arguments.device.startswith("cuda") and not arguments.tiny
    found = measure_peak(torch.device(arguments.device), 8192 if large else 512)
    results.part("peak").update(found, done=True)


def training_flops(size: str) -> int:
    """FLOPs of one training picture: three times those forward."""
    return 3 * network_cost(peers.our_config(size), 32).flops


def peak_of(arguments: argparse.Namespace, results: Results) -> float:
    """What shares are taken of; measured here, where there was no time for it before."""
    if not results.done("peak"):
        results.part("peak").pop("said", None)
        do_peak(arguments, results, 0.0)
        results.save()
    return results.parts["peak"]["bf16_flops"]


def do_throughput(arguments: argparse.Namespace, results: Results, seconds: float) -> None:
    """training_step.py's comparison, and our share of the peak."""
    budget, top = Budget(seconds, 5.0), peak_of(arguments, results)
    options = argparse.Namespace(
        size=arguments.size,
        batch=min(arguments.batch, 64),  # all contestants hold their memory at the same time
        device=arguments.device,
        rounds=ROUNDS,
        steps=STEPS if arguments.device.startswith("cuda") else 1,
        compiled=arguments.compiled,
        of=arguments.of,
    )
    result = measure(options, budget.left())
    for row in result["rows"].values():
        row["flops_per_second"] = row["pictures_per_second"] * row["flops_per_picture"]
        row["share_of_bf16_peak"] = row["flops_per_second"] / top
    # What has no row because a library is not there is told, and is no reason to try again.
    results.part("throughput").update(result, our_flops_by_the_trace=training_flops(arguments.size), done=True)


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


def setting_job(arguments: argparse.Namespace, told: str) -> int:
    """One row, in a process of its own: asked for so many steps, it answers with seconds a step and its memory."""
    device = torch.device(arguments.device)
    wanted = json.loads(told)
    step = step_of(arguments.size, wanted["batch"], device, wanted["switch"])
    for line in sys.stdin:
        wait(device)
        start = time.perf_counter()
        for _ in range(int(line)):
            step()
        wait(device)
        print(json.dumps({"seconds": (time.perf_counter() - start) / int(line), "peak_mib": peak(device)}), flush=True)
    return 0


def wanted_rows(arguments: argparse.Namespace) -> list[tuple[str, str, int, dict[str, Any]]]:
    """(table, name, batch, switches) of each row of `worth`."""
    rows = settings(torch.device(arguments.device), arguments.compiled)
    if arguments.tiny:  # each row starts a process: two are a trial
        rows = {name: rows[name] for name in ("all of them", "none of them")}
    wanted = [("rows", name, arguments.batch, switch) for name, switch in rows.items()]
    return wanted + [("batches", str(batch), batch, rows["all of them"]) for batch in arguments.batches]


def do_worth(arguments: argparse.Namespace, results: Results, seconds: float) -> None:
    """The settings at once, in rounds in turn; then each batch, one after the other: they take the memory."""
    part, budget, top = results.part("worth"), Budget(seconds, 5.0), peak_of(arguments, results)
    for table in ("rows", "batches"):
        kept = part.setdefault(table, {})
        rows = [row for row in wanted_rows(arguments) if row[0] == table and "seconds" not in kept.get(row[1], {})]
        for group in [rows] if table == "rows" else [[row] for row in rows]:
            if not group or budget.left() < 1.0:
                continue
            workers = [Worker(name, command(arguments, batch, switch)) for _, name, batch, switch in group]
            steps = STEPS if arguments.device.startswith("cuda") else 1
            rounds, failed = interleaved(workers, ROUNDS, steps, budget.left())
            for _, name, batch, switch in group:
                kept[name] = row_of(rounds.get(name), failed.get(name), batch, training_flops(arguments.size), top)
                kept[name]["switches"] = switch
            results.save()
    left = missing(arguments, results)
    part["done"] = not left
    if left:
        part["said"] = f"no time was left for {', '.join(left)}"


def missing(arguments: argparse.Namespace, results: Results) -> list[str]:
    """Rows of `worth` that are not there yet; more may be asked for than before."""
    part = results.part("worth")
    return [name for table, name, *_ in wanted_rows(arguments) if name not in part.get(table, {})]


def command(arguments: argparse.Namespace, batch: int, switch: dict[str, Any]) -> list[str]:
    """The process of a row."""
    told = json.dumps({"batch": batch, "switch": switch})
    return [sys.executable, str(SCRIPT), *words_of(arguments), "--job", "setting", told]


def row_of(
    rounds: list[dict[str, float]] | None, failed: str | None, batch: int, flops: int, top: float
) -> dict[str, Any]:
    """Medians of a row; what went wrong is kept in words: a batch may well be too large."""
    if not rounds:
        return {"failed": failed or "not done in its time"}
    seconds = statistics.median(one["seconds"] for one in rounds)
    rate = batch / seconds
    speeds = {"pictures_per_second": rate, "flops_per_second": flops * rate, "share_of_bf16_peak": flops * rate / top}
    return {"seconds": seconds, "peak_mib": rounds[-1]["peak_mib"], **speeds}
