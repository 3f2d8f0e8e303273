"""The three networks that look at images, and what is made of what they see."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from diffusion_edu.data import to_pixels, to_x0
from diffusion_edu.data.emoji import STYLES, halved
from diffusion_edu.metrics import Statistics, clip_score, frechet_interval
from diffusion_edu.metrics.neighbors import found_own, nearest
from diffusion_edu.systems import CLIP, retrieval
from diffusion_edu.systems.text import encode_texts

RESAMPLES = 100
Z = 1.96  # of a 95% interval
CLIP_SIDE = 32
NEAREST = 5


@dataclass
class Eyes:
    """Judge, reader and EfficientNet.

    Args:
        judge, reader: a CLIP for images of 32 x 32 each.
        efficientnet: (N, 3, H, W) uint8 -> (N, D) features.
        about: what the result file says of them.
    """

    judge: CLIP
    reader: CLIP
    efficientnet: Callable[[Tensor], Tensor]
    about: dict[str, dict[str, Any]]


def digest(model: torch.nn.Module) -> str:
    """A checksum of weights, wherever they came from."""
    total = hashlib.sha256()
    for name, value in model.state_dict().items():
        total.update(name.encode() + value.contiguous().cpu().numpy().tobytes())
    return total.hexdigest()


@torch.no_grad()
def embedded(clip: CLIP, pixels: Tensor) -> Tensor:
    """(N, 3, 32 or 64, ...) uint8 -> (N, E) of length 1."""
    small = halved(pixels) if pixels.shape[-1] == 2 * CLIP_SIDE else pixels
    return torch.cat([clip.encode_image(to_x0(part)) for part in small.split(120)])


def twice(pixels: Tensor) -> Tensor:
    """(N, 3, h, w) uint8 -> (N, 3, 2h, 2w) in [-1, 1], by bilinear interpolation."""
    return F.interpolate(to_x0(pixels), scale_factor=2, mode="bilinear", align_corners=False)


def enlarged(pixels: Tensor) -> Tensor:
    """The same as uint8: what a judge of 32x32 is shown of 16x16."""
    return to_pixels(twice(pixels))


def share(value: float, n: int) -> dict[str, Any]:
    """A share of n with Wilson's 95% interval."""
    middle, reach = value + Z**2 / (2 * n), Z * math.sqrt(value * (1 - value) / n + Z**2 / (4 * n**2))
    low, high = ((middle + sign * reach) / (1 + Z**2 / n) for sign in (-1, 1))
    return {"value": round(value, 4), "low": round(max(0.0, low), 4), "high": round(min(1.0, high), 4), "n": n}


def mean(values: Tensor) -> dict[str, Any]:
    """A mean over n independent values with its 95% interval (normal), and their standard deviation."""
    values = values.double()
    middle, sd = values.mean().item(), values.std().item()
    reach = Z * sd / math.sqrt(len(values))
    numbers = {"value": middle, "low": middle - reach, "high": middle + reach, "sd": sd}
    return {**{name: float(f"{number:.5g}") for name, number in numbers.items()}, "n": len(values)}


def distance(features: Tensor, reference: Tensor) -> dict[str, Any]:
    """The squared Frechet distance with its bootstrap interval, and from how many images."""
    fixed = Statistics(reference.shape[1]).update(reference)
    found = frechet_interval(features, fixed, resamples=RESAMPLES)
    numbers = {name: float(f"{max(0.0, number):.5g}") for name, number in found._asdict().items()}
    return {**numbers, "n": len(features), "reference_n": len(reference)}


def as_features(embedding: Tensor) -> Tensor:
    """Embeddings of length 1 with a variance near 1 in each number, as the package's own features have."""
    return embedding * math.sqrt(embedding.shape[1])


def recalled(image: Tensor, text: Tensor) -> dict[str, Any]:
    """How often a CLIP names the own caption of the first images among all, at the first or one of five guesses."""
    found = retrieval(image, text, torch.arange(len(image))).image_to_text
    return {f"top{k}": share(found[k], len(image)) for k in (1, 5)}


def in_style(clip: CLIP, image: Tensor, texts: Sequence[str]) -> dict[str, Any]:
    """How often the own caption fits better than the same thing's captions in the other styles; chance is a third."""
    captions = [[f"{text.rsplit(', ', 1)[0]}, {style} style" for text in texts] for style in STYLES]
    cosines = torch.stack([(image * encode_texts(clip, row)).sum(1) for row in captions], dim=1)  # (N, styles)
    own = torch.tensor([STYLES.index(text.rsplit(", ", 1)[1].removesuffix(" style")) for text in texts])
    return share((cosines.argmax(1) == own).double().mean().item(), len(texts))


def fidelity(eyes: Eyes, pixels: Tensor, texts: Sequence[str]) -> dict[str, Any]:
    """What judge and reader say of images of the first of the texts.

    Args:
        eyes: the networks.
        pixels: (N, 3, H, W) uint8; image i is of text i.
        texts: at least N: the answers that there are.
    """
    found: dict[str, Any] = {}
    for name, clip in (("judge", eyes.judge), ("reader", eyes.reader)):
        image, text = embedded(clip, pixels), encode_texts(clip, texts)
        found[name] = recalled(image, text)
        if name == "judge":
            found[name]["style"] = in_style(clip, image, texts[: len(image)])
        else:
            found[name]["score"] = round(clip_score(image, text[: len(image)]), 2)
    return found


def own_nearest(features: Tensor, true: Tensor) -> dict[str, Any]:
    """How often the own true image is among the five nearest, by the angle between features."""
    own = torch.arange(len(features))
    k = min(NEAREST, len(true))
    value = found_own(F.normalize(features, dim=1), F.normalize(true, dim=1), own, k)
    return {"top5": share(value, len(features))}


def nearest_pixels(pixels: Tensor, reference: Tensor, batch_size: int = 32, kept: int = 16) -> Tensor:
    """(N,) root mean square difference of the 8-bit values to the nearest reference.

    A product of matrices finds the candidates, their own differences the distance: exact where an image is a copy.
    """
    rows, others = (values.flatten(1).float() - 127.5 for values in (pixels, reference))
    squares = others.square().sum(1)  # (M,)
    found = []
    for part in rows.split(batch_size):
        far = part.square().sum(1, keepdim=True) - 2 * part @ others.T + squares  # (B, M)
        best = far.topk(min(kept, len(others)), largest=False).indices  # (B, kept)
        found.append((others[best] - part[:, None]).double().square().mean(2).amin(1).sqrt())
    return torch.cat(found)


def copies(eyes: Eyes, pixels: Tensor, true: Tensor, everything: Tensor, training: Tensor) -> dict[str, Any]:
    """How near the nearest training image is, by pixels and by the judge, beside what true held-out images have.

    Args:
        eyes: the networks.
        pixels: (N, 3, H, W) uint8, drawn.
        true: those of the held-out images.
        everything: those of all training images.
        training: the judge's embeddings of them.
    """
    near = {
        "pixels": [nearest_pixels(part, everything) for part in (pixels, true)],
        "judge": [nearest(embedded(eyes.judge, part), training).distance for part in (pixels, true)],
    }
    units = {
        "pixels": "root mean square difference of the 8-bit values",
        "judge": "Euclidean distance of embeddings of length 1",
    }
    found = {}
    for name, (ours, theirs) in near.items():
        threshold = theirs.quantile(0.01).item()
        found[name] = {
            "median": round(ours.median().item(), 4),
            "true_median": round(theirs.median().item(), 4),
            "threshold": round(threshold, 4),
            "copies": share((ours < threshold).double().mean().item(), len(ours)),
            "rule": "nearer to a training image than 99 of 100 true held-out images are",
            "unit": units[name],
        }
    return found
