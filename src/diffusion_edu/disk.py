"""Bytes on the disk: written whole or not at all, read no further than makes sense, a folder held by one run."""

from __future__ import annotations

import contextlib
import errno
import glob
import hashlib
import os
import platform
import struct
import tempfile
from pathlib import Path

from filelock import FileLock, Timeout

_LOCK = ".lock"
_HOST = hashlib.sha256(platform.node().encode(errors="replace")).hexdigest()[:6]
# What the system says when there is no room, in words that go before "to write 4.0 MB".
_NO_ROOM = {
    errno.ENOSPC: "no space left",
    errno.EDQUOT: "no space left in the disk quota",
    errno.EFBIG: "the largest size of a file that is allowed here is too small",
}


# What comes of the content of a file that makes no sense, wherever it is met.
SENSELESS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
)


class RunBusy(RuntimeError):
    """A folder is in use by another training run."""


class TooLarge(ValueError):
    """A file is larger than anything of its kind."""


def as_path(argument: str, value: object) -> Path:
    """What was given for a file, as a path.

    Args:
        argument: what the value was given for.
        value: a str or a Path.

    Raises:
        TypeError, ValueError: it is something else, or an empty string.
    """
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if not isinstance(value, str):
        raise TypeError(f"{argument} must be a str or a Path, got {value!r}")
    if not value:
        raise ValueError(f"{argument} must be a path, got {value!r}")
    return Path(value)


def read_bytes(path: Path, most: int) -> bytes:
    """The content of a file of at most `most` bytes.

    Raises:
        OSError: it is no ordinary file (a device, a pipe, a folder), or cannot be read.
        TooLarge: it holds more.
    """
    if not path.is_file():
        raise FileNotFoundError(
            errno.ENOENT, "no such file" if not path.exists() else "not an ordinary file", str(path)
        )
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > most:
            raise TooLarge(f"{path} has {size:,} bytes, more than {most:,}")
        return file.read(size)


def write_bytes(path: Path, payload: bytes) -> None:
    """Write a file whole or not at all; its folder is made.

    The bytes go to a temporary file in the same folder, are forced to the disk, and take the name by a rename. What a
    write of this file left behind when its process was killed is removed.

    Raises:
        OSError: the disk is full (the message names the file and the size), or the folder cannot be written.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_left(path)
        handle, temporary = tempfile.mkstemp(
            dir=path.parent, prefix=f".{path.name}.{_HOST}-{os.getpid()}.", suffix=".tmp"
        )
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
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _named(error, path, len(payload)) from error
        raise
    try:
        folder = os.open(path.parent, os.O_RDONLY)
    except OSError:  # Windows cannot open a folder; there the rename alone has to do
        return
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def append_line(path: Path, line: str) -> None:
    """Add a line to a text file, whole or not at all; the file and its folder are made.

    Raises:
        OSError: as for :func:`write_bytes`; the file is then as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    left = f"{line}\n".encode()
    try:
        with open(path, "ab", buffering=0) as file:  # with a buffer, closing would try to write the rest again
            before = file.seek(0, os.SEEK_END)
            try:
                while left:
                    left = left[file.write(left) :]
            except OSError:
                with contextlib.suppress(OSError):
                    file.truncate(before)
                raise
    except OSError as error:
        raise _named(error, path, len(line)) from error


def _named(error: OSError, path: Path, size: int) -> OSError:
    """The same error with the file in it, whichever call it came from."""
    if error.errno is None:
        return error
    words = _NO_ROOM.get(error.errno)
    reason = f"{words} to write {size / 1e6:.1f} MB" if words else error.strerror
    return OSError(error.errno, reason, str(path))


def _remove_left(path: Path) -> None:
    """Remove temporary files of this path whose process, on this machine, is gone."""
    start = f".{path.name}."
    for left in path.parent.glob(f"{glob.escape(start)}*.tmp"):
        host, _, process = left.name[len(start) :].split(".")[0].rpartition("-")
        if host == _HOST and process.isdecimal() and not _alive(int(process)):
            left.unlink(missing_ok=True)


def _alive(process: int) -> bool:
    if os.name == "nt":  # there a signal of 0 is no question: it would end the process
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True


def hold(directory: Path, *names: str) -> FileLock:
    """Hold a directory for one run: two that write the same files would destroy both. A dead process holds nothing.

    Args:
        directory: made where it is missing.
        names: the files that the run writes there; what a killed write of one left behind is removed.

    Raises:
        RunBusy: another run holds it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    lock = FileLock(directory / _LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise RunBusy(
            f"{directory} is in use by another training run: wait for it, close its iterator, or take another directory"
        ) from None
    # A kill in the middle of a write leaves its temporary file behind; nobody else can be writing now.
    for name in names:
        for left in directory.glob(f".{name}.*.tmp"):
            left.unlink(missing_ok=True)
    return lock
