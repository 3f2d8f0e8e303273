"""Embeddings of images: read by a frozen CLIP, mixed on the sphere, and given to a decoder."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from .._arguments import batch_of, between, checked, count
from .._errors import bad_value
from ..cond import Cond
from ..data.pixels import to_x0
from ..randomness import Draw
from .clip import CLIP
from .latent_diffusion import LatentWithText


@checked(side=count())
@torch.no_grad()
def image_embeddings(clip: CLIP, images: Tensor, side: int, batch_size: int = 256) -> Tensor:
    """sqrt(E) times a CLIP's embeddings of images, as priors and decoder learn them and are given them.

    Args:
        clip: the frozen CLIP.
        images: (N, C, H, W) in [-1, 1] or uint8; H = W a multiple of `side`.
        side: of the images that the CLIP reads; each of their pixels is a mean.
        batch_size: images read at once.

    Returns:
        (N, E) float32, on the CLIP's device.

    Equation: eq-embedding-scale (Crowson, in LAION's reproduction of DALL-E 2).
    Checked by: tests/systems/test_prior.py::test_embeddings_have_the_variance_of_the_noise.
    """
    if images.ndim != 4 or images.shape[2] != images.shape[3] or images.shape[2] % side:
        raise bad_value("images", tuple(images.shape), f"square, with sides that are a multiple of {side}")
    parts = []
    for part in images.split(batch_size):
        x0 = to_x0(part) if part.dtype == torch.uint8 else part
        x0 = F.avg_pool2d(x0.to(clip.log_scale.device), images.shape[2] // side)
        parts.append(clip.encode_image(x0))
    embeddings = torch.cat(parts)
    return math.sqrt(embeddings.shape[1]) * embeddings


@checked(same="a b", share=between(0, 1))
def slerp(a: Tensor, b: Tensor, share: float) -> Tensor:
    r"""Go from a to b along the sphere: (sin((1 - s) w) a + sin(s w) b) / sin w, where w is the angle between them.

    The mean of two embeddings is shorter than both, the more the less they have in common; on the arc all have one
    length. At s = 0 and s = 1 it is a and b, bit for bit.

    Args:
        a, b: (N, E), of equal length.
        share: s in [0, 1].

    Equation: eq-slerp (Shoemake 1985).
    Checked by: tests/systems/test_dalle.py::test_slerp_stays_on_the_sphere.
    """
    cosine = F.cosine_similarity(a.double(), b.double(), dim=1).clamp(-1, 1)[:, None]
    angle = cosine.acos()
    sine = angle.sin()
    # Where both are one, or opposites and every way is as good, sin w is 0: straight on.
    flat = sine < 1e-6
    left = torch.where(flat, 1 - share, ((1 - share) * angle).sin() / sine)
    right = torch.where(flat, share, (share * angle).sin() / sine)
    return (left * a + right * b).to(a.dtype)


def of_length(embeddings: Tensor) -> Tensor:
    """With length sqrt(E), as the embeddings of images have."""
    return math.sqrt(embeddings.shape[1]) * F.normalize(embeddings, dim=1)


@checked
@dataclass(frozen=True)
class FromEmbedding(LatentWithText):
    """Denoising of latents, conditioned on the true embedding of their image and no text.

    The data hold `mean` and `std` as :class:`LatentWithText`, and `vec` (N, E), times sqrt(E).
    """

    @checked(batch=batch_of("mean", "std", "vec"))
    def read(self, batch: Any, draw: Draw) -> tuple[Tensor, Cond]:
        """A draw of each latent, and the embedding of its image."""
        return self.images(batch, draw), Cond(vec=batch["vec"].float())
