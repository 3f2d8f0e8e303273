"""Where the time of a training step goes, by kind of arithmetic.

    python benchmarks/profile_step.py --out benchmarks/results/profile.json
    python benchmarks/profile_step.py --network paper --batch 128 --device cuda

The step is that of `fit`, at its default precision and in float32, under PyTorch's profiler; shares are of the time of
the operators themselves (on a GPU: of its kernels), backward counted with what it is the backward of. Profiling slows
small operators most, so shares below a percent or two say little.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import torch
from cost import NETWORKS, pictures
from torch.profiler import ProfilerActivity, profile
from training_step import machine, wait

import diffusion_edu as de
from diffusion_edu.train.machine import has_bf16, tune_malloc

# The first kind with a word in the operator's name takes it.
KINDS = {
    "convolution": ("conv",),
    "attention": ("scaled_dot_product", "softmax", "flash", "bmm", "baddbmm"),
    "GroupNorm": ("group_norm", "groupnorm", "rowwise", "moments"),
    "SiLU": ("silu",),
    "linear layers": ("addmm", "::mm", "linear", "gemm"),
    "optimiser": ("adam",),
    "gradient clipping": ("norm", "clamp", "foreach_mul", "reciprocal"),
    "running average": ("lerp", "foreach"),
    "random numbers": ("normal_", "random", "bernoulli", "dropout", "randn", "randint"),
    "copies and conversions": ("copy", "cat", "to_copy", "fill", "zero", "index", "clone", "contiguous"),
    "sums and products": ("add", "mul", "sub", "div", "sum", "mse", "mean"),
}


def kind(name: str) -> str:
    """The kind of an operator."""
    lower = name.lower()
    return next((of for of, words in KINDS.items() if any(word in lower for word in words)), "the rest")


def shares(arguments: argparse.Namespace, precision: str) -> dict[str, Any]:
    """Share of each kind, the largest operators, and the milliseconds of a step without the profiler."""
    device = torch.device(arguments.device)
    model = de.UNet(NETWORKS[arguments.network])
    recipe = de.Recipe(
        steps=10**9,
        batch_size=arguments.batch,
        log_every=1,
        checkpoint_every=10**9,
        precision=precision,
        compile=arguments.compiled,
    )
    run = de.fit(
        model, pictures(arguments.batch, 32), recipe, de.Denoising(de.NoiseSchedule.linear(1000)), device=device
    )
    for _ in range(3):
        next(run)
    wait(device)
    start = time.perf_counter()
    for _ in range(arguments.steps):
        next(run)
    wait(device)
    seconds = (time.perf_counter() - start) / arguments.steps
    on_gpu = device.type == "cuda"
    with profile(activities=[ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]) as seen:
        for _ in range(arguments.steps):
            next(run)
        wait(device)
    own = {e.key: e.self_device_time_total if on_gpu else e.self_cpu_time_total for e in seen.key_averages()}
    total = sum(own.values())
    by_kind: dict[str, float] = defaultdict(float)
    for name, spent in own.items():
        by_kind[kind(name)] += spent / total
    largest = sorted(own.items(), key=lambda item: -item[1])[:12]
    return {
        "milliseconds": 1000 * seconds,
        "rows": [{"part": name, "share": share} for name, share in sorted(by_kind.items(), key=lambda i: -i[1])],
        "operators": [{"operator": name[:80], "share": spent / total} for name, spent in largest],
    }


def main() -> None:
    """Measure, print, and add to the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", choices=NETWORKS, default="paper")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--compiled", action="store_true")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    tune_malloc()
    device = torch.device(arguments.device)
    result: dict[str, Any] = {
        "network": arguments.network,
        "batch": arguments.batch,
        "compiled": arguments.compiled,
        "machine": machine(device),
    }
    for precision in ("bf16", "fp32") if has_bf16(device) else ("fp32",):
        result[precision] = shares(arguments, precision)
        print(f"{arguments.network}, batch {arguments.batch}, {precision}: {result[precision]['milliseconds']:.0f} ms")
        for row in result[precision]["rows"]:
            print(f"  {row['part']:26s} {100 * row['share']:5.1f}%")
        for row in result[precision]["operators"]:
            print(f"      {row['operator']:60s} {100 * row['share']:5.1f}%")
    if arguments.out:
        arguments.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
