"""The networks. Knows no diffusion: a network maps (x_t, t, cond) to a tensor of x_t's shape."""

from .attention import CrossAttention, SelfAttention
from .autoencoder import AutoEncoder, AutoEncoderConfig, Gaussian, kl_to_standard
from .blocks import DownBlock, DownSample, ResBlock, UpBlock, UpSample
from .by_name import ByName, by_name, example_inputs
from .convolution import (
    convolution_matrix,
    convolve,
    overlaps,
    transposed_convolve,
    zero_insert,
)
from .embeddings import LabelEmbedding, TimeEmbedding, VectorEmbedding, sinusoidal_embedding
from .image_encoder import ImageEncoder
from .inspect import attention_maps, attention_weights, cross_attention_maps, cross_attention_weights, features
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
from .transformer import TextEncoder, TextEncoderConfig, Transformer, TransformerConfig
from .unet import UNet, UNetConfig, new_unet
from .word_maps import WithWordMaps

__all__ = [
    "AutoEncoder",
    "AutoEncoderConfig",
    "ByName",
    "CrossAttention",
    "DownBlock",
    "DownSample",
    "Gaussian",
    "ImageEncoder",
    "LabelEmbedding",
    "Layer",
    "ReceptiveField",
    "ResBlock",
    "SelfAttention",
    "TextEncoder",
    "TextEncoderConfig",
    "TimeEmbedding",
    "TraceRow",
    "Transformer",
    "TransformerConfig",
    "UNet",
    "UNetConfig",
    "UpBlock",
    "UpSample",
    "VectorEmbedding",
    "WithWordMaps",
    "attention_maps",
    "attention_weights",
    "by_name",
    "check_groups",
    "conv_output_size",
    "conv_settings",
    "conv_transpose_output_size",
    "convolution_matrix",
    "convolve",
    "cross_attention_maps",
    "cross_attention_weights",
    "example_inputs",
    "features",
    "kl_to_standard",
    "new_unet",
    "overlaps",
    "receptive_field",
    "sinusoidal_embedding",
    "transposed_convolve",
    "zero_insert",
]
