"""Systems of several networks, one file each, built from the parts of this package."""

from .classifier import Classifier, ClassifierConfig, Classify
from .clip import CLIP, CLIPConfig, Contrast, clip_loss
from .code_prior import CodePrior, CodePriorConfig, NextCode, PrincipalCodes
from .dalle import Dalle
from .dalle_config import DalleConfig
from .drawing import draw, generate_part
from .embeddings import FromEmbedding, image_embeddings, slerp
from .imagen import Imagen
from .imagen_config import ImagenConfig
from .latent_diffusion import LatentDiffusion, LatentDiffusionConfig, LatentWithText, Reconstruct
from .matching import Retrieval, retrieval, zero_shot
from .pixel_diffusion import PixelDiffusion, PixelDiffusionConfig, WithText
from .prior import DiffusionPrior, EmbeddingWithText, PriorConfig
from .prompts import PromptTable
from .sentences import RandomText, SentenceText
from .system import System
from .tokenizer import Tokenizer, emoji_tokenizer
from .upscaling import Upscaling

__all__ = [
    "CLIP",
    "CLIPConfig",
    "Classifier",
    "ClassifierConfig",
    "Classify",
    "CodePrior",
    "CodePriorConfig",
    "Contrast",
    "Dalle",
    "DalleConfig",
    "DiffusionPrior",
    "EmbeddingWithText",
    "FromEmbedding",
    "Imagen",
    "ImagenConfig",
    "LatentDiffusion",
    "LatentDiffusionConfig",
    "LatentWithText",
    "NextCode",
    "PixelDiffusion",
    "PixelDiffusionConfig",
    "PrincipalCodes",
    "PriorConfig",
    "PromptTable",
    "RandomText",
    "Reconstruct",
    "Retrieval",
    "SentenceText",
    "System",
    "Tokenizer",
    "Upscaling",
    "WithText",
    "clip_loss",
    "draw",
    "emoji_tokenizer",
    "generate_part",
    "image_embeddings",
    "retrieval",
    "slerp",
    "zero_shot",
]
