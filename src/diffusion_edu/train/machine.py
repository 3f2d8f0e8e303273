"""What depends on the machine and not on the method: devices, precision, torch.compile, the memory allocator."""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
import sys
import warnings
from typing import Any

import torch

HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}
_COMPILERS = ("torch._dynamo", "torch._inductor", "torch._functorch", "triton")


class MachineWarning(UserWarning):
    """Something was asked for that this machine cannot do, or not well; the message says what is done instead."""


def note(message: str) -> None:
    """Tell it once, as a warning: the command line prints it as a line."""
    warnings.warn(message, MachineWarning, stacklevel=3)


def best_device(index: int = 0) -> torch.device:
    """An NVIDIA or AMD GPU where there is one, then Apple's where this torch can train on it, else the CPU.

    Args:
        index: which of the machine's GPUs, where there are several.
    """
    if torch.cuda.is_available():
        return torch.device("cuda", index)
    return torch.device("mps" if _mps_works() else "cpu")


def _mps_works() -> bool:
    """Apple's GPU is there, this torch knows autocast on it (2.5 or newer), and it answers."""
    if not (torch.backends.mps.is_available() and torch.amp.is_autocast_available("mps")):
        return False
    try:
        return bool((torch.ones(2, device="mps") + 1).sum().item() == 4)
    except (RuntimeError, NotImplementedError):
        return False


def has_bf16(device: torch.device) -> bool:
    """True where bf16 arithmetic is in hardware and pays: recent GPUs, CPUs with AVX512-bf16 or AMX."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type != "cpu":
        return False
    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, probe, bool)() for probe in probes)


def best_precision(device: torch.device) -> str:
    """What "auto" comes to: "bf16" where it is fast, "fp16" on GPUs that have only that (7.0 to 7.5), else "fp32"."""
    if has_bf16(device):
        return "bf16"
    halves = device.type == "cuda" and torch.cuda.get_device_capability(device) >= (7, 0)
    return "fp16" if halves else "fp32"


def pick_precision(asked: str, device: torch.device) -> str:
    """The precision that a recipe asks for as far as this device has it; where it is another one, or slow, it is noted.

    Returns:
        "fp32", "bf16" or "fp16".
    """
    best = best_precision(device)
    if asked in ("auto", best, "fp32"):
        return best if asked == "auto" else asked
    name = device_name(device)
    if not torch.amp.is_autocast_available(device.type):
        note(f"precision {asked!r} is not there on {name}: going on in fp32")
        return "fp32"
    if asked == "bf16" and device.type == "cuda":  # emulated there, and refused by torch.compile
        note(f"precision 'bf16' is only emulated on {name}: going on in {best}")
        return best
    if not (asked == "fp16" and device.type == "cuda"):  # fp16 on a GPU that has bf16 is as fast, so nothing to say
        note(f"precision {asked!r} is slow on {name}; 'auto' takes {best}")
    return asked


def autocast(device: torch.device, precision: str) -> contextlib.AbstractContextManager[Any]:
    """The network's products and convolutions in half precision; nothing for "fp32"."""
    if precision == "fp32":
        return contextlib.nullcontext()
    return torch.autocast(device.type, HALF[precision])


def full_precision(device: torch.device) -> contextlib.AbstractContextManager[Any]:
    """Out of any autocast; where this torch knows none (Apple's GPUs before 2.5) there is nothing to leave."""
    if not torch.amp.is_autocast_available(device.type):
        return contextlib.nullcontext()
    return torch.autocast(device.type, enabled=False)


def compile_failed(error: Exception) -> bool:
    """Whether an error is torch.compile's own: no compiler on this machine, or a GPU that its backend does not know."""
    kinds = {kind.__module__ for kind in type(error).__mro__}
    if any(kind.startswith(_COMPILERS) for kind in kinds):
        return True
    words = str(error).lower()
    return isinstance(error, subprocess.CalledProcessError) or "compiler" in words or "triton" in words


def device_name(device: torch.device) -> str:
    """For a model card: "NVIDIA H100", "mps", "cpu, 2 threads"."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type != "cpu":
        return device.type
    threads = torch.get_num_threads()
    return f"cpu, {threads} thread{'s' if threads > 1 else ''}"


def moved(saved: dict[str, Any], now: dict[str, Any]) -> str:
    """How a checkpoint's machine differs from this one, in words; "" where it does not, or where the file does not say.

    Args:
        saved, now: "device" (its type), "precision" and "torch", as :func:`machine_of` gives them.
    """
    return ", ".join(f"{key} {saved[key]} -> {now[key]}" for key in now if saved.get(key) not in (None, now[key]))


def machine_of(device: torch.device, precision: str) -> dict[str, Any]:
    """What the exact numbers of a run depend on besides its recipe."""
    return {"device": device.type, "precision": precision, "torch": torch.__version__}


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
