"""The networks. Knows no diffusion: a network maps (x_t, t, cond) to a tensor of x_t's shape."""

from .attention import CrossAttention, SelfAttention
from .blocks import DownBlock, DownSample, ResBlock, UpBlock, UpSample
from .convolution import (
    convolution_matrix,
    convolve,
    overlaps,
    transposed_convolve,
    zero_insert,
)
from .embeddings import LabelEmbedding, TimeEmbedding, VectorEmbedding, sinusoidal_embedding
from .inspect import attention_maps, attention_weights, features
from .sizes import (
    Layer,
    ReceptiveField,
    check_groups,
    conv_output_size,
    conv_settings,
    conv_transpose_output_size,
    receptive_field,
)
from .trace import TraceRow
from .transformer import TextEncoder, Transformer, TransformerConfig
from .unet import UNet, UNetConfig

__all__ = [
    "CrossAttention",
    "DownBlock",
    "DownSample",
    "LabelEmbedding",
    "Layer",
    "ReceptiveField",
    "ResBlock",
    "SelfAttention",
    "TextEncoder",
    "TimeEmbedding",
    "TraceRow",
    "Transformer",
    "TransformerConfig",
    "UNet",
    "UNetConfig",
    "UpBlock",
    "UpSample",
    "VectorEmbedding",
    "attention_maps",
    "attention_weights",
    "check_groups",
    "conv_output_size",
    "conv_settings",
    "conv_transpose_output_size",
    "convolution_matrix",
    "convolve",
    "features",
    "overlaps",
    "receptive_field",
    "sinusoidal_embedding",
    "transposed_convolve",
    "zero_insert",
]
