"""What is measured of the system as it is: levels, and the threshold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from text_to_image import eyes as looking
from text_to_image.drawing import BATCH
from text_to_image.latents import psnr, squared_errors
from text_to_image.parts import Bench
from torch import Tensor
from torch.nn import functional

import diffusion_edu as de
from diffusion_edu.data import to_pixels, to_x0
from diffusion_edu.data.emoji import halved
from diffusion_edu.systems import Imagen, draw

LEVELS = (0, 25, 50, 100, 200, 300)
DRAWS = (1, 2, 4, 8)
ERRORS = (0.0, 0.02, 0.05, 0.1)
CLIPS: dict[str, str | bool] = {"dynamic": "dynamic", "static": True, "none": False}
SCALES = (1.0, 2.0, 4.0, 8.0)


@dataclass
class Study:
    """The system with what looks at it.

    Args:
        system: base and upscalers.
        bench: the real images, the eyes, the settings.
    """

    system: Imagen
    bench: Bench

    @property
    def texts(self) -> list[str]:
        """The captions."""
        return self.bench.sets.held_out.texts

    @property
    def options(self) -> dict[str, Any]:
        """How every network is sampled."""
        return {"sampler": de.DPMSolver(), "steps": self.bench.settings["steps"], "batch_size": BATCH}

    def true(self, size: int, other_style: bool = False) -> Tensor:
        """(n, 3, size, size) uint8: true held-out images, or training images of the same things in another style."""
        sets = self.bench.sets
        pixels = sets.other_style if other_style else sets.held_out.pixels
        return pixels[size] if size in pixels else halved(pixels[2 * size])

    @cached_property
    def drawn(self) -> tuple[Tensor, ...]:
        """The system's own images of every size, in [-1, 1]."""
        settings = self.bench.settings
        own = {"guidance": settings["guidance"], "seed": settings["seed"], "stages": True}
        return self.system.generate(self.texts, **own, **self.options)

    def looked(self, pixels: Tensor) -> dict[str, Any]:
        """What the networks say of n images of full size."""
        bench, size = self.bench, pixels.shape[-1]
        return {
            "judge": looking.fidelity(bench.eyes, pixels, self.texts)["judge"],
            "frechet": {
                "judge": looking.distance(bench.judge(pixels), bench.judged),
                "efficientnet": looking.distance(bench.eyes.efficientnet(pixels), bench.efficientnet("held_out", size)),
            },
        }


def erred(pixels: Tensor, error: float) -> Tensor:
    """(N, 3, h, w) uint8 with noise of this standard deviation, in units of [-1, 1]; the same at every call."""
    if not error:
        return pixels
    eps = torch.randn(pixels.shape, generator=torch.Generator().manual_seed(1))
    return to_pixels((to_x0(pixels) + error * eps).clamp(-1, 1))


def near(made: Tensor, large: Tensor) -> dict[str, Any]:
    """PSNR of images in [-1, 1] to the true ones."""
    return looking.mean(psnr(squared_errors(to_pixels(made.clamp(-1, 1)), large)))


def psnrs(upscale: Callable[[Tensor], Tensor], small: Tensor, large: Tensor) -> dict[str, Any]:
    """PSNR of what is made of true small images with each error.

    Args:
        upscale: uint8 small images -> large ones in [-1, 1].
        small, large: true images, uint8.
    """
    found = {}
    for error in ERRORS:
        found[f"{error:g}"] = near(upscale(erred(small, error)), large)
    return found


def saturated(pixels: Tensor) -> Tensor:
    """(N,) share of an image's values that are 0 or 255."""
    return ((pixels == 0) | (pixels == 255)).double().flatten(1).mean(1)


def real(study: Study) -> dict[str, Any]:
    """True images, and images of another style, in place of drawn ones."""
    bench, few, sizes = study.bench, study.bench.settings["few"], study.system.config.sizes
    size, base, sweep = sizes[-1], sizes[0], bench.settings["sweep_n"]
    other, small = study.true(size, other_style=True), study.true(base)
    known = bench.judge(looking.enlarged(small))
    style = bench.judge(looking.enlarged(study.true(base, other_style=True)[:sweep]))
    pairs = {f"up{to}": (study.true(to // 2)[:few], study.true(to)[:few]) for to in sizes[1:]}
    return {
        "floor": {
            "judge": looking.distance(bench.judge(other), bench.judged),
            "efficientnet": looking.distance(
                bench.efficientnet("other_style", size), bench.efficientnet("held_out", size)
            ),
        },
        "enlarged": {name: psnrs(looking.twice, *pair) for name, pair in pairs.items()},
        "small": {
            "saturated": looking.mean(saturated(small)),
            "judge": looking.fidelity(bench.eyes, looking.enlarged(small), study.texts)["judge"],
            "floor_of_sweeps": looking.distance(style, known),
        },
    }


def levels(study: Study) -> dict[str, Any]:
    """Each level, on true small images with small errors and on the base's own ones."""
    system, settings = study.system, study.bench.settings
    few, sizes = settings["few"], system.config.sizes
    own = {"guidance": settings["guidance"], "seed": settings["seed"], **study.options}
    rows: dict[str, list[dict[str, Any]]] = {}
    for to in sizes[1:]:
        small, large = study.true(to // 2)[:few], study.true(to)[:few]
        rows[f"up{to}"] = [
            {
                "level": level,
                "psnr": psnrs(
                    lambda x, to=to, level=level: system.upscale(x, study.texts[:few], to=to, level=level, **own),
                    small,
                    large,
                ),
            }
            for level in LEVELS
        ]
    generated = []
    for level in LEVELS:
        made = to_pixels(system.upscale(study.drawn[0], study.texts, level=level, **own))
        generated.append({"level": level, **study.looked(made)})
    return {"true": rows, "generated": generated}


def draws(study: Study) -> dict[str, Any]:
    """Interpolation, one drawing, and the mean of several, beside the true large image; nothing is wrong, level 0."""
    few, sizes = study.bench.settings["few"], study.system.config.sizes
    found = {}
    for to in sizes[1:]:
        small, large = study.true(to // 2)[:few], study.true(to)[:few]
        total, means = torch.zeros(large.shape), []
        for k in range(DRAWS[-1]):
            own = {"guidance": 1.0, "level": 0, "seed": study.bench.settings["seed"] + few * k, **study.options}
            total += study.system.upscale(small, study.texts[:few], to=to, **own)
            if k + 1 in DRAWS:
                means.append({"count": k + 1, "psnr": near(total / (k + 1), large)})
        enlarged = {
            mode: near(functional.interpolate(to_x0(small), size=(to, to), mode=mode), large)
            for mode in ("bilinear", "bicubic")
        }
        found[f"up{to}"] = {**enlarged, "draws": means}
    return {"true": found}


def thresholding(study: Study) -> dict[str, Any]:
    """Each clip of x_0 at each guidance, in the base alone."""
    system, bench = study.system, study.bench
    n, seed = bench.settings["sweep_n"], bench.settings["seed"]
    cond = system.text(study.texts[:n])
    known = bench.judge(looking.enlarged(study.true(system.config.size)))
    points = []
    for name, clip in CLIPS.items():
        for guidance in SCALES:
            denoiser = system.around(de.Guided(system.base, guidance), clip)
            x0 = draw(denoiser, system.drawn_shape, n, cond=cond, seed=seed, **study.options)
            pixels = to_pixels(x0.clamp(-1, 1))
            large = looking.enlarged(pixels)
            points.append(
                {
                    "clip": name,
                    "guidance": guidance,
                    "saturated": looking.mean(saturated(pixels)),
                    "beyond": looking.mean((x0.abs() > 1).double().flatten(1).mean(1)),
                    "judge": looking.fidelity(bench.eyes, large, study.texts)["judge"],
                    "frechet_judge": looking.distance(bench.judge(large), known),
                }
            )
    return {"points": points}
