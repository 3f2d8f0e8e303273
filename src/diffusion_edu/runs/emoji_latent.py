"""The run `emoji-latent`: Stable Diffusion in miniature, 64x64.

Two stages: the auto-encoder, which sees images and no captions, and the U-Net in its latent, which sees both.
"""

from __future__ import annotations

from typing import cast

from torch import Tensor

from ..data import emoji, to_x0
from ..diffusion import NoiseSchedule
from ..nn import AutoEncoder, AutoEncoderConfig, Gaussian, UNet, UNetConfig
from ..systems import LatentDiffusion, LatentDiffusionConfig, LatentWithText, Reconstruct
from ..systems.latent_diffusion import latents_of
from ..train import Recipe
from .emoji_words import NOTES, READER, captions, on_gpu, reader
from .run import Made, Run, Source, Stage

SIZE = 64
SCHEDULE = {"name": "cosine", "T": 1000}
AUTOENCODER = AutoEncoderConfig()
UNET = UNetConfig(
    in_channels=AUTOENCODER.latent_channels,
    channels=(64, 96, 128),
    blocks=1,
    attention_levels=(1, 2),
    heads=2,
    vec_dim=128,
    token_dim=96,
)
CONFIG = LatentDiffusionConfig(AUTOENCODER, UNET, SIZE, SCHEDULE, target="v", text=READER)


def _images(source: Source, made: Made) -> dict[str, Tensor]:
    source.refuse_folder("emoji-latent")
    return {"pixels": emoji("train", size=SIZE).pixels}


def latents(made: Made) -> tuple[Gaussian, Tensor, Tensor]:
    """The latents of the training split, with the shift and the scale of each channel."""
    return latents_of(cast(AutoEncoder, made["autoencoder"]), to_x0(emoji("train", size=SIZE).pixels))


def _latents_with_captions(source: Source, made: Made) -> dict[str, Tensor]:
    source.refuse_folder("emoji-latent")
    whole, _, _ = latents(made)
    return {"mean": whole.mean, "std": whole.std, **captions()}


def _assemble(made: Made) -> LatentDiffusion:
    system = LatentDiffusion(CONFIG, {READER: reader().clip})
    for name in ("autoencoder", "unet"):
        getattr(system, name).load_state_dict(made[name].state_dict())
    _, shift, scale = latents(made)
    system.shift.copy_(shift)
    system.scale.copy_(scale)
    return system


RUN = Run(
    name="emoji-latent",
    about="text to image in the latent of an auto-encoder, 64x64: six hours on one CPU core",
    stages=(
        Stage(
            "autoencoder",
            AutoEncoder,
            AUTOENCODER,
            Recipe(steps=5_000, batch_size=32, rate=2e-3, warmup=100, cooldown=2_500, ema_decay=0.995),
            _images,
            lambda made: Reconstruct(),
            gpu={"batch_size": 256, "rate": 3e-3},
        ),
        Stage(
            "unet",
            UNet,
            UNET,
            Recipe(steps=20_000, batch_size=64, rate=1e-3, warmup=200, cooldown=10_000, ema_decay=0.998),
            _latents_with_captions,
            lambda made: LatentWithText(NoiseSchedule.from_dict(SCHEDULE)),
            gpu=on_gpu(12_000),
        ),
    ),
    assemble=_assemble,
    notes=NOTES,
)
