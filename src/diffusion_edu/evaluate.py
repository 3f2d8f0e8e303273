"""How far one set of pictures is from another, with everything that a reader must know beside the number."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ._errors import bad_value, unknown_name
from .metrics import (
    FrechetTerms,
    Interval,
    KernelDistance,
    Statistics,
    frechet_distance,
    frechet_interval,
    frechet_terms,
    kernel_distance,
)
from .metrics.features import FeatureNetwork, efficientnet_features, inception_features
from .pretrained import load_classifier, load_clip

FEATURE_NETWORKS = {
    "inception": "Inception-v3 of 2015: the network of the FID, pictures of any size; downloaded once, or by a path",
    "efficientnet": "EfficientNet-Lite0, trained on ImageNet, pictures of any size; needs the extra features",
    "fashion-classifier": "trained on Fashion-MNIST, grey pictures of 32 x 32; comes with the package",
    "emoji-clip": "the picture encoder of emoji-clip, colour pictures of 32 x 32; comes with the package",
}
_AS_THEY_ARE = "none: pictures of 32 x 32 as they are"


def feature_network(name: str, weights: str | Path | None = None, device: torch.device | str = "cpu") -> FeatureNetwork:
    """A network whose features sets of pictures are compared by.

    Args:
        name: "inception": the network of the FID, for pictures of any size; its weights are downloaded once, or given
            by `weights`. "efficientnet": EfficientNet-Lite0 from the extra `features`, for pictures of any size.
            "fashion-classifier", for grey pictures of 32 x 32, and "emoji-clip", for colour pictures of 32 x 32,
            come with the package.
        weights: a file to take instead of what is downloaded or shipped; not for "efficientnet".
        device: where to put it.

    Raises:
        ValueError: unknown name.
        FileNotFoundError, DataError, CheckpointError: weights that are not there, or are not what they should be.
        ImportError: the extra is not installed.
    """
    if name == "inception":
        return inception_features(weights, device)
    if name == "efficientnet":
        if weights is not None:
            raise bad_value("weights", str(weights), "None for efficientnet, whose weights are in the extra")
        return efficientnet_features(device)
    source = name if weights is None else weights
    if name == "fashion-classifier":
        classifier = load_classifier(source, device)
        width = classifier.config.channels[-1]
        return FeatureNetwork(name, name, _Features(classifier), width, 1, 32, _AS_THEY_ARE)
    if name == "emoji-clip":
        clip = load_clip(source, device)
        return FeatureNetwork(name, name, _ImageFeatures(clip), clip.config.embedding, 3, 32, _AS_THEY_ARE)
    raise unknown_name("name", name, FEATURE_NETWORKS)


class _Features(nn.Module):
    """A classifier without its answers."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, x0: Tensor) -> Tensor:
        return self.model.features(x0)


class _ImageFeatures(_Features):
    """A CLIP that only looks. Embeddings have length 1: a factor of sqrt(E) gives each feature a variance near 1."""

    def forward(self, x0: Tensor) -> Tensor:
        return self.model.encode_image(x0) * self.model.config.embedding**0.5


class Floor(NamedTuple):
    """The same measures between two parts of the reference, of `pictures` each, that share no picture."""

    distance: float
    kernel: KernelDistance
    pictures: int


@dataclass(frozen=True)
class Comparison:
    """Two sets of pictures compared.

    Args:
        measure, kernel_measure: what the distances are called; FID and KID only with the network of 2015.
        resize: how the pictures came to the network's size.
        width: D, the number of features.
        pictures, reference: how many there were of each.
        distance: squared Frechet distance, with its bootstrap interval; low and high are NaN if none was asked for.
        terms: its parts: what comes from the means, and from the covariances.
        kernel: kernel distance, with its error.
        floor: what the measures are between two parts of the reference; None if it is too small for two.
    """

    measure: str
    kernel_measure: str
    resize: str
    width: int
    pictures: int
    reference: int
    distance: Interval
    terms: FrechetTerms
    kernel: KernelDistance
    floor: Floor | None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; what was not measured is None."""
        interval = None if np.isnan(self.distance.low) else [self.distance.low, self.distance.high]
        floor = None
        if self.floor is not None:
            floor = {**self.floor._asdict(), "kernel": self.floor.kernel._asdict()}
        return {
            "measure": self.measure,
            "resize": self.resize,
            "features": self.width,
            "pictures": self.pictures,
            "reference_pictures": self.reference,
            "distance": self.distance.value,
            "interval_95": interval,
            "mean_term": self.terms.mean,
            "covariance_term": self.terms.covariance,
            "kernel_measure": self.kernel_measure,
            "kernel": self.kernel._asdict(),
            "floor": floor,
        }

    def __str__(self) -> str:
        d, k = self.distance, self.kernel
        between = "" if np.isnan(d.low) else f", 95% interval {d.low:.4g} to {d.high:.4g}"
        lines = [
            f"{self.measure}: {d.value:.4g}{between} (means {self.terms.mean:.4g}, covariances "
            f"{self.terms.covariance:.4g})",
            f"{self.kernel_measure}: {k.value:.4g} ± {k.error:.2g} ({k.blocks} blocks of {k.block})",
        ]
        if self.floor is None:
            lines.append("floor: not measured, the reference is too small for two parts")
        else:
            f = self.floor
            told = f"floor, two parts of the reference with {f.pictures:,} each: {f.distance:.4g}"
            lines.append(f"{told}; kernel {f.kernel.value:.2g} ± {f.kernel.error:.2g}")
        lines.append(f"pictures: {self.pictures:,} against {self.reference:,}; resize: {self.resize}")
        if min(self.pictures, self.reference) <= 2 * self.width:
            lines.append(f"take care: so few pictures for {self.width:,} features make a distance far too large")
        return "\n".join(lines)


def compare(
    pictures: Tensor,
    reference: Tensor,
    network: FeatureNetwork,
    *,
    resamples: int = 100,
    seed: int = 0,
    batch_size: int = 100,
) -> Comparison:
    """Frechet and kernel distance between two sets of pictures, with interval, terms and floor.

    Args:
        pictures: (N, C, H, W) uint8, N >= 4.
        reference: (M, C, H, W) uint8, M >= 4: the real ones.
        network: what looks at them, from :func:`feature_network`.
        resamples: bootstrap draws for the interval, at least 20; 0 leaves the interval out.
        seed: of the draws, and of what parts the reference.
        batch_size: pictures worked on at once; costs memory, changes nothing else.

    Returns:
        Comparison. The bias of few pictures is in the distance and in its floor: the fewer, the larger both.

    Raises:
        TypeError, ValueError: bad pictures (as for a call of the network), fewer than 4, or bad resamples.
    """
    for argument, pixels in (("pictures", pictures), ("reference", reference)):
        if len(pixels) < 4:
            raise ValueError(f"{argument} must be at least 4, got {len(pixels)}")
    _check_resamples(resamples)
    ours, real = (network(pixels, batch_size) for pixels in (pictures, reference))
    return compare_features(ours, real, network, resamples=resamples, seed=seed)


def compare_features(
    ours: Tensor, real: Tensor, network: FeatureNetwork, *, resamples: int = 100, seed: int = 0
) -> Comparison:
    """As :func:`compare`, for features that are there already: a large reference needs to be looked at only once.

    Args:
        ours, real: (N, D) and (M, D), what the network made of the two sets; at least 4 each.
        network, resamples, seed: as there.

    Raises:
        TypeError, ValueError: as there.
    """
    _check_resamples(resamples)
    fixed = _statistics(real)
    found = _statistics(ours)
    distance = Interval(frechet_distance(found, fixed), float("nan"), float("nan"))
    if resamples:
        distance = frechet_interval(ours, fixed, resamples=resamples, seed=seed)
    return Comparison(
        measure=network.measure,
        kernel_measure=network.kernel_measure,
        resize=network.resize,
        width=network.width,
        pictures=len(ours),
        reference=len(real),
        distance=distance,
        terms=frechet_terms(found, fixed),
        kernel=kernel_distance(ours, real, seed=seed),
        floor=_floor(real, len(ours), seed),
    )


def _check_resamples(resamples: int) -> None:
    if resamples != 0 and resamples < 20:
        raise bad_value("resamples", resamples, "0, or at least 20")


def _statistics(features: Tensor) -> Statistics:
    return Statistics(features.shape[1]).update(features)


def _floor(real: Tensor, count: int, seed: int) -> Floor | None:
    """The measures between two parts of the reference, each as large as the other set if there are so many."""
    part = min(count, len(real) // 2)
    if part < 4:
        return None
    order = torch.randperm(len(real), generator=torch.Generator().manual_seed(seed))
    a, b = real[order[:part]], real[order[part : 2 * part]]
    distance = frechet_distance(_statistics(a), _statistics(b))
    return Floor(distance, kernel_distance(a, b, seed=seed), part)
