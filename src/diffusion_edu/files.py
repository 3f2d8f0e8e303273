"""Files of tensors with their description: safetensors with a JSON header, and a checksum over both.

Nothing in a file is believed: it is read as far as its own numbers make sense, and whatever does not is one
:class:`CheckpointError` that names the file.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import struct
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from . import disk
from ._errors import DataError
from .disk import RunBusy as RunBusy  # where others look for them
from .disk import write_bytes as write_bytes

_KEY, _SUM = "diffusion_edu", "checksum"  # of the header, and of the description in it
_MOST_STEPS, _MOST_SIDE = 100_000, 4_096  # of a schedule; of an image, in pixels
SENSELESS = (*disk.SENSELESS, SafetensorError)


class CheckpointError(RuntimeError):
    """A checkpoint is damaged, no checkpoint at all, or does not fit the run."""


class UncheckedFile(UserWarning):
    """A file of an earlier version has no checksum: damage that leaves its form whole would not be noticed."""


@contextlib.contextmanager
def making_sense(path: str | Path, what: str = "does not fit its own description") -> Iterator[None]:
    """Whatever goes wrong inside is a CheckpointError that begins with the file.

    Args:
        path: the file.
        what: what is wrong with it then.

    Raises:
        CheckpointError: something did not make sense. An error about a file, and a GPU without memory, pass through.
    """
    try:
        yield
    except (CheckpointError, DataError, disk.RunBusy, torch.cuda.OutOfMemoryError):
        raise
    except SENSELESS as error:
        reason = f"it has no {error}" if isinstance(error, KeyError) else str(error) or type(error).__name__
        raise CheckpointError(f"{path} {what}: {reason}") from error


def write(path: str | Path, tensors: Mapping[str, Tensor], meta: Mapping[str, Any]) -> None:
    """Write tensors, their description and a checksum of both to one file: a crash leaves the old file or the new one.

    Args:
        path: the file; its folder is made.
        tensors: by name; moved to the CPU.
        meta: JSON-ready description.

    Raises:
        OSError: the disk is full (the message names the file and the size), or the folder cannot be written.
    """
    plain = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    read_again = json.loads(json.dumps(meta))  # JSON has no tuples, and all keys are texts
    # One entry: safetensors writes several in any order, and the same content has to be the same file.
    text = json.dumps({**read_again, _SUM: digest(plain, _canonical(read_again))}, sort_keys=True)
    write_bytes(disk.as_path("path", path), save(plain, metadata={_KEY: text}))


def _canonical(meta: Mapping[str, Any]) -> str:
    return json.dumps(meta, sort_keys=True)


def digest(tensors: Mapping[str, Tensor], text: str = "") -> str:
    """SHA-256 of a text and of tensors: their names, types, shapes and bytes."""
    summed = hashlib.sha256(text.encode())
    for name, value in sorted(tensors.items()):
        summed.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        summed.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return summed.hexdigest()


def read(
    path: str | Path, device: torch.device | str = "cpu", *, known: bool = False
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what :func:`write` wrote.

    Args:
        path: the file.
        device: where to put the tensors.
        known: its bytes were compared with a checksum from elsewhere: one of its own is not missed.

    Returns:
        Tensors by name, and the description.

    Raises:
        FileNotFoundError: no such file.
        CheckpointError: the file is damaged, or has no description of this package.

    Warns:
        UncheckedFile: it has no checksum, as files of earlier versions.
    """
    path = disk.as_path("path", path)
    if not path.is_file():
        raise FileNotFoundError(f"no checkpoint at {path}")
    with open(path, "rb"):  # safetensors says of a file that may not be read that it is not there
        pass
    with making_sense(path, "is damaged or is not a safetensors file"):
        with safe_open(str(path), framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        meta = _described(path, header)
        checked = _SUM in meta
        if checked and meta.pop(_SUM) != digest(tensors, _canonical(meta)):
            raise CheckpointError(f"{path} is damaged or was changed: its checksum is not that of its content")
    if not (checked or known):
        message = f"{path} has no checksum, as files of earlier versions: damage may go unnoticed"
        warnings.warn(message, UncheckedFile, stacklevel=2)
    return {name: value.to(device) for name, value in tensors.items()}, meta


def description(path: Path) -> dict[str, Any]:
    """What a file says of itself, without its tensors: for what is shown, since nothing is compared with a checksum.

    Raises:
        CheckpointError: as :func:`read`.
    """
    with making_sense(path, "is damaged or is not a safetensors file"), safe_open(str(path), framework="pt") as file:
        return _described(path, file.metadata() or {})


def _described(path: Path, header: Mapping[str, str]) -> dict[str, Any]:
    if _KEY not in header:
        raise CheckpointError(f"{path} was not written by diffusion_edu: its header lacks {_KEY!r}")
    if unknown := set(header) - {_KEY}:
        raise CheckpointError(f"{path} is damaged or of a later version: its header has {sorted(unknown)[0]!r}")
    meta = json.loads(header[_KEY])
    if not isinstance(meta, dict):
        raise CheckpointError(f"{path} is damaged: its description must be an object, got a {type(meta).__name__}")
    return meta


def check_extent(config: Mapping[str, Any], tensors: int) -> None:
    """Raise where a network's configuration asks for more than its file can hold, before anything is built.

    Args:
        config: from the file's description.
        tensors: how many the file holds: each block of a network has at least one.

    Raises:
        ValueError: more blocks than tensors, or a schedule or an image larger than any.
    """
    blocks = _blocks(config)
    if blocks > tensors:
        raise ValueError(f"its configuration asks for {blocks:,} blocks or more, and it has {tensors:,} tensors")


def _blocks(config: Any) -> int:
    """How many blocks a configuration asks for, at least."""
    if isinstance(config, (list, tuple)):
        return max(len(config), sum(map(_blocks, config)))
    if not isinstance(config, Mapping):
        return 0
    schedule = config.get("schedule")
    if isinstance(schedule, Mapping):
        for steps in (schedule.get("T"), len(schedule.get("beta") or ()) - 1):
            if isinstance(steps, (int, float)) and steps > _MOST_STEPS:
                raise ValueError(f"T must be at most {_MOST_STEPS:,}, got {steps:,}")
    for name in ("size", "side"):
        if isinstance(config.get(name), (int, float)) and config[name] > _MOST_SIDE:
            raise ValueError(f"{name} must be at most {_MOST_SIDE:,}, got {config[name]:,}")
    levels = config.get("channels")
    own = len(levels) if isinstance(levels, (list, tuple)) else 1
    for name in ("blocks", "depth"):
        if isinstance(config.get(name), int):
            own *= max(1, config[name])
    return own + sum(_blocks(part) for name, part in config.items() if name not in ("schedule", "channels"))


def check_fit(tensors: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> None:
    """Raise unless the tensors of a file are those of a network: names, shapes, floating point or not, and finite.

    Args:
        tensors: of the file.
        wanted: the network's, whose values do not matter: it may be one on the meta device.

    Raises:
        ValueError: says which of them is not right.
    """
    for names, words in ((wanted.keys() - tensors.keys(), "lacks"), (tensors.keys() - wanted.keys(), "also has")):
        if names:
            raise ValueError(f"it {words} {_some(names)}")
    for name, like in wanted.items():
        value = tensors[name]
        if value.shape != like.shape:
            raise ValueError(f"{name} has the shape {tuple(value.shape)}, not {tuple(like.shape)}")
        if value.is_floating_point() != like.is_floating_point() or value.is_complex():
            raise ValueError(f"{name} is {value.dtype}, not {like.dtype}")
    check_finite(tensors)


def check_finite(tensors: Mapping[str, Tensor]) -> None:
    """Raise where a tensor has a NaN or an infinite number.

    Raises:
        ValueError: says which.
    """
    bad = [name for name, value in tensors.items() if value.is_floating_point() and not value.isfinite().all()]
    if bad:
        raise ValueError(f"NaN or infinite numbers in {_some(bad)}")


def _some(names: Iterable[str]) -> str:
    """The first names, and how many more."""
    names = sorted(names)
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def tensor_places(path: Path) -> dict[str, tuple[str, tuple[int, ...], int, int]]:
    """Where the tensors of a safetensors file lie: {name: (type, shape, first byte in the file, number of bytes)}.

    Raises:
        CheckpointError: it is damaged, or is no safetensors file.
    """
    with making_sense(path, "is damaged or is not a safetensors file"), open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        if 8 + length > path.stat().st_size:
            raise ValueError(f"its header is said to have {length:,} bytes")
        header = json.loads(file.read(length))
        places = {}
        for name, entry in header.items():
            if name != "__metadata__":
                begin, end = entry["data_offsets"]
                places[name] = (entry["dtype"], tuple(entry["shape"]), 8 + length + begin, end - begin)
    return places


def with_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under ``prefix.name``."""
    return {f"{prefix}.{name}": value for name, value in tensors.items()}


def under_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The inverse of :func:`with_prefix`: the tensors under `prefix`, without it."""
    start = f"{prefix}."
    return {name[len(start) :]: value for name, value in tensors.items() if name.startswith(start)}
