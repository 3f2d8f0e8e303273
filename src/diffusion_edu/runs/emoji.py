"""The run `emoji`: text to image over pixels, 32x32, with words by cross-attention."""

from __future__ import annotations

from torch import Tensor

from ..data import emoji
from ..diffusion import NoiseSchedule
from ..nn import UNet, UNetConfig
from ..systems import PixelDiffusion, PixelDiffusionConfig, WithText
from ..train import Recipe
from .emoji_words import NOTES, READER, captions, on_gpu, reader
from .run import Made, Run, Source, Stage

SCHEDULE = {"name": "cosine", "T": 1000}
# Self-attention from 8x8 down: at 16x16 it would take most of a step. Text is read at 16x16 too, where it is cheap.
UNET = UNetConfig(
    in_channels=3,
    channels=(32, 64, 128),
    blocks=1,
    attention_levels=(2,),
    cross_levels=(1, 2),
    heads=2,
    vec_dim=128,
    token_dim=96,
    dropout=0.2,  # 4,936 images are soon known by heart
)
CONFIG = PixelDiffusionConfig(UNET, 32, SCHEDULE, target="v", text=READER)
RECIPE = Recipe(steps=20_000, batch_size=64, rate=1e-3, warmup=200, cooldown=10_000, ema_decay=0.998)


def _data(source: Source, made: Made) -> dict[str, Tensor]:
    source.refuse_folder("emoji")
    return {"pixels": emoji("train").pixels, **captions()}


def _assemble(made: Made) -> PixelDiffusion:
    system = PixelDiffusion(CONFIG, {READER: reader().clip})
    system.unet.load_state_dict(made["unet"].state_dict())
    return system


RUN = Run(
    name="emoji",
    about="text to image over pixels at 32x32: about six hours on one CPU core",
    stages=(
        Stage(
            "unet",
            UNet,
            UNET,
            RECIPE,
            _data,
            lambda made: WithText(NoiseSchedule.from_dict(SCHEDULE)),
            gpu=on_gpu(8_000),
        ),
    ),
    assemble=_assemble,
    notes=NOTES,
)
