"""Bytes on the disk: written whole or not at all, under every kind of fault, and named in every message."""

import errno
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from diffusion_edu import disk


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "no space left to write 1.5 MB"),
        (errno.EDQUOT, "no space left in the disk quota to write 1.5 MB"),
        (errno.EFBIG, "the largest size of a file that is allowed here is too small to write 1.5 MB"),
        (errno.EIO, "nput/output error"),
    ],
)
@pytest.mark.parametrize("function", ["fsync", "replace", "chmod"])
def test_what_the_disk_refuses_is_told_with_the_file(tmp_path, monkeypatch, number, words, function):
    path = tmp_path / "deep" / "file"
    disk.write_bytes(path, b"old")

    def fail(*args, **kwargs):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, function, fail)
        with pytest.raises(OSError, match=words) as caught:
            disk.write_bytes(path, b"x" * 1_500_000)
    assert caught.value.errno == number and caught.value.filename == str(path)
    assert path.read_bytes() == b"old" and os.listdir(path.parent) == ["file"]


def test_a_limit_on_the_size_of_files_is_told_and_the_old_file_stays(tmp_path):
    """The system's own refusal, not a made one."""
    path = tmp_path / "file"
    disk.write_bytes(path, b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match=r"too small to write .*file") as caught:
            disk.write_bytes(path, b"x" * 5000)
        with pytest.raises(OSError, match=r"too small to write .*lines"):
            disk.append_line(tmp_path / "lines", "x" * 5000)
        (tmp_path / "lines").write_bytes(b"first\n")
        with pytest.raises(OSError, match="too small"):
            disk.append_line(tmp_path / "lines", "x" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert caught.value.errno == errno.EFBIG
    assert path.read_bytes() == b"old" and (tmp_path / "lines").read_bytes() == b"first\n"
    assert sorted(os.listdir(tmp_path)) == ["file", "lines"]


def test_a_folder_that_is_a_file_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="inner"):
        disk.write_bytes(tmp_path / "file" / "inner", b"x")


def test_the_temporary_file_of_a_process_that_was_killed_is_removed_by_the_next_write(tmp_path):
    path = tmp_path / "weights.json"
    code = (
        "import os, signal, sys; from pathlib import Path; from diffusion_edu import disk;"
        "os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL);"
        f"disk.write_bytes(Path({str(path)!r}), b'half')"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == -signal.SIGKILL
    (left,) = os.listdir(tmp_path)
    assert left.startswith(".weights.json.") and left.endswith(".tmp")
    alive = tmp_path / left.replace(left.split(".")[3], f"{left.split('.')[3].split('-')[0]}-{os.getppid()}")
    elsewhere = tmp_path / f".weights.json.abcdef-{2**22 - 1}.x.tmp"
    for other in (alive, elsewhere):
        other.write_bytes(b"of another")
    disk.write_bytes(path, b"whole")
    assert path.read_bytes() == b"whole"
    assert {tmp_path / name for name in os.listdir(tmp_path)} == {path, alive, elsewhere}


@pytest.mark.parametrize("value", [None, 3, b"x", ["x"], {}])
def test_what_is_no_path_is_named(value):
    with pytest.raises(TypeError, match="weights must be a str or a Path, got"):
        disk.as_path("weights", value)


def test_an_empty_path_is_none():
    with pytest.raises(ValueError, match="path must be a path, got ''"):
        disk.as_path("path", "")
    assert disk.as_path("path", "a/b") == disk.as_path("path", Path("a/b")) == Path("a/b")


def test_no_more_is_read_than_was_asked_for_and_nothing_but_files(tmp_path):
    (tmp_path / "file").write_bytes(b"12345")
    assert disk.read_bytes(tmp_path / "file", 5) == b"12345"
    with pytest.raises(disk.TooLarge, match="file has 5 bytes, more than 4"):
        disk.read_bytes(tmp_path / "file", 4)
    os.mkfifo(tmp_path / "pipe")
    for odd in (tmp_path / "pipe", tmp_path, Path("/dev/zero")):
        with pytest.raises(OSError, match="not an ordinary file"):
            disk.read_bytes(odd, 10)
    with pytest.raises(FileNotFoundError, match="no such file"):
        disk.read_bytes(tmp_path / "none", 10)
