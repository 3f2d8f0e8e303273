"""The parts that look inside: the auto-encoder alone, and the U-Net's loss as its training went on."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from diffusion_edu import Cond
from diffusion_edu.data import to_pixels, to_x0
from diffusion_edu.systems import Dalle
from diffusion_edu.train.losses import diffusion_loss

from . import eyes as looking
from .drawing import Easel
from .parts import Work
from .sets import Prompts
from .sources import Subject


@torch.no_grad()
def autoencoder(work: Work) -> dict[str, Any]:
    """Held-out images through the auto-encoder and back."""
    bench, system, size = work.bench, work.subject.system, work.subject.size
    pixels = bench.sets.held_out.pixels[size]
    x0 = to_x0(pixels)
    rebuilt = to_pixels(torch.cat([system.after(system.before(part)) for part in x0.split(60)]))
    side = system.drawn_shape[-1]
    coarse = F.interpolate(F.adaptive_avg_pool2d(x0, side), size=(size, size), mode="bilinear", align_corners=False)
    errors = squared_errors(rebuilt, pixels)
    each = psnr(errors)
    low, high = each.quantile(torch.tensor([0.05, 0.95]).double()).tolist()
    true = bench.efficientnet("held_out", size)
    return {
        "psnr": round(each.mean().item(), 2),
        "psnr_of_mean_mse": round(psnr(errors.mean()).item(), 2),
        "psnr_low": round(low, 2),
        "psnr_high": round(high, 2),
        "n": len(pixels),
        "values": {"image": math.prod(system.shape), "latent": math.prod(system.drawn_shape)},
        "downsampled_psnr": round(psnr(squared_errors(to_pixels(coarse), pixels)).mean().item(), 2),
        "frechet": {
            "judge": looking.distance(bench.judge(rebuilt), bench.judged),
            "efficientnet": looking.distance(bench.eyes.efficientnet(rebuilt), true),
        },
        "judge": looking.fidelity(bench.eyes, rebuilt, bench.sets.held_out.texts)["judge"],
    }


def squared_errors(ours: Tensor, true: Tensor) -> Tensor:
    """(N,) mean squared difference of 8-bit values, each in [0, 1]."""
    return (ours.double() / 255 - true.double() / 255).square().flatten(1).mean(1)


def psnr(error: Tensor) -> Tensor:
    """Peak signal to noise ratio in dB of a mean squared error with the peak 1; at most 100."""
    return -10 * error.clamp(min=1e-10).log10()


# The stage that trained the network which draws from noise, in the systems' own words.
DRAWING = ("unet", "decoder", "base")


def training(work: Work) -> dict[str, Any]:
    """What more training gives: loss and the judge's opinion of interim weights and of the system itself."""
    few, count = work.bench.settings["sweep_n"], work.bench.settings["steps"]
    held_out, trained = work.bench.sets.held_out, work.bench.sets.training
    points = []
    for subject in [*work.checkpoints, work.subject]:
        seen = subject.about["images"]
        easel = work.easel if subject is work.subject else Easel(subject, work.bench.settings["seed"])
        pixels = easel.draw(held_out, few, work.guidance, count).pixels
        points.append(
            {
                "images": next((seen[stage] for stage in DRAWING if stage in seen), 0),
                "held_out_loss": loss(subject, held_out),
                "training_loss": loss(subject, trained),
                "judge": looking.fidelity(work.bench.eyes, pixels, held_out.texts)["judge"],
                "n": few,
                "file": subject.name,
            }
        )
    return {"points": sorted(points, key=lambda point: point["images"]), "guidance": work.guidance}


@torch.no_grad()
def loss(subject: Subject, prompts: Prompts, draws: int = 2) -> float:
    """The loss of true images with their captions: the images walk through all steps evenly, the noise is fixed."""
    system, texts = subject.system, prompts.texts
    generator = torch.Generator().manual_seed(0)
    x0 = torch.cat([system.before(to_x0(part)) for part in prompts.pixels[subject.size].split(60)])
    # A decoder of embeddings is told the true one, as it was in training; the others read.
    cond = Cond(vec=system.seen(prompts.pixels[subject.size])) if isinstance(system, Dalle) else system.text(texts)
    found = []
    for _ in range(draws):
        t = torch.linspace(1, system.schedule.T, len(texts)).round().long()
        t = t[torch.randperm(len(texts), generator=generator)]
        eps = torch.randn(x0.shape, generator=generator)
        for rows in torch.arange(len(texts)).split(60):
            found.append(
                diffusion_loss(
                    system.unet,
                    x0[rows],
                    system.schedule,
                    system.config.target,
                    cond=cond[rows],
                    t=t[rows],
                    eps=eps[rows],
                    reduce=False,
                )
            )
    return round(torch.cat(found).mean().item(), 5)
