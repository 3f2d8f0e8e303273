"""What a pair of encoders is good for: finding the image of a text, the text of an image, and naming classes."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from .._arguments import checked
from .._errors import bad_value
from .clip import MOST_LOG_SCALE


class Retrieval(NamedTuple):
    """Recall at k, both ways: the share of queries with a right answer among the k best; and that of guessing.

    Args:
        image_to_text, text_to_image: {k: recall}.
        image_to_text_chance, text_to_image_chance: {k: expected recall of a random order}.
    """

    image_to_text: dict[int, float]
    text_to_image: dict[int, float]
    image_to_text_chance: dict[int, float]
    text_to_image_chance: dict[int, float]


@checked
@torch.no_grad()
def retrieval(image: Tensor, text: Tensor, truth: Tensor | None = None, ks: tuple[int, ...] = (1, 5)) -> Retrieval:
    """Rank all texts for each image and all images for each text, by cosine.

    A tie counts against the right answer: encoders that say the same of everything find nothing.

    Args:
        image: (N, E).
        text: (M, E).
        truth: (N,) index of each image's text; several images may have one. Default: image i has text i.
        ks: how many answers may be given. Texts without an image are wrong answers, and no queries.

    Returns:
        Retrieval.

    Raises:
        ValueError: other shapes, or truth outside 0..M-1.
    """
    if image.ndim != 2 or text.ndim != 2 or image.shape[1] != text.shape[1] or not len(image) or not len(text):
        shapes = f"{tuple(image.shape)} and {tuple(text.shape)}"
        raise ValueError(f"image and text must be (N, E) and (M, E) with N, M >= 1, got {shapes}")
    if truth is None:
        if len(image) != len(text):
            raise ValueError(f"truth must be given where N and M differ, got {len(image)} and {len(text)}")
        truth = torch.arange(len(image))
    if truth.shape != image.shape[:1] or truth.min() < 0 or truth.max() >= len(text):
        raise bad_value("truth", truth.tolist(), f"{len(image)} indices in 0..{len(text) - 1}")
    if not ks or any(k < 1 for k in ks):
        raise bad_value("ks", ks, "at least one number, each at least 1")
    cosine = F.normalize(image.double(), dim=1) @ F.normalize(text.double(), dim=1).T  # (N, M)
    right = truth.to(cosine.device)[:, None] == torch.arange(len(text), device=cosine.device)  # (N, M) bool
    queries = right.any(0)
    directions = [(cosine, right), (cosine.T[queries], right.T[queries])]
    recalls = [_recall(*way, ks) for way in directions]
    chances = [_chance(way[1], ks) for way in directions]
    return Retrieval(*recalls, *chances)


def _recall(cosine: Tensor, right: Tensor, ks: tuple[int, ...]) -> dict[int, float]:
    best = cosine.masked_fill(~right, -torch.inf).amax(1, keepdim=True)
    ahead = ((cosine >= best) & ~right).sum(1)  # wrong answers that rank before the best right one
    return {k: (ahead < k).double().mean().item() for k in ks}


def _chance(right: Tensor, ks: tuple[int, ...]) -> dict[int, float]:
    """1 - C(n - m, k) / C(n, k) for m right answers among n, as a mean over the queries."""
    n, counts = right.shape[1], right.sum(1).tolist()
    return {k: sum(1 - math.comb(n - m, min(k, n)) / math.comb(n, min(k, n)) for m in counts) / len(counts) for k in ks}


@checked
def zero_shot(image: Tensor, class_text: Tensor, log_scale: float = MOST_LOG_SCALE) -> Tensor:
    """How likely each class is for each image, when the classes are given in words and were never trained.

    Equation: eq-zero-shot (Radford et al. 2021, section 3.1.2).
    Checked by: tests/systems/test_matching.py::test_zero_shot_is_the_softmax_of_the_scaled_cosines.

    Args:
        image: (N, E) embeddings of images.
        class_text: (C, E) embeddings of one text a class ("a drawing, noto style"), or (C, P, E) of P texts a class,
            whose directions are averaged.
        log_scale: of the softmax; the winner does not depend on it.

    Returns:
        (N, C) probabilities; ``.argmax(1)`` names the class.

    Raises:
        ValueError: other shapes.
    """
    if image.ndim != 2 or class_text.ndim not in (2, 3) or class_text.shape[-1] != image.shape[1]:
        shapes = f"{tuple(image.shape)} and {tuple(class_text.shape)}"
        raise ValueError(f"image and class_text must be (N, E) and (C, E) or (C, P, E), got {shapes}")
    names = F.normalize(class_text.float(), dim=-1)
    if names.ndim == 3:
        names = F.normalize(names.mean(1), dim=1)
    return (math.exp(log_scale) * F.normalize(image.float(), dim=1) @ names.T).softmax(1)
