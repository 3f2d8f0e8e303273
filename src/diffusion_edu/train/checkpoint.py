"""Files of tensors with their description: safetensors with a JSON header, written whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import struct
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

_KEY = "diffusion_edu"
_LOCK = ".lock"


class CheckpointError(RuntimeError):
    """A checkpoint is damaged, foreign, or does not fit the run."""


def write(path: str | Path, tensors: Mapping[str, Tensor], meta: Mapping[str, Any]) -> None:
    """Write tensors and their description to one file, so that a crash leaves the old file or the new one.

    The bytes go to a temporary file in the same folder, are forced to the disk, and take the name by a rename.

    Args:
        path: the file; its folder is made.
        tensors: by name; moved to the CPU.
        meta: JSON-ready description.

    Raises:
        OSError: the disk is full (the message names the file and the size), or the folder cannot be written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    plain = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    payload = save(plain, metadata={_KEY: json.dumps(meta, sort_keys=True)})
    write_bytes(path, payload)


def write_bytes(path: Path, payload: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        OSError: as :func:`write`.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(payload)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes the file private; give it the mode that an ordinary new file would have.
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except BaseException as error:
        Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            megabytes = len(payload) / 1e6
            raise OSError(errno.ENOSPC, f"no space left to write {megabytes:.1f} MB", str(path)) from error
        raise
    try:
        folder = os.open(path.parent, os.O_RDONLY)
    except OSError:  # Windows cannot open a folder; there the rename alone has to do
        return
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read(path: str | Path, device: torch.device | str = "cpu") -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what :func:`write` wrote.

    Returns:
        Tensors by name, and the description.

    Raises:
        FileNotFoundError: no such file.
        CheckpointError: the file is damaged, or has no description of this package.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no checkpoint at {path}")
    try:
        with safe_open(str(path), framework="pt", device=str(device)) as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    except SafetensorError as error:
        raise CheckpointError(f"{path} is damaged or is not a safetensors file: {error}") from error
    if _KEY not in header:
        raise CheckpointError(f"{path} was not written by diffusion_edu: its header lacks {_KEY!r}")
    return tensors, json.loads(header[_KEY])


def tensor_places(path: Path) -> dict[str, tuple[str, tuple[int, ...], int, int]]:
    """Where the tensors of a safetensors file lie: {name: (type, shape, first byte in the file, number of bytes)}."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
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


def hold(directory: Path, *names: str) -> FileLock:
    """Hold a directory for one run: two that write the same files would spoil both. A dead process holds nothing.

    Args:
        directory: made where it is missing.
        names: the files that the run writes there; what a killed write of one left behind is removed.

    Raises:
        RuntimeError: another run holds it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    lock = FileLock(directory / _LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise RuntimeError(
            f"{directory} is in use by another training run: wait for it, close its iterator, or take another directory"
        ) from None
    # A kill in the middle of a write leaves its temporary file behind; nobody else can be writing now.
    for name in names:
        for left in directory.glob(f".{name}.*.tmp"):
            left.unlink()
    return lock
