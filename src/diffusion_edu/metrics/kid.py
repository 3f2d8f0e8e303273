"""The kernel distance between two sets of features: KID, when they are those of the Inception network."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from .._arguments import checked
from .._errors import bad_value
from ._rows import Rows, check_rows, float64


class KernelDistance(NamedTuple):
    """The mean over blocks, its standard error, and the blocks: how many, of how many rows of each set."""

    value: float
    error: float
    blocks: int
    block: int


@checked
def squared_mmd(x: Rows, y: Rows, degree: int = 3) -> float:
    r"""The squared maximum mean discrepancy of two sets under the polynomial kernel, without bias.

    k(u, v) = (u . v / D + 1)^degree;
    MMD^2 = mean_{i != j} k(x_i, x_j) + mean_{i != j} k(y_i, y_j) - 2 mean_{i, j} k(x_i, y_j).

    Pairs of a row with itself are left out: that is what makes the mean over many sets right at every N, and what
    lets one value fall below 0. With degree 3 it compares means, covariances and third moments.

    Args:
        x, y: (N, D) and (M, D) features, at least 2 rows each.
        degree: of the polynomial, at least 1.

    Raises:
        TypeError, ValueError: bad tables, different widths, degree < 1.

    Source: Gretton et al. 2012, eq. 3; Binkowski et al. 2018, section 4 (the kernel).
    Equation: eq-kid (Gretton et al. 2012, eq. 3).
    Checked by: tests/metrics/test_kid.py::test_the_definition_pair_by_pair.
    """
    check_rows("x", x, least=2)
    check_rows("y", y, int(x.shape[1]), least=2)
    if degree < 1:
        raise bad_value("degree", degree, "at least 1")
    a, b = float64(x), float64(y)
    width, n, m = a.shape[1], len(a), len(b)
    within_a, within_b = ((s @ s.T / width + 1) ** degree for s in (a, b))
    between = (a @ b.T / width + 1) ** degree
    mean_a = (within_a.sum() - np.trace(within_a)) / (n * (n - 1))
    mean_b = (within_b.sum() - np.trace(within_b)) / (m * (m - 1))
    return float(mean_a + mean_b - 2 * between.mean())


@checked
def kernel_distance(x: Rows, y: Rows, block: int | None = None, seed: int = 0, degree: int = 3) -> KernelDistance:
    r"""KID: the mean of :func:`squared_mmd` over blocks of rows, with its standard error.

    Both sets are shuffled and cut into blocks that share no row, so the blocks' values are independent: their standard
    deviation over the root of their number is the error of the mean. Unlike the Frechet distance its mean does not
    depend on the number of rows, and it assumes no Gaussian.

    Args:
        x, y: (N, D) and (M, D) features.
        block: rows of each set in a block; by default a tenth of the smaller set, 1,000 at most. Rows that fill no
            block are left out.
        seed: of the shuffle.
        degree: as there.

    Returns:
        KernelDistance(value, error, blocks, block).

    Raises:
        TypeError, ValueError: bad tables, different widths, too few rows for two blocks.

    Source: Binkowski et al. 2018, "Demystifying MMD GANs"; Zaremba et al. 2013, "B-tests" (the blocks).
    """
    check_rows("x", x, least=4)
    check_rows("y", y, int(x.shape[1]), least=4, like="x")
    least = min(len(x), len(y))
    size = max(2, min(1000, least // 10)) if block is None else block
    if not 2 <= size <= least // 2:
        raise bad_value("block", block, f"in 2..{least // 2}, so that the smaller set has two blocks")
    a, b = float64(x), float64(y)
    rng = np.random.default_rng(seed)
    blocks = least // size
    order_a, order_b = (rng.permutation(len(s))[: blocks * size].reshape(blocks, size) for s in (a, b))
    values = [squared_mmd(a[i], b[j], degree) for i, j in zip(order_a, order_b)]
    return KernelDistance(float(np.mean(values)), float(np.std(values, ddof=1) / math.sqrt(blocks)), blocks, size)
