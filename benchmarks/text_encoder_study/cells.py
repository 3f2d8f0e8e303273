"""A cell of the study: an encoder, a U-Net, a seed; how it is trained, and how it is judged."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from text_to_image import eyes as looking
from text_to_image.drawing import BATCH
from text_to_image.eyes import Eyes
from text_to_image.record import machine
from text_to_image.sets import Sets
from text_to_image.sources import remembered
from text_to_image.trainings import averaged, train
from torch import Tensor

import diffusion_edu as de
from diffusion_edu.data import to_pixels
from diffusion_edu.data.emoji import halved
from diffusion_edu.metrics import clip_score
from diffusion_edu.nn import UNet, UNetConfig
from diffusion_edu.randomness import seeded
from diffusion_edu.runs.emoji_imagen import SCHEDULE
from diffusion_edu.systems import PixelDiffusion, PixelDiffusionConfig, PromptTable, WithText
from diffusion_edu.systems.text import TextReader, caption_table, encode_texts

SIDE = 16
ENCODERS = ("random", "clip", "sentence")
SIZES = {"small": (24, 32, 48), "medium": (32, 48, 64), "large": (48, 72, 96)}
SCALES = (1.0, 1.5, 2.0, 4.0, 8.0)


class Cell(NamedTuple):
    """One of the study."""

    encoder: str
    size: str
    seed: int

    @property
    def name(self) -> str:
        """What the command line and the file call it."""
        return f"{self.encoder}:{self.size}:{self.seed}"

    @property
    def folder(self) -> str:
        """Where its training is kept."""
        return f"{self.encoder}-{self.size}-{self.seed}"


# All with one seed; then the corners, whose spread among seeds says what the differences are worth.
CELLS = tuple(Cell(encoder, size, 0) for encoder in ENCODERS for size in SIZES)
CORNERS = tuple(
    Cell(encoder, size, seed) for seed in (1, 2) for encoder in ENCODERS[::2] for size in ("small", "large")
)


class Plan(NamedTuple):
    """What is the same for all cells.

    Args:
        images: that each U-Net sees in training.
        batch_size, rate, precision: of the recipe.
        n, steps, seed: captions, steps of the sampler, seed of the first image, when it is judged.
        sizes: of the U-Nets: name -> channels.
    """

    images: int = 48_000
    batch_size: int = 32
    rate: float = 1e-3
    precision: str = "auto"
    n: int = 240
    steps: int = 12
    seed: int = 0
    sizes: dict[str, tuple[int, ...]] = SIZES

    def recipe(self, seed: int) -> de.Recipe:
        """The numbers of a training: the rate falls over its second half."""
        steps = max(1, round(self.images / self.batch_size))
        own = {"warmup": min(200, steps // 4), "cooldown": steps // 2, "ema_decay": 0.998}
        return de.Recipe(
            steps, self.batch_size, self.rate, precision=self.precision, seed=seed, checkpoint_every=100, **own
        )


def unet(channels: tuple[int, ...], read: TextReader) -> UNetConfig:
    """A U-Net that reads with an encoder."""
    words = {"vec_dim": read.vec_dim, "token_dim": read.token_dim}  # type: ignore[attr-defined]
    levels = tuple(range(len(channels)))
    return UNetConfig(3, channels, 1, attention_levels=levels[1:], cross_levels=levels, heads=2, **words)


def system(config: UNetConfig, read: TextReader | None) -> PixelDiffusion:
    """The whole that draws."""
    whole = PixelDiffusionConfig(config, SIDE, SCHEDULE, target="v", clip="static")
    return PixelDiffusion(whole, text=read)


def read_captions(encoder: str, read: TextReader, texts: list[tuple[str, ...]], work: Path) -> dict[str, Tensor]:
    """The captions of a training as an encoder reads them; each is read once, for all processes and sizes."""
    path = work / f"captions-{encoder}.safetensors"
    if path.is_file():
        table = PromptTable.read(path)
    else:
        table = PromptTable.of(read, [text for row in texts for text in row])
        work.mkdir(parents=True, exist_ok=True)
        table.write(path, {"encoder": encoder})
    return caption_table(table, texts)


def objective() -> WithText:
    """What is minimised."""
    return WithText(de.NoiseSchedule.from_dict(SCHEDULE))


def measured(
    cell: Cell, plan: Plan, read: TextReader, data: Callable[[], dict[str, Tensor]], judging: Judging, work: Path
) -> dict[str, Any]:
    """Train a cell, or what remains of it, and judge it."""
    config = unet(plan.sizes[cell.size], read)
    model = seeded(lambda: UNet(config), cell.seed)
    told = train(model, data(), plan.recipe(cell.seed), objective(), work / cell.folder, every=10)
    whole = system(config, remembered(read))
    averaged(whole.unet, work / cell.folder)
    whole.eval()
    began = time.process_time()
    points = [judging.point(whole, guidance) for guidance in SCALES]
    return {
        **cell._asdict(),
        "channels": list(config.channels),
        "parameters": sum(p.numel() for p in whole.unet.parameters()),
        "words": {"vec": config.vec_dim, "token": config.token_dim},
        "images": plan.recipe(cell.seed).steps * plan.batch_size,
        "loss": told["loss"],
        "core_seconds": {"training": told["core_seconds"], "judging": round(time.process_time() - began, 1)},
        "machine": machine(),
        "points": points,
    }


class Judging:
    """The held-out captions and images, and the judge.

    Args:
        plan: n, steps, seed.
        eyes: of which the judge looks.
    """

    def __init__(self, plan: Plan, eyes: Eyes) -> None:
        self.plan, self.eyes, self.sets = plan, eyes, Sets(plan.n)
        self.texts = self.sets.held_out.texts
        side = looking.CLIP_SIDE
        self.images = looking.enlarged(halved(self.sets.held_out.pixels[side]))
        self.other_style = looking.enlarged(halved(self.sets.other_style[side]))
        self.known = self._features(self.images)

    def _features(self, pixels: Tensor) -> Tensor:
        return looking.as_features(looking.embedded(self.eyes.judge, pixels))

    def _looked(self, pixels: Tensor) -> dict[str, Any]:
        clip = self.eyes.judge
        image, text = looking.embedded(clip, pixels), encode_texts(clip, self.texts)
        judge = {**looking.recalled(image, text), "style": looking.in_style(clip, image, self.texts)}
        return {"judge": judge, "score": round(clip_score(image, text), 3)}

    def true(self) -> dict[str, Any]:
        """True images in place of drawn ones."""
        floor = looking.distance(self._features(self.other_style), self.known)
        return {**self._looked(self.images), "floor": floor}

    @torch.no_grad()
    def point(self, whole: PixelDiffusion, guidance: float) -> dict[str, Any]:
        """A system at one guidance."""
        plan = self.plan
        x0 = whole.generate(
            self.texts,
            guidance=guidance,
            seed=plan.seed,
            sampler=de.DPMSolver(),
            steps=plan.steps,
            batch_size=BATCH,
        )
        pixels = looking.enlarged(to_pixels(x0))
        distance = looking.distance(self._features(pixels), self.known)
        return {"guidance": guidance, "n": plan.n, **self._looked(pixels), "frechet_judge": distance}
