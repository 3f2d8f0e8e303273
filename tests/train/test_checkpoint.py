"""Files that are written whole or not at all, and read without trust."""

import errno
import os
import stat

import pytest
import torch
from safetensors.torch import save_file

from diffusion_edu.train import CheckpointError, checkpoint

TENSORS = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor(7), "c": torch.tensor([1.5], dtype=torch.bfloat16)}
META = {"step": 3, "nested": {"list": [1, 2.5, None]}, "text": "é"}


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "new" / "folder" / "file.safetensors"
    checkpoint.write(path, TENSORS, META)
    tensors, meta = checkpoint.read(path)
    assert meta == META
    assert tensors.keys() == TENSORS.keys()
    for name, value in TENSORS.items():
        assert tensors[name].dtype == value.dtype
        assert torch.equal(tensors[name], value)
    assert os.listdir(path.parent) == [path.name]


def test_strided_tensors_are_written_by_value(tmp_path):
    """channels_last weights are not contiguous, and a transposed view shares its memory."""
    weight = torch.randn(4, 3, 2, 2, generator=torch.Generator().manual_seed(0))
    views = {"last": weight.contiguous(memory_format=torch.channels_last), "t": weight[0, :, :, 0].T}
    checkpoint.write(tmp_path / "f", views, {})
    tensors, _ = checkpoint.read(tmp_path / "f")
    assert all(torch.equal(tensors[name], value) for name, value in views.items())


def test_the_file_has_the_mode_of_any_new_file(tmp_path):
    checkpoint.write(tmp_path / "f", TENSORS, META)
    (tmp_path / "plain").write_text("x")
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("f", "plain")}
    assert len(modes) == 1


class Fault(Exception):
    pass


@pytest.mark.parametrize("function", ["fsync", "chmod", "replace"])
@pytest.mark.parametrize("error", [Fault("cut"), OSError(errno.EIO, "input/output error"), KeyboardInterrupt()])
def test_a_fault_while_writing_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, function, error):
    path = tmp_path / "file"
    checkpoint.write(path, TENSORS, META)
    before = path.read_bytes()

    def fail(*args, **kwargs):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(os, function, fail)
        with pytest.raises(type(error)):
            checkpoint.write(path, {"a": torch.zeros(9)}, {"step": 4})
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["file"]
    checkpoint.write(path, {"a": torch.zeros(9)}, {"step": 4})
    assert checkpoint.read(path)[1] == {"step": 4}


def test_a_full_disk_is_named_with_the_file_and_the_size(tmp_path, monkeypatch):
    path = tmp_path / "file"
    checkpoint.write(path, TENSORS, META)

    def full(fd):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match=r"no space left to write 4\.0 MB") as caught:
            checkpoint.write(path, {"a": torch.zeros(1_000_000)}, META)
    assert caught.value.errno == errno.ENOSPC
    assert str(path) in str(caught.value)
    assert checkpoint.read(path)[1] == META
    assert os.listdir(tmp_path) == ["file"]


def test_the_bytes_are_on_the_disk_before_the_name_is(tmp_path, monkeypatch):
    order = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, name=name, real=real: (order.append(name), real(*a))[1])
    checkpoint.write(tmp_path / "f", TENSORS, META)
    assert order[:2] == ["fsync", "replace"]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no checkpoint at .*gone"):
        checkpoint.read(tmp_path / "gone")


def half(data):
    return data[: len(data) // 2]


@pytest.mark.parametrize(
    "spoil", [half, lambda d: d[:-1], lambda d: b"", lambda d: b"not tensors at all" * 9, lambda d: d[4:]]
)
def test_a_damaged_file_is_named(tmp_path, spoil):
    path = tmp_path / "file.safetensors"
    checkpoint.write(path, TENSORS, META)
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(CheckpointError, match=r"file\.safetensors is damaged or is not a safetensors file"):
        checkpoint.read(path)


def test_a_foreign_file_is_named(tmp_path):
    save_file({"a": torch.zeros(2)}, tmp_path / "other.safetensors", metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match=r"other\.safetensors was not written by diffusion_edu"):
        checkpoint.read(tmp_path / "other.safetensors")


def test_no_pickle_is_ever_loaded(tmp_path):
    path = tmp_path / "evil.safetensors"
    torch.save({"a": torch.zeros(2)}, path)
    with pytest.raises(CheckpointError):
        checkpoint.read(path)


def test_prefixes_come_and_go():
    named = {**checkpoint.with_prefix("model", TENSORS), **checkpoint.with_prefix("ema", {"a": torch.zeros(1)})}
    back = checkpoint.under_prefix("model", named)
    assert back.keys() == TENSORS.keys()
    assert back["a"] is TENSORS["a"]
    assert checkpoint.under_prefix("mod", named) == {}
