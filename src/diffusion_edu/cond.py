"""What a network is conditioned on, by mechanism and not by modality.

`vec` holds one vector a sample (a class embedding, a CLIP embedding, an augmentation level), `tokens` and
`mask` hold a sequence a sample (text), `concat` holds pictures that are stacked on the input's channels
(a low-resolution picture). A field that is `None` is not used.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class Cond:
    """The condition c of a network: any mix of a vector, a token sequence and extra channels.

    Args:
        vec: (B, D) one vector a sample.
        tokens: (B, L, D) a sequence a sample.
        mask: (B, L) bool, True where a token counts; needs `tokens`.
        concat: (B, C', H, W) channels stacked on x_t.

    Raises:
        ValueError: a field has the wrong number of dimensions, or batch sizes differ.
    """

    vec: Tensor | None = None
    tokens: Tensor | None = None
    mask: Tensor | None = None
    concat: Tensor | None = None

    def __post_init__(self) -> None:
        dims = {"vec": 2, "tokens": 3, "mask": 2, "concat": 4}
        sizes = {}
        for name, value in self._given().items():
            if value.ndim != dims[name]:
                raise ValueError(f"Cond.{name} must have {dims[name]} dimensions, got shape {tuple(value.shape)}")
            sizes[name] = value.shape[0]
        if len(set(sizes.values())) > 1:
            raise ValueError(f"Cond: all fields must have the same batch size, got {sizes}")
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

    def to(self, device: torch.device | str) -> Cond:
        """The same condition on another device."""
        return replace(self, **{name: value.to(device) for name, value in self._given().items()})

    def where(self, keep: Tensor, null: Cond) -> Cond:
        """Keep this condition where `keep` is True and take `null`'s elsewhere, sample by sample.

        Args:
            keep: (B,) bool.
            null: the condition that means "nothing said"; its fields broadcast over the batch and must be the
                same ones as this condition's. The learned nulls belong to the embedders, not to this class.

        Raises:
            ValueError: `keep` has the wrong shape or type, or the two conditions have different fields.
        """
        mine, other = self._given(), null._given()
        if mine.keys() != other.keys():
            raise ValueError(f"null must have the fields {sorted(mine)}, got {sorted(other)}")
        if keep.dtype != torch.bool or keep.shape != (self.batch_size,):
            raise ValueError(f"keep must be bool of shape ({self.batch_size},), got {keep.dtype} {tuple(keep.shape)}")
        mixed = {
            name: torch.where(keep.reshape(-1, *[1] * (value.ndim - 1)), value, other[name])
            for name, value in mine.items()
        }
        return Cond(**mixed)
