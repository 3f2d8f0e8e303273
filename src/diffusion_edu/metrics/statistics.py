"""Mean and covariance of features, gathered a batch at a time: all that the Frechet distance needs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .. import disk, files
from .._arguments import anything, checked
from .._arguments.values import MOST_COUNT
from .._errors import bad_type, bad_value
from ..files import CheckpointError
from ._rows import Array, Rows, check_rows, float64
from .moments import read_npz

_KIND = "feature statistics"
_CHUNK = 4096  # rows turned into float64 at a time


def is_statistics(path: str | Path) -> bool:
    """Whether a file holds statistics that :meth:`Statistics.load` reads, by what it says of itself."""
    if not Path(path).is_file():
        return False
    try:
        return Path(path).suffix == ".npz" or files.read(path)[1].get("kind") == _KIND
    except CheckpointError:
        return False


@checked(width=anything)
class Statistics:
    r"""The mean and the covariance of all rows that :meth:`update` has seen, in float64.

    mean = (1/N) sum_i f_i, covariance = 1/(N - 1) sum_i (f_i - mean)(f_i - mean)^T.

    A new batch is centered on its own mean before anything is squared, and joined by the rule of Chan et al.; so a
    large common offset costs no digits, and neither order nor size of the batches matters. Up to `width` rows are kept
    as they are: their covariance is singular, and the distance is then found better and faster from the rows.
    Beyond, only the mean and one (width, width) table are kept.

    Args:
        width: D, the number of features.
        about: what the features are (network, split, number of images, resize), JSON-ready; it is saved with the
            numbers, and statistics of different things do not merge.

    Raises:
        ValueError: width < 1.

    Source: Chan, Golub, LeVeque 1983, "Algorithms for Computing the Sample Variance".
    """

    def __init__(self, width: int, about: Mapping[str, Any] | None = None) -> None:
        if isinstance(width, bool) or not isinstance(width, int) or not 1 <= width <= MOST_COUNT:
            raise bad_value("width", width, "an integer of at least 1")
        self.width = width
        self.count = 0
        self.count_known = True  # False for a mean and a covariance that came without it
        self.about = dict(about or {})
        self._rows: list[Array] | None = []  # None once there are more rows than features
        self._mean: Array = np.zeros(width)
        self._scatter: Array = np.zeros((0, 0))

    def __repr__(self) -> str:
        return f"Statistics(width={self.width}, count={self.count if self.count_known else 'unknown'})"

    def update(self, features: Rows) -> Statistics:
        """Take in a batch.

        Args:
            features: (N, D) floating point, a tensor on any device or an array; N may be 0.

        Returns:
            These statistics, so that calls can be chained.

        Raises:
            TypeError, ValueError: not such a table, another D, NaN or infinity; then nothing was taken in.
        """
        self._need_count("take in rows")
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
        self._need_count("be merged")
        other._need_count("be merged")
        if other.width != self.width:
            raise ValueError(f"other must have width {self.width}, got {other.width}")
        if other.about != self.about:
            raise ValueError(f"other must be about the same features, {self.about!r}, got {other.about!r}")
        if other._rows is not None:
            for rows in list(other._rows):
                self._take(rows)
            return self
        own_rows, self._rows = self._rows, None
        if own_rows is not None:  # few rows here, many there: start from theirs and take ours in
            self.count, self._mean, self._scatter = other.count, other._mean, other._scatter.copy()
            for rows in own_rows:
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

    def _need_count(self, what: str) -> None:
        if not self.count_known:
            raise ValueError(f"count must be known for statistics to {what}: load(path, count=...) says it")

    @classmethod
    @checked
    def from_moments(
        cls, mean: Rows, covariance: Rows, count: int | None, about: Mapping[str, Any] | None = None
    ) -> Statistics:
        """Statistics from a mean and a covariance that somebody else computed (divided by N - 1).

        Args:
            mean: (D,).
            covariance: (D, D), symmetric.
            count: N, how many rows they were computed from; None: unknown, so that they can be compared and neither
                take in more nor be saved.

        Raises:
            TypeError, ValueError: other shapes or types, not finite, not symmetric, count < 2.
        """
        if not isinstance(mean, torch.Tensor | np.ndarray):
            raise bad_type("mean", mean, "a tensor or an array (D,)")
        check_rows("mean", mean[None])
        stats = cls(int(mean.shape[0]), about)
        check_rows("covariance", covariance, stats.width, least=stats.width, like="mean")
        table = float64(covariance)
        if len(table) != stats.width or not np.allclose(table, table.T, rtol=1e-6, atol=1e-9 * np.abs(table).max()):
            raise ValueError(f"covariance must be a symmetric table of {stats.width} rows, got {table.shape}")
        stats.count_known = count is not None
        count = 2 if count is None else count  # any number gives back the covariance
        if count < 2:
            raise bad_value("count", count, "at least 2")
        stats.count, stats._rows, stats._mean = int(count), None, float64(mean)
        stats._scatter = (table + table.T) * ((count - 1) / 2)
        return stats

    @checked
    def save(self, path: str | Path) -> None:
        """Write one safetensors file: whole or not at all.

        Raises:
            OSError: it cannot be written.
            ValueError: the number of rows is unknown.
        """
        self._need_count("be saved")
        if self._rows is None:
            tensors = {"mean": torch.from_numpy(self._mean), "scatter": torch.from_numpy(self._scatter)}
        else:
            rows = np.concatenate([np.zeros((0, self.width)), *self._rows])
            tensors = {"rows": torch.from_numpy(rows)}
        meta = {"kind": _KIND, "width": self.width, "count": self.count, "about": self.about}
        files.write(path, tensors, meta)

    @classmethod
    @checked
    def load(cls, path: str | Path, count: int | None = None) -> Statistics:
        """Read what :meth:`save` wrote, or the .npz file of pytorch-fid and others, which hold a mean and a covariance.

        Args:
            path: the file.
            count: how many images an .npz was made of, which it does not say; None: unknown.

        Raises:
            FileNotFoundError: no such file.
            CheckpointError: the file is damaged, or holds something else.
            ValueError: a count for a file that says it itself.
        """
        if disk.as_path("path", path).suffix == ".npz":
            mean, covariance = read_npz(Path(path))
            with files.making_sense(path, "holds no mean and covariance"):
                return cls.from_moments(mean, covariance, count)
        if count is not None:
            raise bad_value("count", count, f"left out for {path}, which says it itself")
        tensors, meta = files.read(path)
        if meta.get("kind") != _KIND:
            raise CheckpointError(f"{path} holds no feature statistics")
        with files.making_sense(path):
            width, number = meta["width"], meta["count"]
            stats = cls(width, meta["about"])
            if type(number) is not int or number < 0:
                raise bad_value("count", number, "an integer of at least 0")
            if "rows" in tensors:
                stats.update(tensors.pop("rows"))
            else:
                # A table for which there is no memory is refused before it is made.
                shapes = {"mean": (width,), "scatter": (width, width)}
                like = {name: torch.empty(s, dtype=torch.float64, device="meta") for name, s in shapes.items()}
                files.check_fit(tensors, like)
                stats.count, stats._rows = number, None
                stats._mean, stats._scatter = (tensors.pop(name).double().numpy().copy() for name in like)
                if not np.allclose(stats._scatter, stats._scatter.T) or (stats._scatter.diagonal() < 0).any():
                    raise ValueError("scatter must be symmetric, with nothing below 0 on its diagonal")
            if stats.count != number or tensors:
                raise ValueError(f"count is {number}, and it holds {stats.count} rows and {sorted(tensors)}")
        return stats
