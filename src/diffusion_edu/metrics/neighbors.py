"""Nearest neighbors among features: is a sample a copy of a training image, and is its own image near?"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from .._errors import bad_value


class Nearest(NamedTuple):
    """The nearest reference of each query: its Euclidean distance (N,) and its place (N,) among the references."""

    distance: Tensor
    place: Tensor


def distances(features: Tensor, reference: Tensor) -> Tensor:
    """Euclidean distance of every query to every reference.

    Args:
        features: (N, D).
        reference: (M, D).

    Returns:
        (N, M) float64.

    Raises:
        ValueError: other shapes.
    """
    if features.ndim != 2 or reference.ndim != 2 or features.shape[1] != reference.shape[1]:
        shapes = f"{tuple(features.shape)} and {tuple(reference.shape)}"
        raise ValueError(f"features and reference must be (N, D) and (M, D), got {shapes}")
    if not len(features) or not len(reference):
        raise ValueError(f"features and reference must not be empty, got {len(features)} and {len(reference)}")
    # The differences themselves: the expanded square cancels where two features are nearly equal, as copies are.
    return torch.cdist(features.double(), reference.double(), compute_mode="donot_use_mm_for_euclid_dist")


def nearest(features: Tensor, reference: Tensor, batch_size: int = 256) -> Nearest:
    """The nearest reference of each query.

    Args:
        features: (N, D) of samples.
        reference: (M, D), of training images for a search of copies.
        batch_size: queries worked on at once; costs memory, changes nothing else.

    Raises:
        ValueError: other shapes, nothing in them, or batch_size below 1.
    """
    if batch_size < 1:
        raise bad_value("batch_size", batch_size, "at least 1")
    parts = [distances(part, reference).min(dim=1) for part in features.split(batch_size)]
    return Nearest(torch.cat([p.values for p in parts]), torch.cat([p.indices for p in parts]))


def found_own(features: Tensor, reference: Tensor, truth: Tensor | None = None, k: int = 5) -> float:
    """How often a query's own reference is among its k nearest; chance is k / M.

    Args:
        features: (N, D).
        reference: (M, D).
        truth: (N,) index of each query's own reference; default: query i has reference i.
        k: how many may be named. A tie counts against the own one.

    Returns:
        A share in [0, 1].

    Raises:
        ValueError: other shapes, truth outside 0..M-1, or k outside 1..M.
    """
    table = distances(features, reference)
    if truth is None:
        if len(features) != len(reference):
            raise ValueError(f"truth must be given where N and M differ, got {len(features)} and {len(reference)}")
        truth = torch.arange(len(features))
    if truth.shape != features.shape[:1] or truth.min() < 0 or truth.max() >= len(reference):
        raise bad_value("truth", truth.tolist(), f"{len(features)} indices in 0..{len(reference) - 1}")
    if not 1 <= k <= len(reference):
        raise bad_value("k", k, f"in 1..{len(reference)}")
    own = table.gather(1, truth[:, None])  # (N, 1)
    before = (table <= own).sum(dim=1) - 1  # others that are as near or nearer
    return (before < k).double().mean().item()
