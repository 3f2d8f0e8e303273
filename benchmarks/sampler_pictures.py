"""Draw the pictures that `sampler_distance.py` measures: many thousands from `fashion`, by each sampler.

    python benchmarks/sampler_pictures.py                   # goes on where it stopped
    python benchmarks/sampler_pictures.py --part 0/2        # one of two processes that share the work
    python benchmarks/sampler_pictures.py --device cuda --ddpm 10000

Picture i of every sampler starts from the same noise, that of seed i. The pictures lie in runs/sampler-pictures, a
file a hundred, uint8. On a CPU that has bfloat16 the network runs in it; the row "ddim-10-fp32" does not, and shows
whether that matters.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch._inductor.config
from torch import Tensor, nn

import diffusion_edu as de

FOLDER = Path("runs/sampler-pictures")
CHUNK = 100
# (method, steps): the cheap ones first, so that a run that is stopped early has whole rows.
SAMPLERS = [("ddim", 10), ("dpm-solver", 10), ("ddim", 20), ("dpm-solver", 20), ("ddim", 50)]
LONG = [("ddpm", 1000), ("ddim", 100)]


class HalfPrecision(nn.Module):
    """A network whose arithmetic is bfloat16, compiled; its answers are float32."""

    def __init__(self, model: nn.Module, device: str) -> None:
        super().__init__()
        self.model, self.kind = torch.compile(model), torch.device(device).type

    def forward(self, x_t: Tensor, t: Tensor, cond: object = None) -> Tensor:
        """The network's only signature."""
        with torch.no_grad(), torch.autocast(self.kind, dtype=torch.bfloat16):
            return self.model(x_t, t, cond).float()


def jobs(pictures: int, ddpm: int) -> list[tuple[str, str, int, int, bool]]:
    """(folder, method, steps, first picture, half precision) of each file, in the order of the work."""
    short = [(f"{m}-{s}", m, s, i, True) for m, s in SAMPLERS for i in range(0, pictures, CHUNK)]
    check = [("ddim-10-fp32", "ddim", 10, i, False) for i in range(0, pictures // 5, CHUNK)]
    slow = [(f"ddpm-{LONG[0][1]}", *LONG[0], i, True) for i in range(0, ddpm, CHUNK)]
    last = [(f"ddim-{LONG[1][1]}", *LONG[1], i, True) for i in range(0, pictures, CHUNK)]
    # Two hundred pictures of the one for each thousand of the other: both grow together.
    both = [job for k in range(max(len(slow), len(last) // 5)) for job in (*slow[k : k + 1], *last[5 * k : 5 * k + 5])]
    return short + check + both


def main() -> None:
    """Draw what is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=10_000, help="of each sampler but DDPM")
    parser.add_argument("--ddpm", type=int, default=2_000, help="of DDPM, which takes 1000 steps a picture")
    parser.add_argument("--part", default="0/1", help="k/n: take each n-th file of a sampler, beginning with the k-th")
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    part, parts = map(int, arguments.part.split("/"))
    plain = de.load("fashion", arguments.device)
    torch._inductor.config.freezing = True  # weights as constants: a third faster on a CPU, the same numbers
    network = HalfPrecision(plain.model, arguments.device)
    half = replace(plain, denoiser=de.Denoiser(network, plain.schedule, plain.denoiser.kind, clip=True).eval())
    for name, method, steps, first, fast in jobs(arguments.pictures, arguments.ddpm):
        file = FOLDER / name / f"{first:05}.npy"
        if first // CHUNK % parts != part or file.is_file():
            continue
        started = time.perf_counter()
        system = half if fast else plain
        drawn = system.generate(CHUNK, seed=first, sampler=de.named_sampler(method), steps=steps, batch_size=CHUNK)
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(f".{os.getpid()}.part")
        with partial.open("wb") as stream:
            np.save(stream, de.data.to_pixels(drawn).numpy())
        partial.replace(file)
        print(f"{file}: {CHUNK * steps / (time.perf_counter() - started):.0f} network calls a second", flush=True)


if __name__ == "__main__":
    main()
