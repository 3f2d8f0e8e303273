"""Random numbers that Python and the page draw alike: the twin of noise.mjs beside it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


def _mix(x: np.ndarray) -> np.ndarray:
    x = (x ^ (x >> np.uint32(17))) * np.uint32(0xED5AD4BB)
    x = (x ^ (x >> np.uint32(11))) * np.uint32(0xAC4C1B51)
    x = (x ^ (x >> np.uint32(15))) * np.uint32(0x31848BAB)
    return x ^ (x >> np.uint32(14))


def widget_noise(shape: Sequence[int], seed: int) -> Tensor:
    """(1, *shape) standard normal noise, float64: the numbers that ``gaussian(seed, n)`` draws in the page.

    A counter-based generator: word i is a 32-bit hash ("triple32") of i and the seed; two words make a 53-bit
    uniform number, and Box-Muller turns pairs of those into pairs of normal numbers.
    """
    n = int(np.prod(shape))
    key = _mix(np.array([(seed + 0x9E3779B9) % 2**32], dtype=np.uint32))
    words = _mix(_mix(np.arange(2 * (n + n % 2), dtype=np.uint32)) ^ key).astype(np.uint64)
    uniform = ((words[0::2] >> np.uint64(5)) * np.uint64(2**26) + (words[1::2] >> np.uint64(6))) / 2.0**53
    radius, angle = np.sqrt(-2 * np.log(1 - uniform[0::2])), 2 * np.pi * uniform[1::2]
    pairs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return torch.from_numpy(pairs.reshape(-1)[:n].reshape(1, *shape).copy())


def stream_seed(seed: int, stream: int) -> int:
    """The seed of one of the many uses that a widget has for random numbers: each has a stream of its own."""
    return (seed + 1000003 * stream) % 2**31
