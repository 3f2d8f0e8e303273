"""What the cloud of a prior is made of: embeddings of a caption by both priors, and the plane that they are seen in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..._errors import bad_value
from ...systems import CodePriorConfig, Dalle, PrincipalCodes
from ..kit.payload import b64

PRIORS = {"diffusion": "diffusion prior", "codes": "autoregressive prior"}  # with their names
FINE = 32_767  # places of the ground are whole numbers in -FINE..FINE
MARGIN = 1.06  # how much farther the plane goes than the farthest point


class Plane(NamedTuple):
    """The plane of the first two principal components: mean (E,), axes (2, E) of length 1, shares of the variance."""

    mean: Tensor
    axes: Tensor
    shares: tuple[float, float]

    def place(self, embeddings: Tensor) -> Tensor:
        """(..., E) -> (..., 2)."""
        return (embeddings - self.mean) @ self.axes.T


def plane_of(embeddings: Tensor) -> Plane:
    """The plane in which (M, E) embeddings vary most, around their mean."""
    codes = PrincipalCodes(CodePriorConfig(embedding=embeddings.shape[1], codes=2)).fit(embeddings)
    variance = (embeddings.double() @ codes.axes.double().T).var(0) / embeddings.double().var(0).sum()
    return Plane(codes.mean, codes.axes, (float(variance[0]), float(variance[1])))


def cloud_of(system: Dalle, text: str, true: Tensor, guidances: Sequence[float], n: int, **options: Any) -> Tensor:
    """(rows, E): the true embedding, the text's, and for each guidance n of each prior.

    Args:
        system: with its priors.
        text: a caption.
        true: (E,) the embedding of its image.
        guidances: of the priors.
        n: seeds of each.
        options: seed, temperature and steps of :meth:`Dalle.embed`.
    """
    rows = [true[None], system.embed(text, 1, prior="none")]
    for w in guidances:
        rows += [system.embed(text, n, prior=prior, prior_guidance=w, **options) for prior in PRIORS]
    return torch.cat(rows)


def placed(ground: Tensor, places: Tensor) -> dict[str, Any]:
    """What a page needs to draw a ground (M, 2) and points (N, rows, 2): both in -span..span, the ground rounded."""
    span = MARGIN * max(float(ground.abs().max()), float(places.abs().max()))
    fine = (ground / span * FINE).round().to(torch.int16).numpy()
    points = np.round(places.double().numpy(), 3).tolist()
    return {"span": round(span, 4), "ground": b64(fine), "count": len(ground), "places": points}


def checked_texts(captions: Sequence[str], images: Tensor, system: Dalle) -> list[str]:
    """The captions, if they are texts and each has an image that the system sees."""
    if not captions or not all(c.strip() for c in captions):
        raise bad_value("captions", captions, "at least one text, none of them empty")
    if tuple(images.shape) != (len(captions), *system.shape):
        raise bad_value("images", tuple(images.shape), f"{len(captions)} of shape {system.shape}, one for each caption")
    return list(captions)


def checked_scales(guidances: Sequence[float]) -> list[float]:
    """Between one and five scales, in 0..8, each once."""
    scales = list(guidances)
    if not 1 <= len(scales) <= 5 or len(set(scales)) < len(scales) or not all(0 <= w <= 8 for w in scales):
        raise bad_value("guidances", guidances, "one to five different scales in 0..8")
    return scales
