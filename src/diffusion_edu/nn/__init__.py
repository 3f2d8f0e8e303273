"""The networks. Knows no diffusion: a network maps (x_t, t, cond) to a tensor of x_t's shape."""

from .attention import CrossAttention, SelfAttention
from .blocks import DownBlock, DownSample, ResBlock, UpBlock, UpSample
from .embeddings import LabelEmbedding, TimeEmbedding, VectorEmbedding, sinusoidal_embedding
from .inspect import attention_maps, attention_weights, features
from .trace import TraceRow
from .unet import UNet, UNetConfig

__all__ = [
    "CrossAttention",
    "DownBlock",
    "DownSample",
    "LabelEmbedding",
    "ResBlock",
    "SelfAttention",
    "TimeEmbedding",
    "TraceRow",
    "UNet",
    "UNetConfig",
    "UpBlock",
    "UpSample",
    "VectorEmbedding",
    "attention_maps",
    "attention_weights",
    "features",
    "sinusoidal_embedding",
]
