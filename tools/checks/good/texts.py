"""Good calls: readers of texts, tokens and prompts."""

from __future__ import annotations

from pathlib import Path

import torch

import diffusion_edu as de
from diffusion_edu import nn as parts
from diffusion_edu import systems

from .pieces import FLAT, X, clip, dalle, denoiser, folder, pixel, rand, read, sentence, tokenizer
from .registry import good
from .systems import DRAWN, TEXTS

good("Dalle.before", None, lambda: {"images": rand(2, 3, 16, 16)}, owner=dalle, images="floats")
good("Dalle.after", None, lambda: {"drawn": rand(2, 3, 4, 4)}, owner=dalle)
good("Dalle.seen", None, lambda: {"images": rand(2, 3, 16, 16)}, owner=dalle, images="images")
_EMBED = {
    "prompt": "a cat",
    "n": 2,
    "prior": "codes",
    "seed": 1,
    "prior_guidance": 2.0,
    "temperature": 0.5,
    "negative": "a dog",
}
good(
    "Dalle.embed",
    None,
    lambda: {**_EMBED, "sampler": de.DDIM(), "steps": 2, "batch_size": 2},
    "seed:zero prior_guidance:zero,negative temperature:zero negative:empty",
    owner=dalle,
    prompt="prompt",
    prior="choice",
)
good(
    "Dalle.generate",
    None,
    lambda: {**DRAWN, **_EMBED, "start": rand(3, 16, 16)},
    "guidance:zero,negative seed:zero prior_guidance:zero,negative temperature:zero negative:empty",
    owner=dalle,
    prompt="prompt",
    prior="choice",
    start="images",
)
good(
    "Dalle.decode",
    None,
    lambda: {"embeddings": rand(2, 12), "guidance": 2.0, "seed": 1, "steps": 2},
    "guidance:zero,negative seed:zero",
    owner=dalle,
)
good(
    "Dalle.variations",
    None,
    lambda: {"image": rand(3, 16, 16), "n": 2, "seed": 1, "steps": 2},
    "seed:zero",
    owner=dalle,
    image="images",
)
good(
    "Dalle.interpolate",
    None,
    lambda: {"a": rand(3, 16, 16), "b": "a cat", "n": 2, "prior": "codes", "seed": 1, "steps": 2},
    "seed:zero a:text b:empty",
    owner=dalle,
    a="images",
    prior="choice",
)
good(
    "draw",
    systems.draw,
    lambda: {
        "denoiser": denoiser(),
        "shape": (1, 4, 4),
        "n": 2,
        "cond": None,
        "seed": 1,
        "sampler": de.DDIM(),
        "steps": 2,
        "start": X,
        "start_t": 20,
        "batch_size": 2,
        "progress": False,
    },
    "seed:zero",
    cond="instance",
    start="images",
)
good(
    "generate_part",
    systems.generate_part,
    lambda: {"system": pixel(), "prompt": None, "n": 2, "seed": 1, "start": rand(1, 8, 8), "start_t": 20, "steps": 2},
    "seed:zero",
    prompt="prompt",
    start="images",
)
good(
    "image_embeddings",
    systems.image_embeddings,
    lambda: {"clip": clip(), "images": rand(2, 3, 16, 16), "side": 8, "batch_size": 2},
    images="images",
)
good(
    "retrieval",
    systems.retrieval,
    lambda: {"image": FLAT, "text": FLAT * 0.5, "truth": torch.arange(6), "ks": (1, 2)},
    "truth:zero",
)
good("slerp", systems.slerp, lambda: {"a": FLAT, "b": FLAT.flip(0), "share": 0.5}, "share:zero")
good(
    "zero_shot",
    systems.zero_shot,
    lambda: {"image": FLAT, "class_text": FLAT[:2], "log_scale": 1.0},
    "log_scale:zero,negative",
)
good(
    "PromptTable",
    systems.PromptTable,
    lambda: {
        "texts": TEXTS,
        "tokens": rand(5, 16),
        "lengths": torch.tensor([2, 3]),
        "vec": rand(2, 12),
        "otherwise": read,
    },
)
good("PromptTable.of", systems.PromptTable.of, lambda: {"read": read, "texts": TEXTS, "batch_size": 2})
good("PromptTable.read", systems.PromptTable.read, lambda: {"path": saved_table(), "otherwise": read})
good(
    "PromptTable.write",
    None,
    lambda: {"path": folder() / "table.safetensors", "about": {"a": "b"}},
    "about:empty",
    owner=lambda: table(),
)
good("PromptTable.__call__", None, lambda: {"texts": TEXTS}, owner=lambda: table())


def table() -> systems.PromptTable:
    """Of two texts."""
    return systems.PromptTable(TEXTS, rand(5, 16), torch.tensor([2, 3]), rand(2, 12))


def saved_table() -> Path:
    """A file of it."""
    table().write(folder() / "saved_table.safetensors", {})
    return folder() / "saved_table.safetensors"


good(
    "RandomText",
    systems.RandomText,
    lambda: {"config": parts.TextEncoderConfig.tiny(vocabulary=2048), "seed": 1},
    "seed:zero",
)
good(
    "RandomText.__call__",
    None,
    lambda: {"texts": TEXTS},
    owner=lambda: systems.RandomText(parts.TextEncoderConfig.tiny(vocabulary=2048)),
)
good("SentenceText", systems.SentenceText, lambda: {"encoder": sentence(), "tokenizer": tokenizer()})
good("SentenceText.load", systems.SentenceText.load, lambda: {"folder": folder()})
good(
    "SentenceText.__call__", None, lambda: {"texts": TEXTS}, owner=lambda: systems.SentenceText(sentence(), tokenizer())
)
good("Tokenizer", systems.Tokenizer, lambda: {"content": tokenizer().content, "first": ["[PAD]"]}, "first:empty")
good("Tokenizer.train", systems.Tokenizer.train, lambda: {"texts": TEXTS, "size": 64}, "texts:empty,set", texts="texts")
good("Tokenizer.read", systems.Tokenizer.read, lambda: {"path": saved_tokenizer()})
good("Tokenizer.encode", None, lambda: {"texts": TEXTS, "length": 4}, owner=tokenizer)
good("Tokenizer.encode_within", None, lambda: {"texts": TEXTS, "most": 4}, owner=tokenizer)
good("Tokenizer.pieces", None, lambda: {"text": "a cat"}, "text:empty", owner=tokenizer)
good("Tokenizer.words", None, lambda: {"text": "a cat"}, "text:empty", owner=tokenizer)
good("emoji_tokenizer", systems.emoji_tokenizer, dict)


def saved_tokenizer() -> Path:
    """A file of one."""
    (folder() / "tokenizer.json").write_text(tokenizer().content)
    return folder() / "tokenizer.json"
