"""How far one set of images is from another, with everything that a reader must know beside the number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from .._arguments import anything, checked
from .._errors import bad_value
from ._rows import check_rows
from .features import FeatureNetwork
from .frechet import FrechetTerms, frechet_distance, frechet_terms
from .kid import KernelDistance, kernel_distance
from .resampling import Interval, frechet_interval
from .statistics import Statistics


class Floor(NamedTuple):
    """The same measures between two parts of the reference, of `pictures` each, that share no image."""

    distance: float
    kernel: KernelDistance
    pictures: int


@dataclass(frozen=True)
class Comparison:
    """Two sets of images compared.

    Args:
        measure, kernel_measure: what the distances are called; FID and KID only with the network of 2015.
        resize: how the images came to the network's size.
        width: D, the number of features.
        pictures, reference: how many there were of each; the reference None where its statistics do not say it.
        distance: squared Frechet distance, with its bootstrap interval; low and high are NaN if none was asked for.
        terms: its parts: what comes from the means, and from the covariances.
        kernel: kernel distance, with its error; None against statistics, which hold no features.
        floor: what the measures are between two parts of the reference; None if it is too small for two, or statistics.
    """

    measure: str
    kernel_measure: str
    resize: str
    width: int
    pictures: int
    reference: int | None
    distance: Interval
    terms: FrechetTerms
    kernel: KernelDistance | None
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
            "kernel": None if self.kernel is None else self.kernel._asdict(),
            "floor": floor,
        }

    def __str__(self) -> str:
        d, k = self.distance, self.kernel
        between = "" if np.isnan(d.low) else f", 95% interval {d.low:.4g} to {d.high:.4g}"
        lines = [
            f"{self.measure}: {d.value:.4g}{between} (means {self.terms.mean:.4g}, covariances "
            f"{self.terms.covariance:.4g})",
        ]
        if k is None:
            lines.append(f"{self.kernel_measure} and floor: not measured, statistics hold no single images")
        else:
            lines.append(f"{self.kernel_measure}: {k.value:.4g} ± {k.error:.2g} ({k.blocks} blocks of {k.block})")
        if k is not None and self.floor is None:
            lines.append("floor: not measured, the reference is too small for two parts")
        elif self.floor is not None:
            f = self.floor
            floor = f"floor, two parts of the reference with {f.pictures:,} each: {f.distance:.4g}"
            lines.append(f"{floor}; kernel {f.kernel.value:.2g} ± {f.kernel.error:.2g}")
        real = "an unknown number" if self.reference is None else f"{self.reference:,}"
        lines.append(f"images: {self.pictures:,} against {real}; resize: {self.resize}")
        if min(self.pictures, self.reference or self.pictures) <= 2 * self.width:
            lines.append(f"take care: so few images for {self.width:,} features make a distance far too large")
        return "\n".join(lines)


@checked(pictures=anything, reference=anything)
def compare(
    pictures: Tensor,
    reference: Tensor | Statistics,
    network: FeatureNetwork,
    *,
    resamples: int = 100,
    seed: int = 0,
    batch_size: int = 100,
) -> Comparison:
    """Frechet and kernel distance between two sets of images, with interval, terms and floor.

    Args:
        pictures: (N, C, H, W) uint8, N >= 4.
        reference: (M, C, H, W) uint8, M >= 4: the real ones; or the statistics of their features.
        network: what reads them, from :func:`feature_network`.
        resamples: bootstrap draws for the interval, at least 20; 0 leaves the interval out.
        seed: of the draws, and of what parts the reference.
        batch_size: images worked on at once; costs memory, changes nothing else.

    Returns:
        Comparison. The bias of few images is in the distance and in its floor: the fewer, the larger both.

    Raises:
        TypeError, ValueError: bad images (as for a call of the network), fewer than 4, or bad resamples.
    """
    for argument, pixels in (("pictures", pictures), ("reference", reference)):
        if isinstance(pixels, Statistics):
            continue
        network.check(pixels, argument)
        if len(pixels) < 4:
            raise ValueError(f"{argument} must be at least 4, got {len(pixels)}")
    _check_resamples(resamples)
    real = reference if isinstance(reference, Statistics) else network(reference, batch_size)
    ours = network(pictures, batch_size)
    return compare_features(ours, real, network, resamples=resamples, seed=seed)


@checked(ours=anything, real=anything)
def compare_features(
    ours: Tensor, real: Tensor | Statistics, network: FeatureNetwork, *, resamples: int = 100, seed: int = 0
) -> Comparison:
    """As :func:`compare`, for features that are there already: a large reference needs to be looked at only once.

    Args:
        ours, real: (N, D) and (M, D), what the network made of the two sets; at least 4 each. `real` may be statistics.
        network, resamples, seed: as there.

    Raises:
        TypeError, ValueError: as there.
    """
    check_rows("ours", ours, network.width, least=4)
    if not isinstance(real, Statistics):
        check_rows("real", real, network.width, least=4)
    _check_resamples(resamples)
    rows = None if isinstance(real, Statistics) else real
    fixed = real if isinstance(real, Statistics) else _statistics(real)
    if fixed.about:  # made by a network that has a name: it must be this one
        for key, value in network.about.items():
            if fixed.about.get(key, value) != value:
                raise ValueError(f"real must be statistics with {key} {value!r}, got {fixed.about[key]!r}")
    drawn = _statistics(ours)
    distance = Interval(frechet_distance(drawn, fixed), float("nan"), float("nan"))
    if resamples:
        distance = frechet_interval(ours, fixed, resamples=resamples, seed=seed)
    return Comparison(
        measure=network.measure,
        kernel_measure=network.kernel_measure,
        resize=network.resize,
        width=network.width,
        pictures=len(ours),
        reference=fixed.count if fixed.count_known else None,
        distance=distance,
        terms=frechet_terms(drawn, fixed),
        kernel=None if rows is None else kernel_distance(ours, rows, seed=seed),
        floor=None if rows is None else _floor(rows, len(ours), seed),
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
