"""The frozen encoders of the study, and the captions that they read; for a trial small ones."""

from __future__ import annotations

import torch
from text_to_image.sources import ENCODER, READER, Package, Trial
from torch import Tensor

from diffusion_edu.nn import TextEncoderConfig
from diffusion_edu.pretrained import load_as
from diffusion_edu.runs import emoji_imagen
from diffusion_edu.runs.emoji_words import phrasings
from diffusion_edu.systems import CLIP, RandomText
from diffusion_edu.systems.sentence_encoder import encoder_folder
from diffusion_edu.systems.sentences import sentence_text
from diffusion_edu.systems.text import ClipText, TextReader


class Real:
    """What the study is about."""

    source = Package()

    def present(self, encoder: str) -> bool:
        """Whether an encoder is installed; of one that is not, it says what installs it."""
        try:
            return encoder != "sentence" or encoder_folder().is_dir()
        except ImportError:
            print(f"left out: the sentence encoder is not installed. To measure it too: {ENCODER}", flush=True)
            return False

    def reader(self, encoder: str) -> TextReader:
        """An encoder by its name."""
        if encoder == "sentence":
            return sentence_text()
        clip = load_as(READER, CLIP)
        return ClipText(clip) if encoder == "clip" else RandomText(clip.config.text)

    def texts(self) -> list[tuple[str, ...]]:
        """K phrasings of every caption of the training split."""
        return phrasings()

    def images(self) -> Tensor:
        """The training split at 16x16, uint8."""
        return emoji_imagen.images(emoji_imagen.SIZE)


class Small:
    """For a trial: random encoders, a few captions."""

    count = 8

    def __init__(self) -> None:
        self.source = Trial()

    def present(self, encoder: str) -> bool:
        """They all are."""
        return True

    def reader(self, encoder: str) -> TextReader:
        """As there."""
        if encoder == "clip":
            return ClipText(self.source.clip)
        width = {"random": 8, "sentence": 16}[encoder]
        return RandomText(TextEncoderConfig.small(width=width, depth=1, heads=1))

    def texts(self) -> list[tuple[str, ...]]:
        """Two phrasings of each."""
        things = ("a red apple", "a cat", "a pizza", "a rocket", "a whale", "a tulip", "a lion", "a frog")
        return [things, tuple(f"{thing}, noto style" for thing in things)]

    def images(self) -> Tensor:
        """Noise."""
        generator = torch.Generator().manual_seed(0)
        return torch.randint(0, 256, (self.count, 3, 16, 16), generator=generator, dtype=torch.uint8)
