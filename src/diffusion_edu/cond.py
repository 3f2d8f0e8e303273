"""What a network is conditioned on, by mechanism and not by modality, and what a network is.

`vec` holds one vector a sample (a class embedding, a CLIP embedding), `tokens` and `mask` hold a sequence a sample
(text), `concat` holds images that are stacked on the input's channels (a low-resolution image), and `level` says
how much noise those were given. A field that is `None` is not used.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from ._arguments import checked, tensor, whole
from ._arguments.values import MOST_STEP, any_device

_DIMENSIONS = {"vec": 2, "tokens": 3, "mask": 2, "concat": 4, "level": 1}


class Network(Protocol):
    """The one signature of all networks: (x_t, t, cond) in, a tensor of x_t's shape out."""

    def __call__(self, x_t: Tensor, t: Tensor, cond: Cond | None = None) -> Tensor:
        """(B, ...) noised data, (B,) integer steps in 1..T -> (B, ...) the prediction."""
        ...


@checked(
    tokens=tensor("(B, L, D)"),
    vec=tensor("(B, D)"),
    concat=tensor("(B, C, H, W)"),
    level=whole(0, MOST_STEP),
)
@dataclass(frozen=True)
class Cond:
    """The condition c of a network: any mix of a vector, a token sequence and extra channels.

    Args:
        vec: (B, D) one vector a sample.
        tokens: (B, L, D) a sequence a sample.
        mask: (B, L) bool, True where a token counts; needs `tokens`. None: all count.
        concat: (B, C', H, W) channels stacked on x_t.
        level: (B,) integer steps in 0..T, to which the images of `concat` are noised. It is never dropped.

    Raises:
        ValueError: a field has the wrong number of dimensions or the wrong type, or batch sizes differ.
    """

    vec: Tensor | None = None
    tokens: Tensor | None = None
    mask: Tensor | None = None
    concat: Tensor | None = None
    level: Tensor | None = None

    def __post_init__(self) -> None:
        given = self._given()
        for name, value in given.items():
            if value.ndim != _DIMENSIONS[name]:
                raise ValueError(
                    f"Cond.{name} must have {_DIMENSIONS[name]} dimensions, got shape {tuple(value.shape)}"
                )
        # Neighbours, by !=: a set would ask for the hash of a size, and that fixes the batch of an exported network.
        if any(a.shape[0] != b.shape[0] for a, b in pairwise(given.values())):
            sizes = {name: value.shape[0] for name, value in given.items()}
            raise ValueError(f"Cond: all fields must have the same batch size, got {sizes}")
        if self.level is not None and (self.level.is_floating_point() or self.level.dtype == torch.bool):
            raise ValueError(f"Cond.level must hold integer steps, got {self.level.dtype}")
        if self.mask is not None:
            if self.tokens is None:
                raise ValueError("Cond.mask needs Cond.tokens: it says which tokens count")
            if self.mask.dtype != torch.bool or self.mask.shape != self.tokens.shape[:2]:
                raise ValueError(
                    f"Cond.mask must be bool of shape {tuple(self.tokens.shape[:2])}, "
                    f"got {self.mask.dtype} {tuple(self.mask.shape)}"
                )

    def _given(self) -> dict[str, Tensor]:
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    @property
    def batch_size(self) -> int | None:
        """Number of samples B, or None when nothing is given."""
        return next((v.shape[0] for v in self._given().values()), None)

    @checked(device=any_device)
    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> Cond:
        """The same condition on a device; itself, if it is there.

        Args:
            device: where to.
            dtype: the type of its floating-point fields; None: as they are.
        """
        device = torch.device(device)
        given = self._given()
        if all(_is_on(value, device) and _type(value, dtype) == value.dtype for value in given.values()):
            return self
        return replace(self, **{name: value.to(device, _type(value, dtype)) for name, value in given.items()})

    def __getitem__(self, rows: slice | Tensor) -> Cond:
        """The condition of some of the samples, a batch of its own.

        Args:
            rows: a slice, or (N,) integers; with these a sample may come several times.

        Raises:
            TypeError: a single number, which would leave no batch.
        """
        if not isinstance(rows, slice) and not (isinstance(rows, Tensor) and rows.ndim == 1):
            raise TypeError(f"rows of a Cond must be a slice or a tensor of shape (N,), got {rows!r}")
        return replace(self, **{name: value[rows] for name, value in self._given().items()})

    def nothing(self) -> Cond:
        """The condition that says nothing, for guidance: a vector of zeros, and tokens none of which counts.

        No learned null is needed here: where no token counts, cross-attention still sees its own learned one, and
        the embedding of a zero vector is its bias. `concat` and `level` stay: they are what the network works on.
        """
        return replace(
            self,
            vec=None if self.vec is None else torch.zeros_like(self.vec),
            mask=None if self.tokens is None else self.tokens.new_zeros(self.tokens.shape[:2], dtype=torch.bool),
        )

    @checked
    def joined(self, other: Cond) -> Cond:
        """This condition's samples, then those of another, in one batch; the shorter tokens are padded, unseen.

        Raises:
            ValueError: the two conditions have different fields.
        """
        mine, theirs = _alike(self, other, "other")
        return Cond(**{name: torch.cat([value, theirs[name]]) for name, value in mine.items()})

    @checked
    def where(self, keep: Tensor, null: Cond) -> Cond:
        """Keep this condition where `keep` is True and take `null`'s elsewhere, sample by sample.

        Args:
            keep: (B,) bool.
            null: what replaces it: :meth:`nothing` of this condition, or another with the same fields, which
                broadcast over the batch. Its level does not count: that of this condition stays.

        Raises:
            ValueError: `keep` has the wrong shape or type, or the two conditions have different fields.
        """
        mine, other = _alike(replace(self, level=None), replace(null, level=None), "null")
        if keep.dtype != torch.bool or keep.shape != (self.batch_size,):
            raise ValueError(f"keep must be bool of shape ({self.batch_size},), got {keep.dtype} {tuple(keep.shape)}")
        mixed = {
            name: torch.where(
                keep.to(value.device).reshape(-1, *[1] * (value.ndim - 1)), value, other[name].to(value.device)
            )
            for name, value in mine.items()
        }
        return Cond(**mixed, level=self.level)


def _alike(one: Cond, two: Cond, name: str) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The fields of both, their tokens of one length: what is added is masked, and a missing mask is written out."""
    if one.tokens is not None and two.tokens is not None:
        length = max(one.tokens.shape[1], two.tokens.shape[1])
        if one.mask is not None or two.mask is not None or one.tokens.shape[1] != two.tokens.shape[1]:
            one, two = _padded(one, one.tokens, length), _padded(two, two.tokens, length)
    mine, theirs = one._given(), two._given()
    if mine.keys() != theirs.keys():
        raise ValueError(f"{name} must have the fields {sorted(mine)}, got {sorted(theirs)}")
    return mine, theirs


def _padded(cond: Cond, tokens: Tensor, length: int) -> Cond:
    mask = tokens.new_ones(tokens.shape[:2], dtype=torch.bool) if cond.mask is None else cond.mask
    more = length - tokens.shape[1]
    return replace(cond, tokens=F.pad(tokens, (0, 0, 0, more)), mask=F.pad(mask, (0, more)))


def _type(value: Tensor, dtype: torch.dtype | None) -> torch.dtype:
    """The type that a field is wanted in: steps and masks keep theirs."""
    return value.dtype if dtype is None or not value.is_floating_point() else dtype


def _is_on(value: Tensor, device: torch.device) -> bool:
    """Where the device has no number, any of its kind will do: "cuda" is the current GPU, and so is what lies there."""
    return value.device == device or (device.index is None and value.device.type == device.type)
