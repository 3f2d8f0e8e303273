"""Systems of several networks, one file each, built from the parts of this package."""

from .classifier import Classifier, ClassifierConfig, Classify
from .clip import CLIP, CLIPConfig, Contrast, ImageEncoder, clip_loss
from .emoji_clip import load_clip
from .matching import Retrieval, retrieval, zero_shot
from .runs import RUNS, Run
from .tokenizer import Tokenizer, emoji_tokenizer
from .weights import load_system

__all__ = [
    "CLIP",
    "RUNS",
    "CLIPConfig",
    "Classifier",
    "ClassifierConfig",
    "Classify",
    "Contrast",
    "ImageEncoder",
    "Retrieval",
    "Run",
    "Tokenizer",
    "clip_loss",
    "emoji_tokenizer",
    "load_clip",
    "load_system",
    "retrieval",
    "zero_shot",
]
