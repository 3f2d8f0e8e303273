"""Good calls: classifier, CLIP, priors, and what they learn from."""

from __future__ import annotations

import torch
from torch import Tensor

import diffusion_edu as de
from diffusion_edu import nn as parts
from diffusion_edu import systems

from .networks import IDS
from .pieces import (
    FLAT,
    T2,
    S,
    X,
    captions,
    classifier,
    clip,
    code_config,
    code_prior,
    codes,
    cond,
    dalle,
    draw,
    painter,
    pixel,
    pixel_config,
    prior_config,
    rand,
    read,
    unet,
)
from .registry import good

TEXTS = ["a cat", "a red apple"]
good("load", de.load, lambda: {"name": "fashion-classifier", "device": "cpu"}, name="path")
good("available", de.available, dict)
good(
    "CLIPConfig",
    systems.CLIPConfig,
    lambda: {"in_channels": 1, "channels": (4, 4), "blocks": 1, "embedding": 4, "text": parts.TextEncoderConfig.tiny()},
    then=systems.CLIP,
)
good("CLIPConfig.tiny", systems.CLIPConfig.tiny, lambda: {"embedding": 4})
good("CLIPConfig.small", systems.CLIPConfig.small, lambda: {"embedding": 4})
good("CLIP", systems.CLIP, lambda: {"config": systems.CLIPConfig.tiny()})
good("CLIP.encode_image", None, lambda: {"x0": rand(2, 3, 8, 8)}, owner=clip)
good("CLIP.encode_text", None, lambda: {"texts": TEXTS, "mask": None}, owner=clip)
good("CLIP.forward", None, lambda: {"x0": rand(2, 3, 8, 8), **IDS}, "ids:zero", owner=clip)
good(
    "clip_loss",
    systems.clip_loss,
    lambda: {"image": FLAT, "text": FLAT * 0.5, "log_scale": 1.0, "groups": torch.arange(6)},
    "log_scale:zero,negative groups:zero,negative,large",
)
good("Contrast", systems.Contrast, lambda: {"shift": 1}, "shift:zero", then=lambda o: o(clip(), _contrast(), draw()))
good(
    "Contrast.__call__",
    None,
    lambda: {"model": clip(), "batch": _contrast(), "draw": draw()},
    owner=lambda: systems.Contrast(1),
)
good(
    "ClassifierConfig",
    systems.ClassifierConfig,
    lambda: {"in_channels": 1, "channels": (4, 4), "blocks": 1, "classes": 3},
    then=systems.Classifier,
)
good("Classifier", systems.Classifier, lambda: {"config": systems.ClassifierConfig(1, (4, 4), 1, 3)})
good("Classifier.features", None, lambda: {"x0": rand(2, 1, 8, 8)}, owner=lambda: classifier())
good("Classifier.forward", None, lambda: {"x0": rand(2, 1, 8, 8)}, owner=lambda: classifier())
good(
    "Classify",
    systems.Classify,
    lambda: {"shift": 1},
    "shift:zero",
    then=lambda o: o(classifier(), {"pixels": rand(2, 1, 8, 8), "label": torch.tensor([0, 2])}, draw()),
)
good(
    "Classify.__call__",
    None,
    lambda: {
        "model": classifier(),
        "batch": {"pixels": rand(2, 1, 8, 8), "label": torch.tensor([0, 2])},
        "draw": draw(),
    },
    owner=lambda: systems.Classify(1),
)


def _contrast() -> dict[str, Tensor]:
    return {"pixels": rand(2, 3, 8, 8), "ids": IDS["ids"], "group": torch.arange(2)}


good(
    "PriorConfig",
    systems.PriorConfig,
    lambda: {"embedding": 4, "token_dim": 4, "trunk": parts.TransformerConfig.tiny(causal=True)},
    then=systems.DiffusionPrior,
)
good("PriorConfig.tiny", systems.PriorConfig.tiny, lambda: {"embedding": 4})
good("DiffusionPrior", systems.DiffusionPrior, lambda: {"config": prior_config()})
good("DiffusionPrior.forward", None, lambda: {"x_t": rand(2, 12), "t": T2, "cond": cond()}, owner=lambda: dalle().prior)
good(
    "CodePriorConfig",
    systems.CodePriorConfig,
    lambda: {
        "embedding": 4,
        "token_dim": 4,
        "trunk": parts.TransformerConfig.tiny(causal=True),
        "codes": 2,
        "levels": 3,
    },
    then=systems.CodePrior,
)
good("CodePrior", systems.CodePrior, lambda: {"config": code_config()})
good(
    "CodePrior.forward",
    None,
    lambda: {"codes": torch.tensor([[1, 0], [2, 0]]), "cond": cond()},
    "codes:zero",
    owner=code_prior,
)
good(
    "CodePrior.draw",
    None,
    lambda: {
        "cond": cond(),
        "seeds": [1, 2],
        "guidance": 2.0,
        "negative": cond(1),
        "temperature": 0.5,
        "batch_size": 2,
    },
    "guidance:zero,negative temperature:zero seeds:zeros",
    owner=code_prior,
)
good("PrincipalCodes", systems.PrincipalCodes, lambda: {"config": code_config()})
good(
    "PrincipalCodes.fit", None, lambda: {"embeddings": rand(8, 12)}, owner=lambda: systems.PrincipalCodes(code_config())
)
good("PrincipalCodes.encode", None, lambda: {"embeddings": rand(8, 12)}, owner=codes)
good("PrincipalCodes.decode", None, lambda: {"codes": torch.tensor([[1, 2, 3]])}, "codes:zero", owner=codes)
good(
    "NextCode",
    systems.NextCode,
    lambda: {"drop": 0.5},
    "drop:zero",
    then=lambda o: o(code_prior(), {"codes": torch.tensor([[1, 2, 3], [0, 1, 2]]), **captions()}, draw()),
)
good(
    "NextCode.__call__",
    None,
    lambda: {
        "model": code_prior(),
        "batch": {"codes": torch.tensor([[1, 2, 3], [0, 1, 2]]), **captions()},
        "draw": draw(),
    },
    owner=systems.NextCode,
)
good(
    "PixelDiffusionConfig",
    systems.PixelDiffusionConfig,
    lambda: {
        "unet": unet().config,
        "size": 8,
        "schedule": {"name": "linear", "T": 100},
        "target": "v",
        "clip": "static",
        "text": None,
    },
    then=systems.PixelDiffusion,
    target="choice",
    clip="choice",
    text="text",
)
good(
    "PixelDiffusion",
    systems.PixelDiffusion,
    lambda: {"config": pixel_config(), "used": {}, "text": read},
    "used:empty",
    text="callable",
)
good("PixelDiffusion.around", None, lambda: {"network": unet()}, owner=pixel)
good("Drawer.before", None, lambda: {"images": X}, owner=pixel, images="floats")
good("Drawer.after", None, lambda: {"drawn": X}, owner=pixel)
DRAWN = {
    "guidance": 1.0,
    "negative": "",
    "seed": 1,
    "sampler": de.DDIM(),
    "steps": 2,
    "start": rand(1, 8, 8),
    "start_t": 20,
    "batch_size": 2,
    "progress": False,
}
good(
    "Drawer.generate",
    None,
    lambda: {"prompt": "a cat", "n": 2, **DRAWN},
    "guidance:zero,negative negative:empty seed:zero",
    owner=painter,
    prompt="prompt",
    start="images",
)
good(
    "WithText",
    systems.WithText,
    lambda: {"schedule": S, "target": "v", "drop": 0.1, "weight": "uniform"},
    "drop:zero",
    target="choice",
    weight="choice",
)
_CAPTIONED = {"pixels": rand(2, 1, 8, 8), **captions()}
good("WithText.read", None, lambda: {"batch": dict(_CAPTIONED), "draw": draw()}, owner=lambda: systems.WithText(S))
good("WithText.images", None, lambda: {"batch": dict(_CAPTIONED), "draw": draw()}, owner=lambda: systems.WithText(S))
good(
    "EmbeddingWithText",
    systems.EmbeddingWithText,
    lambda: {"schedule": S, "target": "x0", "drop": 0.1, "weight": "uniform"},
    "drop:zero",
    target="choice",
    weight="choice",
)
good(
    "EmbeddingWithText.images",
    None,
    lambda: {"batch": {"embedding": rand(2, 12), **captions()}, "draw": draw()},
    owner=lambda: systems.EmbeddingWithText(S),
)
