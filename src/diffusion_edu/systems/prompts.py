"""A table of what an encoder said of some texts: it reads them without the encoder, and each of them once."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from .. import files
from .._arguments import checked, tensor, whole
from .._errors import bad_value
from ..cond import Cond
from .text import TextReader


@checked(lengths=whole(0, shape="(N,)"), tokens=tensor("(sum of lengths, D)", True), vec=tensor("(N, E)", True))
class PromptTable:
    """What an encoder said of N texts, in half precision: a reader that needs no encoder for them.

    Upper case and repeated spaces in a text do not count, as they do not for the encoder.

    Args:
        texts: N different ones.
        tokens: (sum of lengths, D) the states of all texts, one text after the other.
        lengths: (N,) how many of them belong to each.
        vec: (N, E).
        otherwise: who reads other texts; None: nobody does.

    Raises:
        ValueError: the sizes do not fit each other; at a call, a text that nobody can read.
    """

    def __init__(
        self, texts: Sequence[str], tokens: Tensor, lengths: Tensor, vec: Tensor, otherwise: TextReader | None = None
    ) -> None:
        row = {_key(text): i for i, text in enumerate(texts)}
        shapes = [tuple(part.shape) for part in (lengths, vec, tokens)]
        if [len(shape) for shape in shapes] != [1, 2, 2] or lengths.dtype != torch.int64 or bool((lengths < 0).any()):
            raise bad_value("lengths, vec and tokens", shapes, "(N,) integers of at least 0, (N, E) and (sum, D)")
        if not len(texts) == len(row) == len(lengths) == len(vec) or int(lengths.sum()) != len(tokens):
            sizes = (
                f"{len(row)} texts, {len(lengths)} lengths of {int(lengths.sum())}, {len(vec)} vectors, {len(tokens)}"
            )
            raise ValueError(f"texts, lengths, vec and tokens must fit each other, got {sizes} tokens")
        self.texts, self.lengths, self.vec, self.tokens = tuple(texts), lengths, vec.half(), tokens.half()
        self.otherwise = otherwise
        self._row = row
        self._parts = self.tokens.split(lengths.tolist())

    @classmethod
    @checked
    def of(cls, read: TextReader, texts: Sequence[str], batch_size: int = 256) -> PromptTable:
        """What a reader says of texts, each read once; those that repeat others are left out."""
        if not any(text.strip() for text in texts):
            raise bad_value("texts", list(texts), "at least one text that says something")
        each = list({_key(text): text for text in texts if text.strip()}.values())
        order = sorted(range(len(each)), key=lambda i: len(each[i]))  # texts of about one length: little padding
        tokens, vec = [torch.empty(0)] * len(each), [torch.empty(0)] * len(each)
        for first in range(0, len(order), batch_size):
            rows = order[first : first + batch_size]
            cond = read([each[i] for i in rows])
            assert cond.tokens is not None and cond.mask is not None and cond.vec is not None
            for i, states, mask, vector in zip(rows, cond.tokens, cond.mask, cond.vec):
                tokens[i], vec[i] = states[mask].half(), vector.half()
        return cls(each, torch.cat(tokens), torch.tensor([len(part) for part in tokens]), torch.stack(vec))

    @classmethod
    @checked
    def read(cls, path: str | Path, otherwise: TextReader | None = None) -> PromptTable:
        """The table in a file.

        Raises:
            FileNotFoundError, CheckpointError: there is none, it is damaged, or it is another file.
        """
        tensors, meta = files.read(path)
        with files.making_sense(path, "holds no states of texts"):
            texts = meta["texts"]
            if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
                raise bad_value("texts", texts, "a list of strings")
            files.check_finite(tensors)
            return cls(texts, **{name: tensors[name] for name in ("tokens", "lengths", "vec")}, otherwise=otherwise)

    @checked
    def write(self, path: str | Path, about: Mapping[str, str]) -> None:
        """Write the table to a file, with a description of where the states come from."""
        tensors = {"tokens": self.tokens, "lengths": self.lengths, "vec": self.vec}
        files.write(path, tensors, {**about, "texts": list(self.texts)})

    @property
    def token_dim(self) -> int:
        """D, the size of a token's vector."""
        return self.tokens.shape[1]

    @property
    def vec_dim(self) -> int:
        """E, the size of the vector."""
        return self.vec.shape[1]

    @checked
    def __call__(self, texts: Sequence[str]) -> Cond:
        """B texts -> their condition, float32; an empty text says nothing."""
        _check_texts(texts)
        others = list(dict.fromkeys(text for text in texts if text.strip() and _key(text) not in self._row))
        read = self._read_otherwise(others) if others else {}
        nothing = torch.zeros(0, self.token_dim), torch.zeros(self.vec_dim)
        rows = []
        for text in texts:
            i = self._row.get(_key(text))
            known = read.get(text, nothing) if i is None else (self._parts[i].float(), self.vec[i].float())
            rows.append(known)
        lengths = torch.tensor([len(tokens) for tokens, _ in rows])
        tokens = pad_sequence([tokens for tokens, _ in rows], batch_first=True)  # (B, L, D)
        if not tokens.shape[1]:  # nobody says anything: one token, which does not count
            tokens = F.pad(tokens, (0, 0, 0, 1))
        mask = torch.arange(tokens.shape[1]) < lengths[:, None]
        return Cond(vec=torch.stack([vec for _, vec in rows]), tokens=tokens, mask=mask)

    def _read_otherwise(self, texts: list[str]) -> dict[str, tuple[Tensor, Tensor]]:
        """Tokens and vector of each text that the table does not know."""
        why = ""
        if self.otherwise is not None:
            try:
                cond = self.otherwise(texts)
                assert cond.tokens is not None and cond.mask is not None and cond.vec is not None
                parts = [states[mask] for states, mask in zip(cond.tokens, cond.mask)]
                return dict(zip(texts, zip(parts, cond.vec)))
            except ImportError as error:
                why = f"; {error}"
        near = difflib.get_close_matches(texts[0], self.texts, n=1, cutoff=0.3)
        hint = f" (the nearest is {near[0]!r})" if near else ""
        raise ValueError(
            f"prompt must be one of the {len(self.texts)} texts whose states are known{hint}, got {texts[0]!r}{why}"
        )


def _key(text: str) -> str:
    return " ".join(text.lower().split())


def _check_texts(texts: Sequence[str]) -> None:
    if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
        raise TypeError(f"texts must be a list of strings, got {texts!r}")
    if not texts:
        raise bad_value("texts", list(texts), "at least one string")
