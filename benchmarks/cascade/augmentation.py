"""What noise on the small images of a training does: one upscaler trained without, one with, for the same few steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from text_to_image.trainings import averaged, train
from torch import nn

import diffusion_edu as de
from diffusion_edu.data import to_pixels
from diffusion_edu.nn import UNet, UNetConfig
from diffusion_edu.randomness import seeded
from diffusion_edu.runs import emoji_imagen
from diffusion_edu.systems import Imagen, ImagenConfig, Upscaling

from .parts import Study, psnrs

UPSCALER = emoji_imagen.UP64
TINY = UNetConfig(3, (8, 8), 1, attention_levels=(), concat_channels=3, level=True, stride=2)
MOST = emoji_imagen.CONFIG.most_level
KINDS = {"clean": 0, "noised": MOST}  # the largest level of the training
SIZE = 64


def recipe(steps: int, batch_size: int) -> de.Recipe:
    """The numbers of both trainings: the rate falls over the second half, as in the system's own."""
    warm = min(100, steps // 4)
    own = {"warmup": warm, "cooldown": steps // 2, "ema_decay": 0.99, "checkpoint_every": 100}
    return de.Recipe(steps=steps, batch_size=batch_size, rate=1e-3, **own)


def objective(kind: str) -> Upscaling:
    """What is minimised."""
    schedule = de.NoiseSchedule.from_dict(emoji_imagen.SCHEDULE)
    return Upscaling(schedule, drop=0.0, most_level=KINDS[kind])


def trained(config: UNetConfig, numbers: de.Recipe, seeds: Sequence[int], work: Path) -> dict[str, Any]:
    """Train each kind with each seed; a training that is there goes on, or is done."""
    data = {"pixels": emoji_imagen.images(SIZE), "small": emoji_imagen.images(SIZE // 2)}
    runs = {}
    for seed in seeds:
        own = replace(numbers, seed=seed)
        for kind, most in KINDS.items():
            model = seeded(lambda: UNet(config), seed)
            told = train(model, data, own, objective(kind), work / f"{kind}-{seed}")
            runs[f"{kind}-{seed}"] = {"most_level": most, "seed": seed, **told}
    images = numbers.steps * numbers.batch_size
    return {"steps": numbers.steps, "batch_size": numbers.batch_size, "images": images, "runs": runs}


def compared(study: Study, config: UNetConfig, runs: dict[str, Any], work: Path) -> dict[str, Any]:
    """What each of them makes of drawn and of true images of half the size."""
    few, seed = study.bench.settings["few"], study.bench.settings["seed"]
    small, drawn = study.true(SIZE // 2)[:few], study.drawn[-2]
    found: dict[str, Any] = {}
    with torch.no_grad():
        for name, run in runs.items():
            network = averaged(UNet(config), work / name)
            system = alone(network, config, run["most_level"])
            found[name] = []
            for level in (0,) if run["most_level"] == 0 else (0, study.system.config.level):
                own = {"level": level, "seed": seed, **study.options}
                point = study.looked(to_pixels(system.upscale(drawn, **own)))
                point["psnr"] = psnrs(partial(system.upscale, **own), small, study.true(SIZE)[:few])
                found[name].append({"level": level, **point})
    return {"runs": found}


def alone(network: nn.Module, config: UNetConfig, most_level: int) -> Imagen:
    """A cascade of this one upscaler: its base draws nothing here."""
    base = UNetConfig(config.in_channels, (4,), 1, attention_levels=())
    level = min(emoji_imagen.CONFIG.level, most_level)
    shape = {"size": SIZE // 2, "schedule": emoji_imagen.SCHEDULE, "most_level": most_level, "level": level}
    system = Imagen(ImagenConfig(base, (config,), **shape))
    system.up[0] = network
    return system.eval()
