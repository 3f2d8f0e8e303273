"""The run `emoji-imagen`: a cascade over pixels, 16x16, 32x32 and 64x64, that reads with an encoder of text alone.

Three stages that do not need each other, so that several processes may train them at once, in any order (`--stage`).
The states of the captions are computed at the start of a stage that reads, a few minutes on one CPU core; the encoder
is the extra `sentences`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from torch import Tensor

from .._errors import DataError
from ..data import emoji
from ..data.emoji import halved
from ..diffusion import NoiseSchedule
from ..nn import UNet, UNetConfig
from ..systems import Imagen, ImagenConfig, PromptTable, Upscaling, WithText
from ..systems.sentence_encoder import NAME
from ..systems.sentences import sentence_text
from ..systems.text import caption_table
from ..train import Recipe
from .emoji_words import NOTES, on_gpu, phrasings
from .run import Made, Run, Source, Stage

SIZE = 16
SCHEDULE = {"name": "cosine", "T": 1000}
WORDS: dict[str, Any] = {"vec_dim": 384, "token_dim": 384}
UPSCALER: dict[str, Any] = {"in_channels": 3, "concat_channels": 3, "level": True, "stride": 2, "blocks": 1, "heads": 2}
BASE = UNetConfig(
    in_channels=3,
    channels=(56, 80, 104),
    blocks=1,
    attention_levels=(1, 2),
    cross_levels=(0, 1, 2),
    heads=2,
    dropout=0.1,
    **WORDS,
)
UP32 = UNetConfig(channels=(36, 56, 72), attention_levels=(1, 2), **UPSCALER, **WORDS)
UP64 = UNetConfig(channels=(32, 64, 96), attention_levels=(), **UPSCALER)  # what the words say is there by now
CONFIG = ImagenConfig(BASE, (UP32, UP64), SIZE, SCHEDULE, clip="static", text=NAME)


def captions() -> dict[str, Tensor]:
    """The captions of the training split as the sentence encoder reads them; each is read once and kept in memory.

    Raises:
        DataError: the extra `sentences` is not installed, or its files are damaged.
    """
    texts = phrasings()
    return caption_table(_states(tuple(text for row in texts for text in row)), texts)


@lru_cache(maxsize=1)
def _states(texts: tuple[str, ...]) -> PromptTable:
    try:
        return PromptTable.of(sentence_text(), texts)
    except ImportError as error:
        raise DataError(str(error)) from error


def images(size: int) -> Tensor:
    """The training split at a size of the cascade, (N, 3, size, size) uint8: each pixel the mean of 2x2 larger ones."""
    return halved(emoji("train").pixels) if size == SIZE else emoji("train", size=size).pixels


def _base_data(source: Source, made: Made) -> dict[str, Tensor]:
    source.refuse_folder("emoji-imagen")
    return {"pixels": images(SIZE), **captions()}


def _up32_data(source: Source, made: Made) -> dict[str, Tensor]:
    source.refuse_folder("emoji-imagen")
    return {"pixels": images(32), "small": images(SIZE), **captions()}


def _up64_data(source: Source, made: Made) -> dict[str, Tensor]:
    source.refuse_folder("emoji-imagen")
    return {"pixels": images(64), "small": images(32)}


def _upscaling(drop: float) -> Upscaling:
    return Upscaling(NoiseSchedule.from_dict(SCHEDULE), drop=drop, most_level=CONFIG.most_level)


def _assemble(made: Made) -> Imagen:
    system = Imagen(CONFIG)
    for network, name in zip((system.base, *system.up), ("base", "up32", "up64")):
        network.load_state_dict(made[name].state_dict())
    return system


def _recipe(steps: int) -> Recipe:
    return Recipe(steps=steps, batch_size=64, rate=1e-3, warmup=200, cooldown=steps // 2, ema_decay=0.998)


RUN = Run(
    name="emoji-imagen",
    about="text to image by a cascade of pixels to 64x64, after an encoder of text alone",
    stages=(
        Stage(
            "base",
            UNet,
            BASE,
            _recipe(24_000),
            _base_data,
            lambda made: WithText(NoiseSchedule.from_dict(SCHEDULE)),
            on_gpu(10_000),
            needs=(),
        ),
        Stage("up32", UNet, UP32, _recipe(16_000), _up32_data, lambda made: _upscaling(0.1), on_gpu(8_000), needs=()),
        Stage("up64", UNet, UP64, _recipe(8_000), _up64_data, lambda made: _upscaling(0.0), on_gpu(7_000), needs=()),
    ),
    assemble=_assemble,
    notes={
        **NOTES,
        "limits": "It draws emoji. It reads any words, by a sentence encoder that was trained on text alone; but what "
        "to draw it learned from the captions of emoji",
    },
)
