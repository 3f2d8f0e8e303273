"""Files that are written whole or not at all, and read without trust."""

import errno
import json
import math
import os
import stat
import struct
import warnings

import pytest
import torch
from safetensors.torch import save_file

from diffusion_edu import files
from diffusion_edu._errors import DataError
from diffusion_edu.files import CheckpointError

TENSORS = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor(7), "c": torch.tensor([1.5], dtype=torch.bfloat16)}
META = {"step": 3, "nested": {"list": [1, 2.5, None]}, "text": "é"}


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "new" / "folder" / "file.safetensors"
    files.write(path, TENSORS, META)
    tensors, meta = files.read(path)
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
    files.write(tmp_path / "f", views, {})
    tensors, _ = files.read(tmp_path / "f")
    assert all(torch.equal(tensors[name], value) for name, value in views.items())


def test_the_file_has_the_mode_of_any_new_file(tmp_path):
    files.write(tmp_path / "f", TENSORS, META)
    (tmp_path / "plain").write_text("x")
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("f", "plain")}
    assert len(modes) == 1


class Fault(Exception):
    pass


@pytest.mark.parametrize("function", ["fsync", "chmod", "replace"])
@pytest.mark.parametrize("error", [Fault("cut"), OSError(errno.EIO, "input/output error"), KeyboardInterrupt()])
def test_a_fault_while_writing_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, function, error):
    path = tmp_path / "file"
    files.write(path, TENSORS, META)
    before = path.read_bytes()

    def fail(*args, **kwargs):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(os, function, fail)
        with pytest.raises(type(error)):
            files.write(path, {"a": torch.zeros(9)}, {"step": 4})
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["file"]
    files.write(path, {"a": torch.zeros(9)}, {"step": 4})
    assert files.read(path)[1] == {"step": 4}


def test_a_full_disk_is_named_with_the_file_and_the_size(tmp_path, monkeypatch):
    path = tmp_path / "file"
    files.write(path, TENSORS, META)

    def full(fd):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match=r"no space left to write 4\.0 MB") as caught:
            files.write(path, {"a": torch.zeros(1_000_000)}, META)
    assert caught.value.errno == errno.ENOSPC
    assert str(path) in str(caught.value)
    assert files.read(path)[1] == META
    assert os.listdir(tmp_path) == ["file"]


def test_the_bytes_are_on_the_disk_before_the_name_is(tmp_path, monkeypatch):
    order = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, name=name, real=real: (order.append(name), real(*a))[1])
    files.write(tmp_path / "f", TENSORS, META)
    assert order[:2] == ["fsync", "replace"]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no checkpoint at .*gone"):
        files.read(tmp_path / "gone")


def half(data):
    return data[: len(data) // 2]


@pytest.mark.parametrize(
    "spoil", [half, lambda d: d[:-1], lambda d: b"", lambda d: b"not tensors at all" * 9, lambda d: d[4:]]
)
def test_a_damaged_file_is_named(tmp_path, spoil):
    path = tmp_path / "file.safetensors"
    files.write(path, TENSORS, META)
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(CheckpointError, match=r"file\.safetensors is damaged or is not a safetensors file"):
        files.read(path)


def test_a_foreign_file_is_named(tmp_path):
    save_file({"a": torch.zeros(2)}, tmp_path / "other.safetensors", metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match=r"other\.safetensors was not written by diffusion_edu"):
        files.read(tmp_path / "other.safetensors")


@pytest.mark.parametrize("where", [8, 40, 200, -1, -9, -20])
def test_a_single_bit_anywhere_is_noticed(tmp_path, where):
    path = tmp_path / "file.safetensors"
    files.write(path, TENSORS, META)
    content = bytearray(path.read_bytes())
    content[where] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"file\.safetensors"):
        files.read(path)


def header_of(path):
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def described(header, **changes):
    old = json.loads(header["__metadata__"]["diffusion_edu"])
    header["__metadata__"]["diffusion_edu"] = json.dumps({**old, **changes})


def put(path, header, body):
    stored = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(stored)) + stored + body)


@pytest.mark.parametrize(
    "edit",
    [
        lambda header: header.update(x=header.pop("a")),
        lambda header: header["a"].update(shape=[3, 2]),
        lambda header: header["c"].update(dtype="F16"),
        lambda header: described(header, step=4),
        lambda header: described(header, new=4),
        lambda header: described(header, checksum="0" * 64),
        lambda header: described(header, checksum=None),
        lambda header: header["__metadata__"].update(other="x"),
    ],
    ids=["name", "shape", "type", "value", "new value", "checksum", "no checksum", "entry"],
)
def test_an_edited_header_is_refused(tmp_path, edit):
    path = tmp_path / "file.safetensors"
    files.write(path, TENSORS, META)
    header, body = header_of(path)
    edit(header)
    put(path, header, body)
    with pytest.raises(CheckpointError, match=r"file\.safetensors is damaged"):
        files.read(path)


@pytest.mark.parametrize("text", ["[]", "3", '"x"', "null", "not JSON", "[" * 100_000, "9" * 5000])
def test_a_description_that_is_no_object_is_refused(tmp_path, text):
    path = tmp_path / "file.safetensors"
    save_file({"a": torch.zeros(2)}, path, metadata={"diffusion_edu": text})
    with pytest.raises(CheckpointError, match=r"file\.safetensors"):
        files.read(path)


def test_a_file_of_an_earlier_version_is_read_after_a_word(tmp_path):
    path = tmp_path / "old.safetensors"
    save_file(TENSORS, path, metadata={"diffusion_edu": json.dumps(META)})
    with pytest.warns(files.UncheckedFile, match=r"old\.safetensors has no checksum"):
        tensors, meta = files.read(path)
    assert meta == META and all(torch.equal(tensors[name], value) for name, value in TENSORS.items())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        files.read(path, known=True)
        files.write(path, TENSORS, META)
        files.read(path)


def test_the_same_content_is_the_same_file(tmp_path):
    """A card holds the checksum of a file; JSON's keys are texts, whose order is not that of numbers."""
    meta = {**META, "of numbers": {9: 1, 10: (2, 3)}, "not finite": [float("inf"), float("nan")], "large": 10**30}
    for name in "abcdefgh":
        files.write(tmp_path / name, TENSORS, meta)
        assert files.read(tmp_path / name)[1]["of numbers"] == {"9": 1, "10": [2, 3]}
    assert len({(tmp_path / name).read_bytes() for name in "abcdefgh"}) == 1


def test_the_checksum_is_of_names_types_shapes_bytes_and_text():
    a, b = torch.arange(4.0), torch.arange(4.0) + 1
    digests = [
        files.digest({"a": a, "b": b}),
        files.digest({"a": b, "b": a}),
        files.digest({"a": a, "c": b}),
        files.digest({"a": a.reshape(2, 2), "b": b}),
        files.digest({"a": a.view(torch.int32), "b": b}),
        files.digest({"a": a, "b": b}, "x"),
    ]
    assert len(set(digests)) == len(digests)
    assert files.digest({"b": b, "a": a}) == digests[0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.pop("a"), "it lacks a"),
        (lambda t: t.update(z=torch.zeros(1)), "it also has z"),
        (lambda t: t.update(a=torch.zeros(3, 2)), r"a has the shape \(3, 2\), not \(2, 3\)"),
        (lambda t: t.update(a=torch.zeros(2, 3, dtype=torch.int32)), "a is torch.int32, not torch.float32"),
        (lambda t: t.update(a=torch.full((2, 3), math.nan)), "NaN or infinite numbers in a"),
        (lambda t: t.update(c=torch.tensor([math.inf])), "NaN or infinite numbers in c"),
    ],
)
def test_tensors_that_do_not_fit_are_named(change, words):
    tensors = dict(TENSORS)
    like = {name: value.to("meta") for name, value in TENSORS.items()}
    files.check_fit(tensors, like)
    change(tensors)
    with pytest.raises(ValueError, match=words):
        files.check_fit(tensors, like)


@pytest.mark.parametrize(
    "config",
    [
        {"channels": [4] * 100_000},
        {"channels": [4] * 30, "blocks": 4},
        {"unet": {"blocks": 10**7}},
        {"text": {"trunk": {"depth": 10**9}}},
        {"up": [{"channels": [4] * 30}] * 4},
        {"attention_levels": [0] * 1000},
        {"schedule": {"name": "cosine", "T": 5 * 10**7}},
        {"schedule": {"name": "custom", "beta": [0.0] * 200_000}},
        {"size": 2**20},
    ],
    ids=str,
)
def test_more_than_a_file_can_hold_is_not_built(config):
    with pytest.raises(ValueError, match=r"asks for|must be at most"):
        files.check_extent(config, 100)


def test_an_error_about_a_file_keeps_its_words(tmp_path):
    with pytest.raises(DataError, match=r"^other$"), files.making_sense(tmp_path):
        raise DataError("other")
    for error in (KeyError("x"), RecursionError(), MemoryError(), OverflowError("big"), IndexError("none")):
        with pytest.raises(CheckpointError, match="here is wrong: "), files.making_sense("here", "is wrong"):
            raise error
    with pytest.raises(OSError, match="disk"), files.making_sense("here"):
        raise OSError("disk")


def test_the_places_in_a_damaged_file_are_refused(tmp_path):
    path = tmp_path / "file.safetensors"
    for content in (b"", b"1234", struct.pack("<Q", 2**62), struct.pack("<Q", 2) + b"[]", struct.pack("<Q", 9) + b"{}"):
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match=r"file\.safetensors is damaged"):
            files.tensor_places(path)


def test_no_pickle_is_ever_loaded(tmp_path):
    path = tmp_path / "evil.safetensors"
    torch.save({"a": torch.zeros(2)}, path)
    with pytest.raises(CheckpointError):
        files.read(path)


def test_prefixes_come_and_go():
    named = {**files.with_prefix("model", TENSORS), **files.with_prefix("ema", {"a": torch.zeros(1)})}
    back = files.under_prefix("model", named)
    assert back.keys() == TENSORS.keys()
    assert back["a"] is TENSORS["a"]
    assert files.under_prefix("mod", named) == {}
