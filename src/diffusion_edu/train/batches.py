"""What each training step is fed: the batch of step n is a function of the seed and of n, and of nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from .._errors import bad_type, bad_value
from ..data.pixels import to_x0
from ..randomness import Draw, derive_seed
from .recipe import Recipe

Batch = Tensor | dict[str, Tensor]


def is_images(tensor: Tensor) -> bool:
    """True for uint8 pixels (N, C, H, W)."""
    return tensor.dtype == torch.uint8 and tensor.ndim == 4


def check_data(data: Tensor | Mapping[str, Tensor]) -> None:
    """Raise unless `data` is a tensor of images, or named tensors with one entry each for the same things.

    Raises:
        TypeError: images that are not uint8, or a value that is no tensor.
        ValueError: another shape, nothing in it, or tensors of different lengths.
    """
    if isinstance(data, Tensor):
        if data.dtype != torch.uint8:
            raise TypeError(f"data must be uint8 pixels (N, C, H, W), got {data.dtype}")
        if data.ndim != 4 or len(data) == 0:
            raise ValueError(f"data must have shape (N, C, H, W) with N >= 1, got {tuple(data.shape)}")
        return
    if not isinstance(data, Mapping):
        raise bad_type("data", data, "uint8 pixels (N, C, H, W), or tensors by name")
    wrong = {name: type(value).__name__ for name, value in data.items() if not isinstance(value, Tensor)}
    if wrong:
        raise TypeError(f"data must hold tensors, got {wrong}")
    lengths = {name: len(value) if value.ndim else 0 for name, value in data.items()}
    if len(set(lengths.values())) != 1 or not all(lengths.values()):
        raise ValueError(f"data must hold tensors of one length N >= 1, got {lengths}")


class Batches:
    """The data on their device, in shuffled epochs that are cut into batches.

    Args:
        data: (N, C, H, W) uint8 images, or tensors by name that are indexed together.
        recipe: for the size of a batch, the seed, and whether to mirror.
        device: where the data are kept.
        memory_format: of the images in a batch.
        part: which entries of every batch are taken; default: all.

    Raises:
        ValueError: the recipe mirrors, and nothing in the data is an image.
    """

    def __init__(
        self,
        data: Tensor | Mapping[str, Tensor],
        recipe: Recipe,
        device: torch.device,
        memory_format: torch.memory_format = torch.contiguous_format,
        part: range | None = None,
    ) -> None:
        self.recipe, self.device, self.memory_format = recipe, device, memory_format
        whole = range(recipe.batch_size) if part is None else part
        self._part = slice(whole.start, whole.stop)
        self.data: Batch = data if isinstance(data, Tensor) else dict(data)
        if isinstance(self.data, Tensor):
            self.about: dict[str, Any] = _describe(self.data)
            self.count, self.data = len(self.data), self.data.to(device)
        else:
            self.about = {name: _describe(value) for name, value in self.data.items()}
            self.count = len(next(iter(self.data.values())))
            self.data = {name: value.to(device) for name, value in self.data.items()}
        if recipe.flip and not any(
            map(is_images, [self.data] if isinstance(self.data, Tensor) else self.data.values())
        ):
            raise bad_value("flip", True, "False where nothing in the data is an image (uint8, (N, C, H, W))")
        self._order: dict[int, Tensor] = {}

    def take(self, n: int, draw: Draw) -> Batch:
        """The batch of step n. Images come as floats in [-1, 1], mirrored where the recipe asks for it.

        Args:
            n: 1, 2, ...
            draw: the random numbers of step n; all images of one entry are mirrored together.

        Returns:
            As the data: one tensor, or tensors by name.
        """
        mirror = draw.uniform() < 0.5 if self.recipe.flip else None
        index = self._indices(n)[self._part]
        if isinstance(self.data, Tensor):
            return self._ready(self.data[index], mirror)
        return {name: self._ready(value[index], mirror) for name, value in self.data.items()}

    def _ready(self, values: Tensor, mirror: Tensor | None) -> Tensor:
        if not is_images(values):
            return values
        if mirror is not None:
            values = torch.where(mirror[:, None, None, None], values.flip(3), values)
        return to_x0(values).contiguous(memory_format=self.memory_format)

    def _indices(self, n: int) -> Tensor:
        """Indices of step n: an endless row of shuffled epochs, cut into batches."""
        size, count = self.recipe.batch_size, self.count
        first, last = (n - 1) * size, n * size
        parts = []
        for epoch in range(first // count, (last - 1) // count + 1):
            if epoch not in self._order:
                shuffle = torch.Generator().manual_seed(derive_seed(self.recipe.seed, "order", epoch))
                self._order[epoch] = torch.randperm(count, generator=shuffle).to(self.device)
            begin = epoch * count
            parts.append(self._order[epoch][max(first - begin, 0) : last - begin])
        for epoch in [e for e in self._order if e < first // count]:
            del self._order[epoch]
        return torch.cat(parts)


def _describe(values: Tensor) -> dict[str, Any]:
    content = values.detach().cpu().contiguous().flatten().view(torch.uint8).numpy()
    return {"shape": list(values.shape), "sha256": hashlib.sha256(content.tobytes()).hexdigest()}
