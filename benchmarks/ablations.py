"""What is each part of the U-Net worth? The same network without skips, without time, without attention.

    python benchmarks/ablations.py --out benchmarks/results/ablations.json

Every variant has the same weights to start from, the same pictures, steps and noise in the same order, and the same
number of parameters: a part is silenced, not removed. It is judged by its averaged weights on test pictures with
fixed noise. The result has, for each variant and seed, the mean loss in three bands of t and over all t, beside the
loss of a network that answers 0 (which is 1). A run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import diffusion_edu as de
from diffusion_edu.nn import new_unet
from diffusion_edu.nn.blocks import Attend, UpBlock
from diffusion_edu.nn.embeddings import TimeEmbedding

BANDS = {"1-100": (1, 100), "101-400": (101, 400), "401-1000": (401, 1000)}


def without_skips(module: nn.Module, args: tuple) -> tuple:
    """The decoder is given zeros where the encoder's features were."""
    h, skip, *rest = args
    return (h, torch.zeros_like(skip), *rest)


def without_time(module: nn.Module, args: tuple) -> tuple:
    """Every step looks like step 0."""
    return (torch.zeros_like(args[0]),)


def without_attention(module: nn.Module, args: tuple, out: Tensor) -> Tensor:
    """What went in comes out."""
    return args[0]


def silence(model: de.UNet, variant: str) -> de.UNet:
    """Silence one part of a network by hooks, which a copy of the network (the average) keeps."""
    for module in model.modules():
        if variant == "no skips" and isinstance(module, UpBlock):
            module.register_forward_pre_hook(without_skips)
        if variant == "no time" and isinstance(module, TimeEmbedding):
            module.register_forward_pre_hook(without_time)
        if variant == "no attention" and isinstance(module, Attend):
            module.register_forward_hook(without_attention)
    return model


VARIANTS = ("full", "no attention", "no time", "no skips")


@torch.no_grad()
def judge(model: de.UNet, x0: Tensor, schedule: de.NoiseSchedule, seed: int) -> dict[str, float]:
    """Mean loss on x0 in each band of t: the pictures walk through the band's steps evenly, noise is fixed."""
    model.eval()
    losses = {}
    for band, (low, high) in BANDS.items():
        generator = torch.Generator().manual_seed(seed)
        t = torch.linspace(low, high, len(x0)).round().long()
        parts = zip(x0.split(100), t.split(100))
        loss = [de.diffusion_loss(model, x, schedule, generator=generator, t=s, reduce=False) for x, s in parts]
        losses[band] = torch.cat(loss).mean().item()
    shares = {band: (high - low + 1) / schedule.T for band, (low, high) in BANDS.items()}
    losses["all"] = sum(shares[band] * losses[band] for band in BANDS)
    return losses


def run(variant: str, seed: int, steps: int, preset: str, home: Path) -> dict[str, Any]:
    """Train one variant with one seed and judge it."""
    config = getattr(de.UNetConfig, preset)(in_channels=1)
    schedule = de.NoiseSchedule.linear(1000)
    model = silence(new_unet(config, seed), variant)
    warm, cool = max(1, steps // 10), steps // 3
    recipe = de.Recipe(steps=steps, batch_size=64, rate=1e-3, warmup=warm, cooldown=cool, ema_decay=0.99, seed=seed)
    ema = de.EMA(model, recipe.ema_decay)
    pixels = de.data.fashion_mnist("train").pixels
    for report in de.fit(
        model, pixels, recipe, de.Denoising(schedule), ema=ema, directory=home / f"{variant.replace(' ', '-')}-{seed}"
    ):
        print(
            f"{variant:13} seed {seed} step {report.step:5} loss {report.loss:.4f} {report.pictures_per_second:.0f}/s",
            flush=True,
        )
    x0 = de.data.to_x0(de.data.fashion_mnist("test").pixels[:2000])
    losses = judge(ema.model, x0, schedule, seed=1234)
    return {
        "variant": variant,
        "seed": seed,
        "parameters": sum(p.numel() for p in model.parameters()),
        "loss": {band: round(loss, 5) for band, loss in losses.items()},
    }


def main() -> None:
    """All variants of the first seed, then of the next; the result is written after each run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--preset", default="small", choices=["tiny", "small", "base"])
    parser.add_argument("--runs", type=Path, default=Path("runs/ablations"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/ablations.json"))
    args = parser.parse_args()

    began = time.strftime("%Y-%m-%d")
    machine = "cuda: " + torch.cuda.get_device_name() if torch.cuda.is_available() else f"cpu: {platform.machine()}"
    rows: list[dict[str, Any]] = []
    for seed in args.seeds:
        for variant in VARIANTS:
            home = args.runs / f"{args.preset}-{args.steps}"
            rows.append(run(variant, seed, args.steps, args.preset, home))
            report = {
                "preset": args.preset,
                "steps": args.steps,
                "batch_size": 64,
                "pictures_judged": 2000,
                "loss_of_answering_0": 1.0,
                "rows": rows,
                "machine": {"device": machine, "torch": torch.__version__, "date": began},
            }
            args.out.parent.mkdir(parents=True, exist_ok=True)
            args.out.write_text(json.dumps(report, indent=1) + "\n")
            print(json.dumps(rows[-1]), flush=True)


if __name__ == "__main__":
    main()
