"""Good calls: networks, their parts and their sizes."""

from __future__ import annotations

import torch

import diffusion_edu as de
from diffusion_edu import nn as parts
from diffusion_edu.nn.blocks import Attend

from .pieces import T2, X, Y, Z, clip, cond, latent, rand, reading, unet
from .registry import good

U = {"x_t": rand(2, 1, 8, 8), "t": T2}
good("UNet", parts.UNet, lambda: {"config": unet().config})
good("UNet.forward", None, lambda: {**U, "cond": cond()}, owner=reading)
good("UNet.trace", None, lambda: {"size": 8}, owner=unet)
_UNET = {
    "in_channels": 1,
    "channels": (4, 8),
    "blocks": 1,
    "attention_levels": (1,),
    "heads": 2,
    "dropout": 0.1,
    "up": "nearest",
    "down_pad": "right",
    "vec_dim": 12,
    "token_dim": 16,
    "concat_channels": 1,
    "cross_levels": (0,),
    "level": True,
    "stride": 2,
}
_UNET_FINE = "attention_levels:empty dropout:zero concat_channels:zero cross_levels:empty,zeros attention_levels:zeros"
good("UNetConfig", parts.UNetConfig, lambda: dict(_UNET), _UNET_FINE, then=parts.UNet, up="choice", down_pad="choice")
for _maker in ("tiny", "small", "base", "paper"):
    good(f"UNetConfig.{_maker}", getattr(parts.UNetConfig, _maker), lambda: {"in_channels": 1})
good(
    "AutoEncoderConfig",
    parts.AutoEncoderConfig,
    lambda: {"in_channels": 1, "channels": (4, 8), "blocks": 1, "latent_channels": 2},
    then=parts.AutoEncoder,
)
good("AutoEncoderConfig.tiny", parts.AutoEncoderConfig.tiny, lambda: {"in_channels": 1})
good("AutoEncoder", parts.AutoEncoder, lambda: {"config": parts.AutoEncoderConfig.tiny()})
good("AutoEncoder.encode", None, lambda: {"x0": rand(2, 3, 8, 8)}, owner=lambda: latent().autoencoder)
good("AutoEncoder.decode", None, lambda: {"z": rand(2, 3, 2, 2)}, owner=lambda: latent().autoencoder)
good(
    "AutoEncoder.forward",
    None,
    lambda: {"x0": rand(2, 3, 8, 8), "noise": rand(2, 3, 2, 2)},
    owner=lambda: latent().autoencoder,
)
good("Gaussian.sample", None, lambda: {"noise": X}, owner=lambda: parts.Gaussian(Y, Z))
good("kl_to_standard", parts.kl_to_standard, lambda: {"latent": parts.Gaussian(Y, Z)})
good("ByName", parts.ByName, lambda: {"network": reading()}, network="module")
good(
    "ByName.forward",
    None,
    lambda: {
        **U,
        "vec": rand(2, 12),
        "tokens": rand(2, 3, 16),
        "mask": torch.ones(2, 3, dtype=torch.bool),
        "concat": rand(2, 1, 8, 8),
        "level": T2,
    },
    "level:zero",
    owner=lambda: parts.ByName(unet(token_dim=16, vec_dim=12, concat_channels=1, level=True)),
)
good("by_name", parts.by_name, lambda: {"model": unet()}, model="module")
good(
    "example_inputs",
    parts.example_inputs,
    lambda: {"config": reading().config, "size": 8, "batch": 2, "length": 3, "T": 10},
)
good("new_unet", parts.new_unet, lambda: {"config": unet().config, "seed": 1}, "seed:zero")
for _function in (parts.features, parts.attention_maps, parts.cross_attention_maps):
    good(_function.__name__, _function, lambda: {"model": reading(), **U, "cond": cond()}, model="module")
good("attention_weights", parts.attention_weights, lambda: {"layer": parts.SelfAttention(4), "x": rand(2, 4, 2, 2)})
good(
    "cross_attention_weights",
    parts.cross_attention_weights,
    lambda: {
        "layer": parts.CrossAttention(4, 16),
        "x": rand(2, 4, 2, 2),
        "tokens": rand(2, 3, 16),
        "mask": torch.ones(2, 3, dtype=torch.bool),
    },
)
good("SelfAttention", parts.SelfAttention, lambda: {"channels": 4, "heads": 2})
good("SelfAttention.forward", None, lambda: {"x": rand(2, 4, 2, 2)}, owner=lambda: parts.SelfAttention(4))
good("SelfAttention.tokens", None, lambda: {"x": rand(2, 4, 2, 2)}, owner=lambda: parts.SelfAttention(4))
good("CrossAttention", parts.CrossAttention, lambda: {"channels": 4, "token_dim": 16, "heads": 2})
good(
    "CrossAttention.forward",
    None,
    lambda: {"x": rand(2, 4, 2, 2), "tokens": rand(2, 3, 16), "mask": torch.ones(2, 3, dtype=torch.bool)},
    owner=lambda: parts.CrossAttention(4, 16),
)
good(
    "CrossAttention.projected",
    None,
    lambda: {"x": rand(2, 4, 2, 2), "tokens": rand(2, 3, 16)},
    owner=lambda: parts.CrossAttention(4, 16),
)
good("CrossAttention.seen", parts.CrossAttention.seen, lambda: {"mask": torch.ones(2, 3, dtype=torch.bool)})
good(
    "ResBlock",
    parts.ResBlock,
    lambda: {"in_channels": 4, "out_channels": 8, "emb_channels": 8, "dropout": 0.1},
    "dropout:zero",
)
good(
    "ResBlock.forward", None, lambda: {"x": rand(2, 4, 4, 4), "emb": rand(2, 8)}, owner=lambda: parts.ResBlock(4, 8, 8)
)
good(
    "DownBlock",
    parts.DownBlock,
    lambda: {"in_channels": 4, "out_channels": 8, "emb_channels": 8, "dropout": 0.1, "attention": Attend(8, 1, None)},
    "dropout:zero",
)
good(
    "DownBlock.forward",
    None,
    lambda: {"x": rand(2, 4, 4, 4), "emb": rand(2, 8), "cond": cond()},
    owner=lambda: parts.DownBlock(4, 8, 8, 0.0, Attend(8, 1, 16)),
)
good(
    "UpBlock",
    parts.UpBlock,
    lambda: {
        "in_channels": 4,
        "skip_channels": 4,
        "out_channels": 8,
        "emb_channels": 8,
        "dropout": 0.1,
        "attention": Attend(8, 1, None),
    },
    "dropout:zero",
)
good(
    "UpBlock.forward",
    None,
    lambda: {"x": rand(2, 4, 4, 4), "skip": rand(2, 4, 4, 4), "emb": rand(2, 8), "cond": cond()},
    owner=lambda: parts.UpBlock(4, 4, 8, 8, 0.0, Attend(8, 1, 16)),
)
good("DownSample", parts.DownSample, lambda: {"channels": 4, "pad": "right"}, pad="choice")
good("DownSample.forward", None, lambda: {"x": rand(2, 4, 4, 4)}, owner=lambda: parts.DownSample(4))
good("UpSample", parts.UpSample, lambda: {"channels": 4, "mode": "nearest"}, mode="choice")
good("UpSample.forward", None, lambda: {"x": rand(2, 4, 4, 4)}, owner=lambda: parts.UpSample(4))
good("TimeEmbedding", parts.TimeEmbedding, lambda: {"width": 4, "channels": 8})
good("TimeEmbedding.forward", None, lambda: {"t": T2}, "t:zero", owner=lambda: parts.TimeEmbedding(4, 8))
good("VectorEmbedding", parts.VectorEmbedding, lambda: {"dim": 4, "channels": 8})
good("VectorEmbedding.forward", None, lambda: {"vec": rand(2, 4)}, owner=lambda: parts.VectorEmbedding(4, 8))
good("LabelEmbedding", parts.LabelEmbedding, lambda: {"classes": 3, "dim": 4})
good(
    "LabelEmbedding.forward",
    None,
    lambda: {"labels": torch.tensor([0, 2])},
    "labels:zero",
    owner=lambda: parts.LabelEmbedding(3, 4),
)
good("sinusoidal_embedding", parts.sinusoidal_embedding, lambda: {"t": T2, "dim": 8, "max_period": 100.0}, "t:zero")
good("ImageEncoder", parts.ImageEncoder, lambda: {"in_channels": 1, "channels": (4, 4), "blocks": 1})
good("ImageEncoder.forward", None, lambda: {"x0": rand(2, 3, 8, 8)}, owner=lambda: clip().image)
good("WithWordMaps", parts.WithWordMaps, lambda: {"network": reading()}, network="module")
good(
    "WithWordMaps.forward",
    None,
    lambda: {**U, "vec": rand(2, 12), "tokens": rand(2, 3, 16), "mask": torch.ones(2, 3, dtype=torch.bool)},
    owner=lambda: parts.WithWordMaps(reading()),
)
good(
    "TransformerConfig",
    parts.TransformerConfig,
    lambda: {"width": 8, "depth": 1, "heads": 2, "ratio": 2, "dropout": 0.1, "causal": True},
    "dropout:zero",
    then=parts.Transformer,
)
good("TransformerConfig.tiny", parts.TransformerConfig.tiny, lambda: {"depth": 1})
good("TransformerConfig.small", parts.TransformerConfig.small, lambda: {"depth": 1})
good("Transformer", parts.Transformer, lambda: {"config": parts.TransformerConfig.tiny()})
good(
    "Transformer.forward",
    None,
    lambda: {"x": rand(2, 3, 16), "mask": torch.ones(2, 3, dtype=torch.bool)},
    owner=lambda: parts.Transformer(parts.TransformerConfig.tiny()),
)
good(
    "Transformer.seen",
    None,
    lambda: {"x": rand(2, 3, 16), "mask": torch.ones(2, 3, dtype=torch.bool)},
    owner=lambda: parts.Transformer(parts.TransformerConfig.tiny()),
)
good(
    "TextEncoderConfig",
    parts.TextEncoderConfig,
    lambda: {"vocabulary": 8, "length": 4, "trunk": parts.TransformerConfig.tiny()},
    then=parts.TextEncoder,
)
good("TextEncoderConfig.tiny", parts.TextEncoderConfig.tiny, lambda: {"length": 4})
good("TextEncoderConfig.small", parts.TextEncoderConfig.small, lambda: {"length": 4})
good(
    "TextEncoderConfig.from_dict",
    parts.TextEncoderConfig.from_dict,
    lambda: {"data": parts.TextEncoderConfig.tiny().to_dict()},
    "data:empty",
)
good("TextEncoder", parts.TextEncoder, lambda: {"config": parts.TextEncoderConfig.tiny()})
IDS = {"ids": torch.tensor([[1, 2], [3, 0]]), "mask": torch.tensor([[True, True], [True, False]])}
good("TextEncoder.forward", None, lambda: dict(IDS), "ids:zero", owner=lambda: clip().text)
good("TextEncoder.pool", None, lambda: {"states": rand(2, 2, 16), "mask": IDS["mask"]}, owner=lambda: clip().text)
_CONV = {"size": 8, "kernel_size": 3, "stride": 2, "padding": 1, "dilation": 1}
good("conv_output_size", de.conv_output_size, lambda: dict(_CONV), "padding:zero")
good(
    "conv_transpose_output_size",
    de.conv_transpose_output_size,
    lambda: {**_CONV, "output_padding": 1},
    "padding:zero output_padding:zero",
)
good(
    "conv_settings",
    de.conv_settings,
    lambda: {
        "size": 8,
        "output_size": 4,
        "transpose": True,
        "kernel_sizes": (3,),
        "strides": (2,),
        "paddings": (0, 1),
        "dilations": (1,),
    },
    "paddings:zeros kernel_sizes:empty strides:empty paddings:empty dilations:empty",
)
good("receptive_field", de.receptive_field, lambda: {"layers": [(3, 1, 1, 1), (3, 2)]}, "layers:empty", layers="items")
good("check_groups", parts.check_groups, lambda: {"in_channels": 4, "out_channels": 8, "groups": 2})
good(
    "convolve",
    parts.convolve,
    lambda: {"x": rand(5, 5), "kernel": rand(3, 3), "stride": 2, "padding": 1, "dilation": 1},
    "padding:zero",
)
good(
    "transposed_convolve",
    parts.transposed_convolve,
    lambda: {"x": rand(3, 3), "kernel": rand(3, 3), "stride": 2, "padding": 1, "output_padding": 1, "dilation": 1},
    "padding:zero output_padding:zero",
)
good(
    "convolution_matrix",
    parts.convolution_matrix,
    lambda: {"size": (4, 4), "kernel": rand(3, 3), "stride": 1, "padding": 1, "dilation": 1},
    "padding:zero",
)
good("zero_insert", parts.zero_insert, lambda: {"x": rand(3, 3), "stride": 2})
good(
    "overlaps",
    parts.overlaps,
    lambda: {"size": 3, "kernel_size": 3, "stride": 2, "padding": 1, "output_padding": 1},
    "padding:zero output_padding:zero",
)
