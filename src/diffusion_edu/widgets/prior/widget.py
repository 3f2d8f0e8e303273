"""The cloud of a prior: embeddings in the plane of two principal components, and the image that each is decoded to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ..._arguments import at_least, count, images, values
from ..._arguments import checked as as_checked
from ..._errors import bad_value, check_choice
from ...data import to_pixels, to_x0
from ...systems import Dalle
from ..kit.base import BookWidget, Choice, Whole, WidgetValueError, as_traits, checked, integers_in
from ..kit.bundle import esm
from ..kit.stored import stored_sheet
from .cloud import PRIORS, checked_scales, checked_texts, cloud_of, placed, plane_of
from .fallback import cloud_picture

LIMIT = 250_000  # bytes of the element in a page
QUALITIES = (90, 80, 70, 60, 50)  # of the stored images: the best that fits under the limit


def _known(name: str, value: Any) -> Tensor:
    """What the system learned from: at least two images, or their embeddings."""
    value = images(name, value)
    if value.ndim not in (2, 4) or len(value) < 2 or (value.ndim == 2 and not value.is_floating_point()):
        raise bad_value(name, value, "images (M, C, H, W), or embeddings (M, E) as floating point, M at least 2")
    return value


@as_traits(n=integers_in(1, 8), training=_known, temperature=at_least(0), prior_steps=count(), decoder_seed=values.seed)
class PriorCloud(BookWidget):
    """What each prior makes of a caption, beside the embedding of its true image; and what the decoder draws of it.

    The points lie in the plane of the first two principal components of the training embeddings, which are its ground.
    A caption has the embedding of its true image, that of its text, and of each prior `n` at each of `guidances`. All
    are decoded from the same noise, so that their images differ by the embedding alone. Everything is drawn here, at
    construction; the page holds the images with some loss.

    The traits ``caption``, ``guidance`` (that of the priors) and ``point`` follow the page and move it. Row k of
    ``embeddings`` (N, rows, E) and ``cosines`` (N, rows), the cosines to the true embedding, is what :meth:`row` says.

    Args:
        system: with both priors and its decoder.
        captions: N texts, which training should not have seen.
        images: (N, C, H, W) the true images, in [-1, 1] or uint8.
        training: what the system learned from: (M, C, H, W) images, or (M, E) their embeddings, as
            :meth:`Dalle.seen` has them.
        guidances: scales w of the priors.
        n: seeds of each prior, 1..8.
        seed: the first of them.
        temperature: of the autoregressive prior.
        prior_steps, steps: of the sampler of the diffusion prior and of the decoder; default: its own.
        decoder_guidance, decoder_seed: w of the decoder, and the seed of the noise that all images begin from.
        caption, guidance, point: what is shown first; guidance is one of `guidances`, the first when not given; point 0
            is the true image, 1 the text, 2.. the diffusion prior's, then the autoregressive prior's.
        limit: most bytes of the element in a page.

    Raises:
        ValueError: an argument outside what is said above, or too much for `limit`.

    Source: Ramesh et al. 2022, sections 2.2 and 5.1: two priors, and a decoder that is given the text's embedding.
    """

    caption = Whole(0, 0, lambda self: len(self._captions) - 1)
    guidance = Choice("", lambda self: self._guidances)
    point = Whole(2, 0, lambda self: 1 + len(PRIORS) * self._n)
    _esm = esm("prior")
    _tag = "prior-cloud"
    _heights = (690, 1210)

    def __init__(
        self,
        system: Dalle,
        captions: Sequence[str],
        images: Tensor,
        training: Tensor,
        guidances: Sequence[float] = (1.0, 2.0, 4.0),
        n: int = 3,
        seed: int = 0,
        temperature: float = 1.0,
        prior_steps: int | None = None,
        steps: int | None = None,
        decoder_guidance: float | None = None,
        decoder_seed: int = 0,
        caption: int = 0,
        guidance: float | None = None,
        point: int = 2,
        limit: int = LIMIT,
    ) -> None:
        self._captions = checked(lambda: checked_texts(captions, images, system))
        self._n = n
        scales = checked(lambda: checked_scales(guidances))
        self._guidances = [f"{w:g}" for w in scales]
        options: dict[str, Any] = {"seed": seed, "temperature": temperature, "steps": prior_steps}
        true = system.seen(images).cpu()  # (N, E)
        clouds = [cloud_of(system, text, e, scales, n, **options) for text, e in zip(self._captions, true)]
        self.embeddings = torch.stack(clouds)  # (N, rows, E)
        self.cosines = F.cosine_similarity(self.embeddings.double(), true[:, None].double(), dim=2)
        if training.ndim == 4 and tuple(training.shape[1:]) != system.shape:
            allowed = f"(M, {', '.join(map(str, system.shape))}) images, or embeddings (M, {true.shape[1]})"
            raise WidgetValueError(str(bad_value("training", tuple(training.shape), allowed)))
        if training.ndim == 2 and training.shape[1] != true.shape[1]:
            allowed = f"embeddings (M, {true.shape[1]}), or images"
            raise WidgetValueError(str(bad_value("training", tuple(training.shape), allowed)))
        known = (system.seen(training) if training.ndim == 4 else training).cpu().float()
        self.plane = plane_of(known)
        self._ground, self._places = self.plane.place(known), self.plane.place(self.embeddings)
        flat = self.embeddings.flatten(0, 1)
        drawn = system.decode(flat, guidance=decoder_guidance, seed=[decoder_seed] * len(flat), steps=steps)
        originals = to_x0(images) if images.dtype == torch.uint8 else images.float()
        self.images = torch.cat([originals.cpu()[:, None], drawn.unflatten(0, self.cosines.shape)], dim=1)
        data = {
            "captions": self._captions,
            "priors": list(PRIORS.values()),
            "n": n,
            "seed": seed,
            "shares": [round(share, 4) for share in self.plane.shares],
            "cosines": [[round(cosine, 4) for cosine in row] for row in self.cosines.tolist()],
            **placed(self._ground, self._places),
        }
        self._span = data["span"]
        first = self._guidances[0] if guidance is None else f"{guidance:g}"
        super().__init__(payload=json.dumps(data), caption=caption, guidance=first, point=point)
        self.payload = checked(lambda: self._stored(limit))

    @as_checked(point=count(0))
    def row(self, point: int, guidance: str) -> int:
        """The row of a point at a guidance; the true image and the text have one for all."""
        most = 1 + len(PRIORS) * self._n
        if point > most:
            raise bad_value("point", point, f"in 0..{most}")
        check_choice("guidance", guidance, self._guidances)
        return point if point < 2 else point + self._guidances.index(guidance) * len(PRIORS) * self._n

    def _stored(self, limit: int) -> str:
        """The payload with the images, in the best quality that fits."""
        without, pixels = len(self.html()), to_pixels(self.images.flatten(0, 1))
        for quality in QUALITIES:
            added = {**stored_sheet(pixels, quality), "quality": quality}
            size = without + len(json.dumps(added, separators=(",", ":")))
            if size <= limit:
                return json.dumps(json.loads(self.payload) | added, separators=(",", ":"))
        raise bad_value("limit", limit, f"at least {size} bytes; or take fewer captions, guidances or seeds")

    def _picture(self) -> tuple[str, str]:
        c, n = self.caption, self._n
        rows = [self.row(point, self.guidance) for point in range(2 + len(PRIORS) * n)]
        shown = [rows[point] for point in (0, 1, 2, 2 + n)]
        cosines = self.cosines[c, shown].tolist()
        # In `images` the true image itself comes before the rows.
        images = self.images[c, [1 + row for row in shown]]
        picture = cloud_picture(self._captions[c], self._ground, self._places[c, rows], self._span, images, cosines)
        told = ", ".join(f"{name} {cosine:.2f}" for name, cosine in zip(("text", *PRIORS.values()), cosines[1:]))
        return picture, (
            f"Embeddings for “{self._captions[c]}” among those of the training images, in the plane of their first two "
            f"principal components, and images decoded from four of them. Cosine to the true image's embedding: {told}"
        )
