"""The Frechet distance between two sets of features, seen as two Gaussians."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ._rows import Array
from .statistics import Statistics


class FrechetTerms(NamedTuple):
    """The two parts of the distance: between the means, and between the covariances; neither is negative."""

    mean: float
    covariance: float

    @property
    def distance(self) -> float:
        """Their sum."""
        return self.mean + self.covariance


def frechet_distance(a: Statistics, b: Statistics) -> float:
    r"""The (squared) Frechet distance between the Gaussians with the means and covariances of two sets.

    d^2 = |mu_a - mu_b|^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2)).

    It is a distance of two distributions, not of images: no image of one set has a partner in the other. With few
    rows it is too large, by about a constant over N (:func:`frechet_limit`). It is called FID only with the features of
    the original Inception network.

    Args:
        a, b: of the same features, from at least 2 rows each.

    Returns:
        d^2 >= 0, in the features' own unit, squared.

    Raises:
        TypeError, ValueError: no statistics, too few rows, different widths, networks or resizes, values that are
            not finite.

    Source: Dowson and Landau 1982; Heusel et al. 2017, eq. 6.
    Equation: eq-frechet (Heusel et al. 2017, eq. 6).
    Checked by: tests/metrics/test_frechet.py::test_exact_for_a_known_transport.
    """
    return frechet_terms(a, b).distance


def frechet_terms(a: Statistics, b: Statistics) -> FrechetTerms:
    """The distance of :func:`frechet_distance` in its two parts: how far the centers are, how the spreads differ.

    Args:
        a, b: as there.

    Raises:
        TypeError, ValueError: as there.
    """
    for name, stats in (("a", a), ("b", b)):
        if not isinstance(stats, Statistics):
            raise TypeError(f"{name} must be Statistics, got {type(stats).__name__}")
        if stats.count < 2:
            raise ValueError(f"{name} must hold at least 2 rows, got {stats.count}")
    if a.width != b.width:
        raise ValueError(f"b must have the width of a, {a.width}, got {b.width}")
    for key in ("network", "resize"):
        if key in a.about and key in b.about and a.about[key] != b.about[key]:
            raise ValueError(f"b must have the {key} of a, {a.about[key]!r}, got {b.about[key]!r}")
    apart = a.mean - b.mean
    traces = _trace("a", a) + _trace("b", b)
    # Rounding can leave a tiny negative number where the covariances are equal.
    return FrechetTerms(float(apart @ apart), max(0.0, traces - 2 * _trace_of_root(a, b)))


def _trace(name: str, stats: Statistics) -> float:
    factor = stats.factor
    trace = float(np.trace(stats.covariance)) if factor is None else float((factor * factor).sum())
    if not np.isfinite(trace):
        raise ValueError(f"{name} must have a finite covariance, got a trace of {trace}")
    return trace


def _trace_of_root(a: Statistics, b: Statistics) -> float:
    r"""tr (S_a S_b)^(1/2), by the first of three ways that fits.

    With S = F^T F it is the sum of the singular values of F_a F_b^T, which is a small matrix when there are few rows.
    With S_a = F^T F and a triangular F, Cholesky's, it is the sum of the roots of the eigenvalues of the symmetric
    F S_b F^T. A singular S_a without its rows has no such F; its own eigenvalues then give one, with those below 0,
    which are rounding, put to 0.
    """
    factor_a, factor_b = a.factor, b.factor
    if factor_a is not None or factor_b is not None:
        left = _factor(a.covariance) if factor_a is None else factor_a
        right = _factor(b.covariance) if factor_b is None else factor_b
        return float(np.linalg.svd(left @ right.T, compute_uv=False).sum())
    try:
        inner = _between_triangles(_cholesky(a.covariance), b.covariance)
    except np.linalg.LinAlgError:
        factor = _stretched_axes(a.covariance)
        inner = factor @ b.covariance @ factor.T
    return float(np.sqrt(np.linalg.eigvalsh(inner, UPLO="L").clip(0)).sum())


def _between_triangles(factor: Array, middle: Array, block: int = 256) -> Array:
    """The lower triangle of F S F^T for an upper triangular F, with a quarter of the arithmetic of the two products.

    It is found in blocks. In rows i.. of F all is zero before column i, and columns j.. of the result ask only for
    rows j.. of it. What stands above the blocks of the diagonal is not the product's.
    """
    inner = np.zeros_like(middle)
    for j in range(0, len(factor), block):
        right = middle[j:, j:] @ factor[j : j + block, j:].T
        for i in range(j, len(factor), block):
            inner[i : i + block, j : j + block] = factor[i : i + block, i:] @ right[i - j :]
    return inner


def _factor(covariance: Array) -> Array:
    """F with F^T F = covariance."""
    try:
        return _cholesky(covariance)
    except np.linalg.LinAlgError:
        return _stretched_axes(covariance)


def _cholesky(covariance: Array) -> Array:
    return np.asarray(np.linalg.cholesky(covariance).T, dtype=np.float64)


def _stretched_axes(covariance: Array) -> Array:
    """The eigenvectors as rows, each as long as the spread along it."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(np.sqrt(values.clip(0))[:, None] * vectors.T, dtype=np.float64)
