"""CIFAR-10 from each form in which it is passed around: the same tensors, and errors that name the file."""

import gzip
import hashlib
import io
import json
import pickle
import struct
import sys
import tarfile
import tracemalloc

import numpy as np
import pytest
import torch
from PIL import Image

import diffusion_edu as de
from diffusion_edu._errors import DataError

module = sys.modules["diffusion_edu.data.cifar10"]  # the name in the package is the function's
ROWS = 6


@pytest.fixture
def batches(monkeypatch):
    """Batches of six pictures, and the module made to expect them."""
    random = np.random.default_rng(0)
    names = [name for split in module.BATCHES.values() for name in split]
    made = {
        name: (random.integers(0, 256, (ROWS, 3, 32, 32), np.uint8), random.integers(0, 10, ROWS).astype(np.uint8))
        for name in names
    }
    monkeypatch.setattr(module, "ROWS", ROWS)
    for split, parts in module.BATCHES.items():
        pixels = np.concatenate([made[name][0] for name in parts]).transpose(0, 2, 3, 1)
        labels = np.concatenate([made[name][1] for name in parts])
        for table, values in ((module.PIXELS_SHA256, pixels), (module.LABELS_SHA256, labels)):
            monkeypatch.setitem(table, split, hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest())
    return made


def binary(pixels, labels):
    return b"".join(bytes([label]) + picture.tobytes() for picture, label in zip(pixels, labels))


def write_binary(folder, batches):
    for name, batch in batches.items():
        (folder / f"{name}.bin").write_bytes(binary(*batch))


def write_pickle(folder, batches):
    for name, (pixels, labels) in batches.items():
        content = {b"data": pixels.reshape(ROWS, -1), b"labels": labels.tolist(), b"batch_label": name.encode()}
        (folder / name).write_bytes(pickle.dumps(content, protocol=2))


def write_archive(folder, batches):
    with tarfile.open(folder / module.ARCHIVE, "w:gz") as archive:
        for name, batch in batches.items():
            content = binary(*batch)
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}.bin")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def write_pictures(folder, batches):
    labels = {"train": [], "test": []}
    for name, (pixels, own) in batches.items():
        Image.fromarray(pixels.transpose(0, 2, 3, 1).reshape(ROWS, 1024, 3)).save(folder / f"{name}.png")
        labels["test" if name == "test_batch" else "train"] += own.tolist()
    for split, values in labels.items():
        (folder / f"{split}_lables.json").write_text(json.dumps(values))


WRITERS = {"binary": write_binary, "pickle": write_pickle, "archive": write_archive, "pictures": write_pictures}


@pytest.mark.parametrize("inner", ["", "cifar10"])
@pytest.mark.parametrize("form", WRITERS)
def test_every_form_gives_the_same_pictures(tmp_path, batches, form, inner, monkeypatch):
    (tmp_path / inner).mkdir(exist_ok=True)
    WRITERS[form](tmp_path / inner, batches)
    for split, parts in module.BATCHES.items():
        data = de.data.cifar10(split, root=tmp_path)
        assert np.array_equal(data.pixels.numpy(), np.concatenate([batches[name][0] for name in parts]))
        assert np.array_equal(data.labels.numpy(), np.concatenate([batches[name][1] for name in parts]))
        assert data.pixels.dtype == torch.uint8 and data.labels.dtype == torch.int64
        assert len(data.classes) == 10 and data.classes[6] == "frog"
    monkeypatch.setenv("DIFFUSION_EDU_DATA", str(tmp_path))
    assert len(de.data.cifar10("test").pixels) == ROWS


def test_other_data_of_the_same_form_are_refused(tmp_path, batches):
    pixels, labels = batches["data_batch_3"]
    batches["data_batch_3"] = (pixels, (labels + 1) % 10)
    write_binary(tmp_path, batches)
    with pytest.raises(DataError, match="does not hold CIFAR-10: SHA-256 of the labels"):
        de.data.cifar10("train", root=tmp_path)
    batches["data_batch_3"] = (255 - pixels, labels)
    write_binary(tmp_path, batches)
    with pytest.raises(DataError, match="does not hold CIFAR-10: SHA-256 of the pixels"):
        de.data.cifar10("train", root=tmp_path)


@pytest.mark.parametrize("form", WRITERS)
def test_a_damaged_file_is_named(tmp_path, batches, form):
    WRITERS[form](tmp_path, batches)
    file = next(file for file in sorted(tmp_path.iterdir()) if "data_batch_1" in file.name or "tar" in file.name)
    file.write_bytes(file.read_bytes()[: len(file.read_bytes()) // 2])
    with pytest.raises(DataError, match=str(file)):
        de.data.cifar10("train", root=tmp_path)


def test_labels_that_are_missing_or_spoilt_are_named(tmp_path, batches):
    write_pictures(tmp_path, batches)
    for content in ("{", "[1, 900]", None):
        file = tmp_path / "train_lables.json"
        file.unlink() if content is None else file.write_text(content)
        with pytest.raises(DataError, match=r"train_lables\.json cannot be read"):
            de.data.cifar10("train", root=tmp_path)


def test_a_pickle_that_asks_for_anything_else_is_not_run(tmp_path, batches):
    write_pickle(tmp_path, batches)
    ran = tmp_path / "ran"

    class Evil:
        def __reduce__(self):
            return (ran.touch, ())

    (tmp_path / "data_batch_1").write_bytes(pickle.dumps({b"data": Evil(), b"labels": []}, protocol=2))
    with pytest.raises(DataError, match="which no batch of CIFAR-10 needs"):
        de.data.cifar10("train", root=tmp_path)
    assert not ran.exists()


def gz_zeros(count):
    return gzip.compress(bytes(1 << 24), mtime=0) * (count >> 24)


@pytest.mark.parametrize("name", ["other", "cifar-10-batches-bin/data_batch_1.bin", None])
def test_an_archive_is_not_unpacked_beyond_what_it_can_be(tmp_path, batches, name):
    """A member of 3 GB before the right one, in its place, and as a header of the archive's own."""
    member = tarfile.TarInfo(name or "pax")
    member.size, member.type = 3 << 30, tarfile.REGTYPE if name else tarfile.XHDTYPE
    (tmp_path / module.ARCHIVE).write_bytes(gzip.compress(member.tobuf(), mtime=0) + gz_zeros(1 << 28))
    with pytest.raises(DataError, match=module.ARCHIVE):
        de.data.cifar10("train", root=tmp_path)


BOMBS = {
    "memo": b"\x80\x02K\x01r" + struct.pack("<I", 2**31 - 1) + b".",
    "bytes": b"\x80\x05\x8e" + struct.pack("<Q", 2**62) + b"x.",
    "bytearray": b"\x80\x05\x96" + struct.pack("<Q", 2**40) + b"x.",
    "array": pickle.dumps(np.ndarray, protocol=2)[:-1] + b"J" + struct.pack("<i", 2**31 - 1) + b"\x85U\x02f8\x86R.",
    "deep": b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".",
    "list": pickle.dumps([1, 2], protocol=2),
    "long": bytes(40_000_000),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_pickle_takes_no_more_memory_than_it_has_bytes(tmp_path, batches, bomb):
    write_pickle(tmp_path, batches)
    (tmp_path / "data_batch_1").write_bytes(BOMBS[bomb])
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="data_batch_1"):
            de.data.cifar10("train", root=tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 200e6
    finally:
        tracemalloc.stop()


def test_a_batch_as_python_2_wrote_it_is_read(tmp_path, batches):
    """Texts of Python 2 are bytes, and an array brings its type along."""
    pixels, labels = batches["data_batch_1"]
    rows = pixels.reshape(ROWS, -1).tobytes()
    text = b"U" + bytes([len(b"labels")]) + b"labels"
    numbers = b"]" + b"".join(b"K" + bytes([label]) + b"a" for label in labels)
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01" + b"K" + bytes([ROWS]) + b"M" + struct.pack("<H", 3072) + b"\x86"
        b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"\x89T" + struct.pack("<i", len(rows)) + rows + b"tb"
    )
    stored = b"\x80\x02}(U\x04data" + array + text + numbers + b"u."
    write_pickle(tmp_path, batches)
    (tmp_path / "data_batch_1").write_bytes(stored)
    assert np.array_equal(de.data.cifar10("train", root=tmp_path).pixels[:ROWS].numpy(), pixels)


@pytest.mark.parametrize("content", ["{}", "null", "[null]", "[" * 100_000, "[1.5]", "[true]"])
def test_labels_that_are_no_list_of_classes_are_named(tmp_path, batches, content):
    write_pictures(tmp_path, batches)
    (tmp_path / "train_lables.json").write_text(content)
    with pytest.raises(DataError, match=r"train_lables\.json cannot be read"):
        de.data.cifar10("train", root=tmp_path)


def test_an_empty_folder_and_an_unknown_split_are_told(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds none of data_batch_1\.bin"):
        de.data.cifar10("train", root=tmp_path)
    with pytest.raises(ValueError, match="did you mean 'train'"):
        de.data.cifar10("trian")


def test_elsewhere_it_is_downloaded_with_its_checksum(tmp_path, batches, monkeypatch):
    write_archive(tmp_path, batches)
    asked = []

    def fetch(name, checksum, addresses, advice):
        asked.append((name, checksum))
        return tmp_path / name

    monkeypatch.delenv("DIFFUSION_EDU_DATA", raising=False)
    monkeypatch.setattr(module, "fetch", fetch)
    assert len(de.data.cifar10("train").pixels) == 5 * ROWS
    assert asked == [(module.ARCHIVE, f"sha256:{module.ARCHIVE_SHA256}")]
