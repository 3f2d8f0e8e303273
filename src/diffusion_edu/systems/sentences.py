"""Frozen encoders of text for a cascade: one that was trained on text alone, and a random one to compare it with.

As :class:`ClipText` they make of each text a vector for each of its tokens and one for the whole. No image took part in
their training.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from importlib.resources import files as package_files
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from .._arguments import checked
from .._errors import DataError, bad_value
from ..cond import Cond
from ..nn import TextEncoder, TextEncoderConfig
from ..randomness import seeded
from .prompts import PromptTable
from .sentence_encoder import NAME, SHA256, SentenceEncoder, encoder_folder, load_encoder
from .text import TextReader
from .tokenizer import PAD, Tokenizer, emoji_tokenizer

STATES = "sentence_states.safetensors"  # of the book's prompts; made by `tools/make_sentence_states.py`


class _Frozen:
    """A frozen encoder whose tokens and their mean are of one size."""

    encoder: SentenceEncoder | TextEncoder

    @property
    def token_dim(self) -> int:
        """D, the size of a token's vector."""
        return self.encoder.config.width

    @property
    def vec_dim(self) -> int:
        """The size of the vector, which is D too."""
        return self.encoder.config.width


@checked
class SentenceText(_Frozen):
    r"""A sentence encoder as a reader: tokens (B, L, D) with their mask, and the sentence's embedding as the vector.

    Each token's state is brought to mean 0 and variance 1 over its D numbers. The embedding is the mean of the real
    tokens' states before that, brought to the length sqrt(D), so that its numbers are about 1.

    Args:
        encoder: the frozen network; it is read on the CPU.
        tokenizer: with the vocabulary that it was trained with.

    Source: a frozen encoder trained on text alone, its tokens by cross-attention after a layer normalization and its
        mean beside the time embedding: Saharia et al. 2022 (Imagen), sections 2.1 and 2.4; the mean as the embedding
        of a sentence: Reimers and Gurevych 2019, section 3.
    """

    def __init__(self, encoder: SentenceEncoder, tokenizer: Tokenizer) -> None:
        self.encoder = encoder.cpu().eval()
        self.tokenizer = tokenizer

    @classmethod
    @checked
    def load(cls, folder: str | Path | None = None) -> SentenceText:
        """The encoder of the extra `sentences`, or that of a folder with `model.safetensors` and `tokenizer.json`.

        Raises:
            ImportError: no folder is given and the extra is not installed.
            DataError: the files are damaged, or are those of another network.
        """
        where = encoder_folder() if folder is None else Path(folder)
        encoder = load_encoder(where, SHA256 if folder is None else None)
        try:
            content = (where / "tokenizer.json").read_text(encoding="utf-8")
        except OSError as error:
            raise DataError(f"{where} does not hold a sentence encoder: {error}") from error
        return cls(encoder, Tokenizer(content, first=[PAD]))

    @checked
    @torch.no_grad()
    def __call__(self, texts: Sequence[str]) -> Cond:
        """B texts -> their condition; a text longer than the encoder's L positions loses its end.

        An empty text is one of no tokens: it says nothing, as :meth:`Cond.nothing` does.

        Raises:
            TypeError: texts is one string, or holds something else.
            ValueError: no text.
        """
        ids, mask = self.tokenizer.encode_within(texts, self.encoder.config.length)
        states = self.encoder(ids, mask)  # (B, L, D)
        weight = mask[:, :, None].to(states.dtype)
        pooled = (weight * states).sum(1) / weight.sum(1)  # (B, D)
        return _said(texts, F.layer_norm(states, states.shape[-1:]), mask, pooled)


@checked
class RandomText(_Frozen):
    """A text encoder that nobody trained, for comparison: it tells words apart, and knows nothing of what they mean.

    Args:
        config: its shape; the vocabulary must have room for the tokens of the emoji's captions.
        seed: of its weights.

    Raises:
        ValueError: the vocabulary is too small.
    """

    def __init__(self, config: TextEncoderConfig, seed: int = 0) -> None:
        if config.vocabulary < emoji_tokenizer().size:
            raise bad_value("config.vocabulary", config.vocabulary, f"at least {emoji_tokenizer().size}")
        self.encoder = seeded(lambda: TextEncoder(config), seed).eval().requires_grad_(False)

    @checked
    @torch.no_grad()
    def __call__(self, texts: Sequence[str]) -> Cond:
        """B texts -> their condition, as :class:`SentenceText` makes it."""
        ids, mask = emoji_tokenizer().encode_within(texts, self.encoder.config.length)
        states, pooled = self.encoder(ids, mask)
        return _said(texts, states, mask, pooled)


def sentence_reader(name: str) -> TextReader:
    """The reader of a name: the states of the book's prompts, which are shipped, and for other texts the encoder.

    The encoder is not loaded before a text asks for it.

    Raises:
        ValueError: another name; at a call, a prompt whose states are not shipped where the encoder is not installed.
    """
    if name != NAME:
        raise bad_value("name", name, f"{NAME!r}")
    return _shipped()


@cache
def _shipped() -> PromptTable:
    path = Path(str(package_files("diffusion_edu.systems") / "files" / STATES))
    return PromptTable.read(path, lambda texts: sentence_text()(texts))


@cache
def sentence_text() -> SentenceText:
    """The sentence encoder of the extra `sentences`, loaded once.

    Raises:
        ImportError: the extra is not installed.
        DataError: its files are damaged.
    """
    return SentenceText.load()


def _said(texts: Sequence[str], tokens: Tensor, mask: Tensor, pooled: Tensor) -> Cond:
    """The condition of tokens and of their mean, which is brought to the length sqrt(D); an empty text says nothing."""
    said = torch.tensor([bool(text.strip()) for text in texts])[:, None]
    vec = math.sqrt(pooled.shape[1]) * F.normalize(pooled, dim=1)
    return Cond(vec=vec * said, tokens=tokens, mask=mask & said)
