"""Mean and covariance of features, gathered a batch at a time: all that the Frechet distance looks at."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .._errors import bad_value
from ..train.checkpoint import CheckpointError, read, write
from ._rows import Array, Rows, check_rows, float64

_KIND = "feature statistics"
_CHUNK = 4096  # rows turned into float64 at a time


class Statistics:
    r"""The mean and the covariance of all rows that :meth:`update` has seen, in float64.

    mean = (1/N) sum_i f_i, covariance = 1/(N - 1) sum_i (f_i - mean)(f_i - mean)^T.

    A new batch is centred on its own mean before anything is squared, and joined by the rule of Chan et al.; so a
    large common offset costs no digits, and neither order nor size of the batches matters. Up to `width` rows are kept
    as they are: their covariance is singular, and the distance is then found better and faster from the rows.
    Beyond, only the mean and one (width, width) table are kept.

    Args:
        width: D, the number of features.
        about: what the features are (network, split, number of pictures, resize), JSON-ready; it is saved with the
            numbers, and statistics of different things do not merge.

    Raises:
        ValueError: width < 1.

    Source: Chan, Golub, LeVeque 1983, "Algorithms for Computing the Sample Variance".
    """

    def __init__(self, width: int, about: Mapping[str, Any] | None = None) -> None:
        if isinstance(width, bool) or not isinstance(width, int) or width < 1:
            raise bad_value("width", width, "an integer of at least 1")
        self.width = width
        self.count = 0
        self.about = dict(about or {})
        self._rows: list[Array] | None = []  # None once there are more rows than features
        self._mean: Array = np.zeros(width)
        self._scatter: Array = np.zeros((0, 0))

    def __repr__(self) -> str:
        return f"Statistics(width={self.width}, count={self.count})"

    def update(self, features: Rows) -> Statistics:
        """Take in a batch.

        Args:
            features: (N, D) floating point, a tensor on any device or an array; N may be 0.

        Returns:
            These statistics, so that calls can be chained.

        Raises:
            TypeError, ValueError: not such a table, another D, NaN or infinity; then nothing was taken in.
        """
        check_rows("features", features, self.width)
        for start in range(0, len(features), _CHUNK):
            self._take(float64(features[start : start + _CHUNK]))
        return self

    def _take(self, rows: Array) -> None:
        if self._rows is not None:
            if self.count + len(rows) <= self.width:
                self._rows.append(rows)
                self.count += len(rows)
                return
            rows = np.concatenate([*self._rows, rows])
            self.count, self._rows = 0, None
            self._scatter = np.zeros((self.width, self.width))
        mean = rows.mean(0)
        self._join(len(rows), mean, rows - mean)

    def _join(self, count: int, mean: Array, factor: Array) -> None:
        """Add a group of `count` rows, whose scatter is factor^T factor."""
        total, apart = self.count + count, mean - self._mean
        # The two means' own scatter is one more row of the factor: one product instead of two passes over the table.
        between = math.sqrt(self.count * count / total) * apart
        stacked = np.concatenate([factor, between[None]])
        self._scatter += stacked.T @ stacked
        self._mean = self._mean + apart * (count / total)
        self.count = total

    def merge(self, other: Statistics) -> Statistics:
        """Take in all rows that `other` has seen, as if they had come here: joins batches, machines and files.

        Returns:
            These statistics.

        Raises:
            TypeError: other is no Statistics.
            ValueError: another width, or about other things.
        """
        if not isinstance(other, Statistics):
            raise TypeError(f"other must be Statistics, got {type(other).__name__}")
        if other.width != self.width:
            raise ValueError(f"other must have width {self.width}, got {other.width}")
        if other.about != self.about:
            raise ValueError(f"other must be about the same features, {self.about!r}, got {other.about!r}")
        if other._rows is not None:
            for rows in list(other._rows):
                self._take(rows)
            return self
        kept, self._rows = self._rows, None
        if kept is not None:  # few rows here, many there: start from theirs and take ours in
            self.count, self._mean, self._scatter = other.count, other._mean, other._scatter.copy()
            for rows in kept:
                self._take(rows)
            return self
        total, apart = self.count + other.count, other._mean - self._mean
        self._scatter += other._scatter + np.outer(apart, apart) * (self.count * other.count / total)
        self._mean = self._mean + apart * (other.count / total)
        self.count = total
        return self

    def __add__(self, other: Statistics) -> Statistics:
        if not isinstance(other, Statistics):
            return NotImplemented
        return Statistics(self.width, self.about).merge(self).merge(other)

    @property
    def mean(self) -> Array:
        """(D,) float64.

        Raises:
            ValueError: no rows yet.
        """
        self._need(1, "a mean")
        return self._mean.copy() if self._rows is None else np.concatenate(self._rows).mean(0)

    @property
    def covariance(self) -> Array:
        """(D, D) float64, divided by N - 1.

        Raises:
            ValueError: fewer than 2 rows.
        """
        self._need(2, "a covariance")
        factor = self.factor
        return self._scatter / (self.count - 1) if factor is None else factor.T @ factor

    @property
    def factor(self) -> Array | None:
        """(N, D) F with F^T F = covariance, while there are at most D rows; after that None.

        Raises:
            ValueError: fewer than 2 rows.
        """
        self._need(2, "a covariance")
        if self._rows is None:
            return None
        rows = np.concatenate(self._rows)
        return (rows - rows.mean(0)) / math.sqrt(self.count - 1)

    def _need(self, least: int, what: str) -> None:
        if self.count < least:
            raise ValueError(f"{what} needs at least {least} row(s), got {self.count}")

    @classmethod
    def from_moments(
        cls, mean: Rows, covariance: Rows, count: int, about: Mapping[str, Any] | None = None
    ) -> Statistics:
        """Statistics from a mean and a covariance that somebody else computed (divided by N - 1).

        Args:
            mean: (D,).
            covariance: (D, D), symmetric.
            count: N, how many rows they were computed from.

        Raises:
            TypeError, ValueError: other shapes or types, not finite, not symmetric, count < 2.
        """
        check_rows("mean", mean[None])
        stats = cls(int(mean.shape[0]), about)
        check_rows("covariance", covariance, stats.width, least=stats.width)
        table = float64(covariance)
        if len(table) != stats.width or not np.allclose(table, table.T, rtol=1e-6, atol=1e-9 * np.abs(table).max()):
            raise ValueError(f"covariance must be a symmetric table of {stats.width} rows, got {table.shape}")
        if count < 2:
            raise bad_value("count", count, "at least 2")
        stats.count, stats._rows, stats._mean = int(count), None, float64(mean)
        stats._scatter = (table + table.T) * ((count - 1) / 2)
        return stats

    def save(self, path: str | Path) -> None:
        """Write one safetensors file: whole or not at all.

        Raises:
            OSError: it cannot be written.
        """
        if self._rows is None:
            tensors = {"mean": torch.from_numpy(self._mean), "scatter": torch.from_numpy(self._scatter)}
        else:
            rows = np.concatenate([np.zeros((0, self.width)), *self._rows])
            tensors = {"rows": torch.from_numpy(rows)}
        meta = {"kind": _KIND, "width": self.width, "count": self.count, "about": self.about}
        write(path, tensors, meta)

    @classmethod
    def load(cls, path: str | Path) -> Statistics:
        """Read what :meth:`save` wrote.

        Raises:
            FileNotFoundError: no such file.
            CheckpointError: the file is damaged, or holds something else.
        """
        tensors, meta = read(path)
        if meta.get("kind") != _KIND:
            raise CheckpointError(f"{path} holds no feature statistics")
        stats = cls(meta["width"], meta["about"])
        if "rows" in tensors:
            return stats.update(tensors["rows"])
        stats.count, stats._rows = meta["count"], None
        stats._mean, stats._scatter = tensors["mean"].numpy().copy(), tensors["scatter"].numpy().copy()
        return stats
