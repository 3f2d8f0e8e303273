"""Systems of several networks, one file each, built from the parts of this package."""

from .clip import CLIP, CLIPConfig, Contrast, ImageEncoder, clip_loss
from .emoji_clip import load_clip
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
    "load_clip",
    "retrieval",
    "zero_shot",
]
