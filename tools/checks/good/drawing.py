"""Good calls: the systems that draw, from PixelDiffusion to Dalle."""

from __future__ import annotations

import diffusion_edu as de
from diffusion_edu import systems

from .pieces import (
    S,
    X,
    captions,
    cond,
    dalle,
    dalle_config,
    draw,
    imagen,
    imagen_config,
    latent,
    latent_config,
    rand,
    read,
    unet,
    used,
)
from .registry import good
from .systems import DRAWN

good(
    "LatentWithText",
    systems.LatentWithText,
    lambda: {"schedule": S, "target": "v", "drop": 0.1, "weight": "uniform"},
    "drop:zero",
    target="choice",
    weight="choice",
)
good(
    "LatentWithText.images",
    None,
    lambda: {"batch": {"mean": X, "std": X.abs(), **captions()}, "draw": draw()},
    owner=lambda: systems.LatentWithText(S),
)
good(
    "FromEmbedding",
    systems.FromEmbedding,
    lambda: {"schedule": S, "target": "v", "drop": 0.1, "weight": "uniform"},
    "drop:zero",
    target="choice",
    weight="choice",
)
good(
    "FromEmbedding.read",
    None,
    lambda: {"batch": {"mean": X, "std": X.abs(), "vec": rand(2, 12)}, "draw": draw()},
    owner=lambda: systems.FromEmbedding(S),
)
good(
    "Upscaling",
    systems.Upscaling,
    lambda: {"schedule": S, "target": "v", "drop": 0.0, "weight": "uniform", "most_level": 30},
    "drop:zero most_level:zero",
    target="choice",
    weight="choice",
)
good(
    "Upscaling.read",
    None,
    lambda: {"batch": {"pixels": rand(2, 1, 8, 8), "small": rand(2, 1, 4, 4)}, "draw": draw()},
    owner=lambda: systems.Upscaling(S, most_level=30),
)
good(
    "LatentDiffusionConfig",
    systems.LatentDiffusionConfig,
    lambda: {
        "autoencoder": latent_config().autoencoder,
        "unet": latent_config().unet,
        "size": 16,
        "schedule": {"name": "cosine", "T": 50},
        "target": "v",
        "text": None,
    },
    then=systems.LatentDiffusion,
    target="choice",
    text="text",
)
good(
    "LatentDiffusion",
    systems.LatentDiffusion,
    lambda: {"config": latent_config(), "used": {}, "text": read},
    "used:empty",
    text="callable",
)
good("LatentDiffusion.around", None, lambda: {"network": unet()}, owner=latent)
good("LatentDiffusion.before", None, lambda: {"images": rand(2, 3, 16, 16)}, owner=latent, images="floats")
good("LatentDiffusion.after", None, lambda: {"drawn": rand(2, 3, 4, 4)}, owner=latent)
good(
    "Reconstruct",
    systems.Reconstruct,
    lambda: {"kl": 0.1, "edge": 1.0},
    "kl:zero edge:zero",
    then=lambda o: o(latent().autoencoder, {"pixels": rand(2, 3, 8, 8)}, draw()),
)
good(
    "Reconstruct.__call__",
    None,
    lambda: {"model": latent().autoencoder, "batch": {"pixels": rand(2, 3, 8, 8)}, "draw": draw()},
    owner=systems.Reconstruct,
)
good(
    "Reconstruct.terms",
    None,
    lambda: {"model": latent().autoencoder, "batch": {"pixels": rand(2, 3, 8, 8)}, "draw": draw()},
    owner=systems.Reconstruct,
)
good(
    "ImagenConfig",
    systems.ImagenConfig,
    lambda: {
        **{
            f: getattr(imagen_config(), f)
            for f in ("base", "up", "size", "schedule", "target", "clip", "most_level", "level")
        },
        "text": None,
    },
    "up:empty level:zero",
    then=systems.Imagen,
    target="choice",
    clip="choice",
    text="text",
    up="items",
)
good(
    "Imagen",
    systems.Imagen,
    lambda: {"config": imagen_config(), "used": {}, "text": read},
    "used:empty",
    text="callable",
)
good("Imagen.around", None, lambda: {"network": unet(), "clip": "static"}, owner=imagen, clip="choice")
good("Imagen.before", None, lambda: {"images": rand(2, 1, 16, 16)}, owner=imagen, images="floats")
good(
    "Imagen.generate",
    None,
    lambda: {"prompt": None, "n": 2, **DRAWN, "start": rand(1, 16, 16), "level": 3, "clip": "static", "stages": True},
    "negative:empty seed:zero level:zero",
    owner=imagen,
    prompt="prompt",
    clip="choice",
    start="images",
)
good(
    "Imagen.follow",
    None,
    lambda: (
        {"prompt": None, "n": 2, "guidance": 1.0, "negative": "", "seed": 1, "sampler": de.DDIM(), "steps": 2}
        | {"level": 3, "clip": "static"}
    ),
    "negative:empty seed:zero level:zero",
    owner=imagen,
    prompt="prompt",
    clip="choice",
)
good(
    "Imagen.upscale",
    None,
    lambda: {
        "images": rand(2, 1, 8, 8),
        "prompt": None,
        "to": 16,
        "guidance": 1.0,
        "negative": "",
        "seed": 1,
        "sampler": de.DDIM(),
        "steps": 2,
        "batch_size": 2,
        "progress": False,
        "level": 3,
        "clip": "static",
    },
    "negative:empty seed:zero level:zero",
    owner=imagen,
    prompt="prompt",
    clip="choice",
    images="images",
)
good(
    "DalleConfig",
    systems.DalleConfig,
    lambda: {
        f: getattr(dalle_config(), f)
        for f in ("prior", "code_prior", "unet", "schedule", "target", "text", "side", "latent")
    },
    then=lambda c: systems.Dalle(c, used()),
    target="choice",
)
good("Dalle", systems.Dalle, lambda: {"config": dalle_config(), "used": used()})
good("Dalle.around", None, lambda: {"network": unet()}, owner=dalle)
good(
    "Dalle.prior_denoiser", None, lambda: {"guidance": 2.0, "negative": cond(1)}, "guidance:zero,negative", owner=dalle
)
