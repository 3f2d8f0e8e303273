"""What depends on the machine and not on the method: seeds, bf16 in hardware, the memory allocator."""

from __future__ import annotations

import ctypes
import os
import sys

import numpy as np
import torch


def derive_seed(seed: int, stream: str, index: int) -> int:
    """A 63-bit seed for one use of one step, independent of every other (numpy's SeedSequence mixes them)."""
    words = [seed, int.from_bytes(stream.encode()[:8], "little"), index]
    return int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0]) >> 1


def has_bf16(device: torch.device) -> bool:
    """True where bf16 arithmetic is in hardware and pays: recent GPUs, CPUs with AVX512-bf16 or AMX."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type != "cpu":
        return False
    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, probe, bool)() for probe in probes)


def tune_malloc() -> bool:
    """Let glibc keep freed memory instead of returning it to the system after every step (1.1x on a CPU).

    For command-line entry points only: it changes the whole process. Returns False where there is no glibc.
    """
    if not sys.platform.startswith("linux") or os.environ.get("MALLOC_TRIM_THRESHOLD_"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    m_trim_threshold, m_top_pad, m_mmap_max = -1, -2, -4
    settings = [(m_mmap_max, 0), (m_trim_threshold, 2**31 - 1), (m_top_pad, 64 << 20)]
    return all(mallopt(option, value) == 1 for option, value in settings)
