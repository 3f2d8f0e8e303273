"""How sure a Frechet distance is (a bootstrap interval), and what it would be with endless images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .._arguments import checked
from .._errors import bad_value
from ._rows import Array, Rows, check_rows, float64
from .frechet import frechet_distance
from .statistics import Statistics


class Interval(NamedTuple):
    """A distance and the interval around it."""

    value: float
    low: float
    high: float


class Limit(NamedTuple):
    """The distance for N -> infinity, the slope against 1/N, and the points (`counts`, `distances`) of the line."""

    value: float
    slope: float
    counts: tuple[int, ...]
    distances: tuple[float, ...]


@checked
def frechet_interval(
    features: Rows, reference: Statistics | Rows, level: float = 0.95, resamples: int = 100, seed: int = 0
) -> Interval:
    r"""A bootstrap interval: where the distance would mostly lie with other images from the same source.

    The rows are drawn again with replacement, the distance is taken each time, and the spread of these distances about
    their own mean is laid around the value: value + q(d* - mean d*). Their mean itself is of no use: drawing again
    adds the bias of few rows a second time. So the interval is about the distance at this N, bias included.

    Args:
        features: (N, D) rows that are drawn again.
        reference: statistics, taken as given; or (M, D) rows, which are drawn again too.
        level: the share of such intervals that should hold the mean distance, between 0 and 1.
        resamples: how many times to draw, at least 20.
        seed: of the draws.

    Returns:
        Interval(value, low, high).

    Raises:
        TypeError, ValueError: bad tables (as :meth:`Statistics.update`), fewer than 2 rows, level or resamples out of
            range.

    Source: Efron and Tibshirani 1993, "An Introduction to the Bootstrap", ch. 13.
    """
    if not 0 < level < 1:
        raise bad_value("level", level, "between 0 and 1")
    if resamples < 20:
        raise bad_value("resamples", resamples, "at least 20")
    rows, other, fixed = _two_sets(features, reference)
    rng = np.random.default_rng(seed)
    value = frechet_distance(_of(rows), fixed)
    draws = np.empty(resamples)
    for index in range(resamples):
        again = _of(rows[rng.integers(len(rows), size=len(rows))])
        against = fixed if other is None else _of(other[rng.integers(len(other), size=len(other))])
        draws[index] = frechet_distance(again, against)
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2]) - draws.mean()
    return Interval(value, value + float(low), value + float(high))


@checked
def frechet_limit(
    features: Rows, reference: Statistics | Rows, counts: Sequence[int] | None = None, seed: int = 0
) -> Limit:
    r"""The distance without the bias of few rows: a line through d^2(N) against 1/N, read at 1/N = 0.

    d^2(N) = d^2 + c/N for N well above the number of features D; c differs between models, so two models compared at
    the same N need not stand in the right order. The bias that comes from the size of the reference stays.

    Args:
        features: (N, D) rows; parts of them, drawn without replacement, give the points.
        reference: statistics, or (M, D) rows.
        counts: sizes of the parts; by default ten from N/4 to N.
        seed: of the draws.

    Returns:
        Limit(value, slope, counts, distances); the value can be a little below 0 when the truth is 0.

    Raises:
        TypeError, ValueError: bad tables (as :meth:`Statistics.update`), counts outside 2..N or fewer than two
            different ones.

    Source: Chong and Forsyth 2020, "Effectively Unbiased FID and Inception Score and Where to Find Them".
    """
    rows, _, fixed = _two_sets(features, reference)
    total = len(rows)
    sizes = (
        [round(n) for n in np.linspace(max(2, total / 4), total, 10)] if counts is None else [int(n) for n in counts]
    )
    if len(set(sizes)) < 2 or min(sizes) < 2 or max(sizes) > total:
        raise bad_value("counts", sizes, f"at least two different numbers in 2..{total}")
    rng = np.random.default_rng(seed)
    distances = [frechet_distance(_of(rows[rng.permutation(total)[:n]]), fixed) for n in sizes]
    slope, value = np.polyfit(1 / np.array(sizes), distances, 1)
    return Limit(float(value), float(slope), tuple(sizes), tuple(distances))


def _of(rows: Array) -> Statistics:
    return Statistics(rows.shape[1]).update(rows)


def _two_sets(features: Rows, reference: Statistics | Rows) -> tuple[Array, Array | None, Statistics]:
    """The rows, the rows of the reference if it has come as rows, and its statistics."""
    check_rows("features", features, least=2)
    if isinstance(reference, Statistics):
        if reference.width != features.shape[1]:
            raise ValueError(f"reference must have the width of features, {features.shape[1]}, got {reference.width}")
        return float64(features), None, reference
    check_rows("reference", reference, int(features.shape[1]), least=2, like="features")
    other = float64(reference)
    return float64(features), other, _of(other)
