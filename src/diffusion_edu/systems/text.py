"""Texts as a condition: the frozen encoder with which a generator reads, and what it reads in training.

A text becomes one vector for each of its tokens, which cross-attention reads, and one vector for the whole. The
encoder is not trained with the generator, so all captions are encoded once, before the training begins.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F

from .._arguments import checked
from .._errors import bad_value
from ..cond import Cond
from ..data.captions import spoken
from ..data.emoji import STYLES, read_names
from .clip import CLIP
from .tokenizer import emoji_tokenizer

TextReader = Callable[[Sequence[str]], Cond]
"""Texts in, a condition with one entry for each text out."""


class ClipText:
    r"""The text encoder of a CLIP as a reader: tokens (B, L, D) with their mask, and the embedding as the vector.

    The embedding e has length 1, so each of its E numbers is about 1 / sqrt(E); the vector is sqrt(E) e, whose numbers
    are about 1, as a network expects of its input.

    Args:
        clip: the frozen CLIP; it is read on the CPU, where a text is read in no time and always to the same numbers.

    Source: tokens of a frozen CLIP for cross-attention: Rombach et al. 2022, section 3.3 and Stable Diffusion's model
        card; tokens and embedding together: Ramesh et al. 2022, section 2.1; Podell et al. 2023, section 2.1.
    """

    def __init__(self, clip: CLIP) -> None:
        self.clip = clip.cpu().eval()

    @property
    def token_dim(self) -> int:
        """D, the size of a token's vector."""
        return self.clip.config.text.width

    @property
    def vec_dim(self) -> int:
        """E, the size of the embedding."""
        return self.clip.config.embedding

    @property
    def length(self) -> int:
        """L, the most tokens that it reads."""
        return self.clip.config.text.length

    @checked
    @torch.no_grad()
    def __call__(self, texts: Sequence[str]) -> Cond:
        """B texts -> their condition; a text longer than the encoder's L positions loses its end.

        An empty text is one of no tokens: it says nothing, as :meth:`Cond.nothing` does.

        Raises:
            TypeError: texts is one string, or holds something else.
            ValueError: no text.
        """
        ids, mask = emoji_tokenizer().encode_within(texts, self.length)
        states, pooled = self.clip.text(ids, mask)  # (B, L, D), (B, width)
        vec = math.sqrt(self.vec_dim) * F.normalize(self.clip.text_out(pooled), dim=1)  # (B, E)
        said = torch.tensor([bool(text.strip()) for text in texts])
        return Cond(vec=vec * said[:, None], tokens=states, mask=mask & said[:, None])


@checked
@torch.no_grad()
def encode_texts(model: CLIP, texts: Sequence[str], batch_size: int = 512) -> Tensor:
    """Texts as a CLIP for emoji reads them: (N, E) of length 1, on the model's device.

    Raises:
        TypeError, ValueError: one text, which would be its letters, or none.
    """
    if not texts:
        raise bad_value("texts", texts, "a list of strings, at least one")
    device, tokenizer = next(model.parameters()).device, emoji_tokenizer()
    parts = []
    for first in range(0, len(texts), batch_size):
        ids, mask = tokenizer.encode(list(texts[first : first + batch_size]))
        parts.append(model.encode_text(ids.to(device), mask.to(device)))
    return torch.cat(parts)


def caption_table(read: TextReader, phrasings: Sequence[Sequence[str]]) -> dict[str, Tensor]:
    """Every caption of a training, encoded once: K phrasings of each of N images.

    Args:
        read: the frozen encoder.
        phrasings: K lists of N texts; entry i of each is about image i.

    Returns:
        tokens (N, K, L, D) and vec (N, K, E) in half precision, mask (N, K, L) bool; L is that of the longest text.
    """
    conds = [[read(texts[i : i + 512]) for i in range(0, len(texts), 512)] for texts in phrasings]
    longest = max(cond.tokens.shape[1] for row in conds for cond in row if cond.tokens is not None)
    table: dict[str, list[Tensor]] = {"tokens": [], "mask": [], "vec": []}
    for row in conds:
        parts: dict[str, list[Tensor]] = {"tokens": [], "mask": [], "vec": []}
        for cond in row:
            assert cond.tokens is not None and cond.mask is not None and cond.vec is not None
            more = longest - cond.tokens.shape[1]
            parts["tokens"].append(F.pad(cond.tokens, (0, 0, 0, more)).half())
            parts["mask"].append(F.pad(cond.mask, (0, more)))
            parts["vec"].append(cond.vec.half())
        for name, values in parts.items():
            table[name].append(torch.cat(values))
    return {name: torch.stack(values, dim=1) for name, values in table.items()}


def chosen_phrasing(batch: dict[str, Tensor], choice: Tensor) -> Cond:
    """The condition of a batch: for each image one of its K phrasings.

    Args:
        batch: tokens (B, K, L, D), mask (B, K, L) and vec (B, K, E), as :func:`caption_table` makes them.
        choice: (B,) integers in 0..K-1.
    """
    row = torch.arange(len(choice), device=choice.device)
    return Cond(
        vec=batch["vec"][row, choice].float(),
        tokens=batch["tokens"][row, choice].float(),
        mask=batch["mask"][row, choice],
    )


@cache
def known_words() -> frozenset[str]:
    """The words of all names, keywords and styles of the emoji: those that the generators of this book have read."""
    tokenizer = emoji_tokenizer()
    texts = [f"a an the of in and with no style {' '.join(STYLES)}"]
    for entry in read_names():
        texts += [spoken(entry["label"]), *map(spoken, entry["tags"])]
    return frozenset(word for text in texts for word in tokenizer.words(text))


@checked
def unknown_words(texts: Sequence[str]) -> list[str]:
    """The words of the texts that no caption holds, each once, in their order; signs and numbers do not count.

    They are read all the same, piece by piece, but what a generator makes of them is left to chance.
    """
    tokenizer, known = emoji_tokenizer(), known_words()
    words = [word for text in texts for word in tokenizer.words(text)]
    return [word for word in dict.fromkeys(words) if word.isalpha() and word not in known]
