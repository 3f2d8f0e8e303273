import gzip
import struct

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from diffusion_edu._errors import DataError
from diffusion_edu.data.idx import parse_idx, read_idx


def idx_bytes(tensor: torch.Tensor) -> bytes:
    head = bytes([0, 0, 8, tensor.ndim]) + struct.pack(f">{tensor.ndim}I", *tensor.shape)
    return head + tensor.numpy().tobytes()


PICTURES = torch.arange(60).reshape(3, 4, 5).to(torch.uint8)


def write(path, content: bytes, pack=True):
    path.write_bytes(gzip.compress(content) if pack else content)
    return path


def test_a_file_is_read_as_it_was_written(tmp_path):
    assert torch.equal(read_idx(write(tmp_path / "a.gz", idx_bytes(PICTURES)), 3), PICTURES)
    labels = torch.tensor([7, 0, 255], dtype=torch.uint8)
    assert torch.equal(read_idx(write(tmp_path / "b.gz", idx_bytes(labels)), 1), labels)


@given(st.integers(0, len(idx_bytes(PICTURES)) - 1))
def test_no_shorter_content_is_taken(length):
    with pytest.raises(DataError, match=r"digits\.gz"):
        parse_idx(idx_bytes(PICTURES)[:length], 3, "digits.gz")


def test_longer_content_and_other_types_are_refused():
    with pytest.raises(DataError, match="is too long: 3 x 4 x 5 needs 76 bytes, got 77"):
        parse_idx(idx_bytes(PICTURES) + b"!", 3, "digits.gz")
    with pytest.raises(DataError, match="starts with 00000803, not 00000801"):
        parse_idx(idx_bytes(PICTURES), 1, "labels.gz")


def test_a_cut_file_is_named(tmp_path):
    packed = gzip.compress(idx_bytes(PICTURES))
    path = write(tmp_path / "cut.gz", packed[: len(packed) // 2], pack=False)
    with pytest.raises(DataError, match=r"cut\.gz is cut short"):
        read_idx(path, 3)


def test_a_changed_byte_is_noticed(tmp_path):
    packed = bytearray(gzip.compress(idx_bytes(PICTURES)))
    packed[-6] ^= 1  # in the checksum of the content
    with pytest.raises(DataError, match=r"bad\.gz is damaged"):
        read_idx(write(tmp_path / "bad.gz", bytes(packed), pack=False), 3)


def test_a_file_that_is_not_packed_or_not_there(tmp_path):
    with pytest.raises(DataError, match=r"plain\.gz is damaged or is not a gzip file"):
        read_idx(write(tmp_path / "plain.gz", idx_bytes(PICTURES), pack=False), 3)
    with pytest.raises(FileNotFoundError, match=r"none\.gz"):
        read_idx(tmp_path / "none.gz", 3)


@pytest.mark.parametrize("sizes", [(0, 2**32 - 1, 2**32 - 1), (2**32 - 1,) * 3, (2**31, 1, 1), (0, 4, 5)])
def test_sizes_that_cannot_be_are_refused_before_anything_is_unpacked(tmp_path, sizes):
    path = write(tmp_path / "a.gz", bytes([0, 0, 8, 3]) + struct.pack(">3I", *sizes) + bytes(100))
    with pytest.raises(DataError, match=r"a\.gz"):
        read_idx(path, 3)


def test_no_more_is_unpacked_than_the_header_asks_for(tmp_path, monkeypatch):
    """A file of 64 MB of zeros behind the right content, in 64 kB."""
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(idx_bytes(PICTURES)) + gzip.compress(bytes(1 << 26)))
    taken = []
    real = gzip.GzipFile.read

    def watch(self, size=-1):
        content = real(self, size)
        taken.append(len(content))
        return content

    monkeypatch.setattr(gzip.GzipFile, "read", watch)
    with pytest.raises(DataError, match=r"bomb\.gz is too long"):
        read_idx(path, 3)
    assert sum(taken) == len(idx_bytes(PICTURES)) + 1


def test_damage_of_any_kind_is_named(tmp_path):
    content = gzip.compress(idx_bytes(PICTURES))
    for where in range(len(content)):
        for change in (b"\xff", b"\x00"):
            path = tmp_path / "a.gz"
            path.write_bytes(content[:where] + change + content[where + 1 :])
            try:
                assert torch.equal(read_idx(path, 3), PICTURES)
            except DataError as error:
                assert "a.gz" in str(error)
