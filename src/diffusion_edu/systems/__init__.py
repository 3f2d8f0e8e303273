"""Systems of several networks, one file each, built from the parts of this package."""

from .clip import CLIP, CLIPConfig, Contrast, ImageEncoder, clip_loss
from .matching import Retrieval, retrieval, zero_shot
from .tokenizer import Tokenizer, emoji_tokenizer

__all__ = [
    "CLIP",
    "CLIPConfig",
    "Contrast",
    "ImageEncoder",
    "Retrieval",
    "Tokenizer",
    "clip_loss",
    "emoji_tokenizer",
    "retrieval",
    "zero_shot",
]
