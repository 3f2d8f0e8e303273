"""Small files that claim a huge size, or unpack to one."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import numpy as np

from .changes import DEEP, KEY, join

ZEROS = 1 << 24


def zeros_gz(count: int) -> bytes:
    """A gzip member of zeros, again and again: 1.6 MB for 1.6 GB."""
    return gzip.compress(bytes(ZEROS), mtime=0) * -(-count // ZEROS)


def png(width: int, height: int, kind: int, depth: int, extra: bytes = b"") -> bytes:
    """A PNG of zeros, whose stream is as long as it has to be."""
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[kind]
    count = height * (1 + width * channels * depth // 8)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    part = packer.compress(bytes(ZEROS)) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(bytes(ZEROS)) + packer.flush(zlib.Z_FULL_FLUSH)
    whole, rest = divmod(count, ZEROS)
    end = packer.compress(bytes(rest)) + packer.flush()
    stream = b"\x78\xda" + b"".join([part, *[again] * (whole - 1)] if whole else []) + end
    stream += struct.pack(">I", (count % 65521) << 16 | 1)  # Adler-32 of zeros

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + chunk(b"IDAT", stream) + chunk(b"IEND", b"")


def pictures() -> dict[str, bytes]:
    """By name of file."""
    text = b"x\0\0" + zlib.compress(bytes(1 << 26))
    ztxt = struct.pack(">I", len(text)) + b"zTXt" + text + struct.pack(">I", zlib.crc32(b"zTXt" + text))
    return {
        "rgba.png": png(9_900, 10_000, 6, 8),
        "deep.png": png(9_900, 10_000, 0, 16),
        "alpha.png": png(6_000, 6_600, 6, 8),  # just below the limit
        "grey.png": png(6_000, 6_600, 0, 16),
        "text.png": png(8, 8, 0, 8, ztxt),
        "claims.png": png(8, 8, 0, 8).replace(struct.pack(">II", 8, 8), struct.pack(">II", 2**31 - 1, 2**31 - 1), 1),
        "big.ppm": b"P6 10000 10000 255 " + bytes(1000),
        "huge.ppm": b"P6 1000000000 1000000000 255 " + bytes(1000),
        "digits.ppm": b"P6 " + b"9" * 1_000_000,
        "plain.ppm": b"P3 6000 6000 255 " + b"1 " * 1000,
        "huge.bmp": b"BM" + struct.pack("<IHHIIiiHHIIiiII", 100, 0, 0, 54, 40, 2**30, 2**30, 1, 24, 0, 0, 0, 0, 0, 0),
        "wide.gif": b"GIF89a\xff\xff\xff\xff\x00\x00\x00" + b",\0\0\0\0\xff\xff\xff\xff\0" + b"\x08\x02\x4c\x01\x00;",
        "open.tiff": b"II*\0" + struct.pack("<I", 2**32 - 1),
    }


def tables() -> dict[str, bytes]:
    """Gzipped IDX files, by name."""

    def head(*sizes: int) -> bytes:
        return bytes([0, 0, 8, len(sizes)]) + struct.pack(f">{len(sizes)}I", *sizes)

    return {
        "long.gz": gzip.compress(head(2, 2, 2)) + zeros_gz(1_600_000_000),
        "empty.gz": gzip.compress(head(0, 2**32 - 1, 2**32 - 1)),
        "claims.gz": gzip.compress(head(2**31, 2, 2)),
        "large.gz": gzip.compress(head(2**32 - 1, 2**32 - 1, 2**32 - 1)) + zeros_gz(1_600_000_000),
    }


def archives() -> dict[str, bytes]:
    """tar.gz files that are no CIFAR-10, by name."""
    first = tarfile.TarInfo("zeros")
    first.size = 3_000_000_000
    inside = tarfile.TarInfo("cifar-10-batches-bin/data_batch_1.bin")
    inside.size = 3_000_000_000
    extended = tarfile.TarInfo("pax")
    extended.type, extended.size = tarfile.XHDTYPE, 3_000_000_000
    return {
        name: gzip.compress(member.tobuf(), mtime=0) + zeros_gz(3_000_000_000)
        for name, member in (("before", first), ("inside", inside), ("extended", extended))
    }


def pickles() -> dict[str, bytes]:
    """Python batches that are none, by name."""
    array = pickle.dumps(np.ndarray, protocol=2)[:-1]
    doubled: list = [1]
    for _ in range(28):
        doubled = [doubled, doubled]
    return {
        "memo": b"\x80\x02K\x01r" + struct.pack("<I", 2**31 - 1) + b".",
        "bytes": b"\x80\x05\x8e" + struct.pack("<Q", 2**62) + b"x.",
        "bytearray": b"\x80\x05\x96" + struct.pack("<Q", 2**62) + b"x.",
        "large bytearray": b"\x80\x05\x96" + struct.pack("<Q", 2**33) + b"x.",
        "array": array + b"(J" + struct.pack("<i", 2**31 - 1) + b"tU\x02f8\x86R.",
        "number": b"\x80\x02\x8b" + struct.pack("<i", 2**31 - 1) + b"x.",
        "code": b"cos\nsystem\n(S'true'\ntR.",
        "doubled": pickle.dumps({b"data": doubled, b"labels": doubled}, protocol=2),
        "deep": b"\x80\x02" + b"]" * 200_000 + b"a" * 199_999 + b".",
        "list": pickle.dumps([1, 2], protocol=2),
    }


def cards() -> dict[str, bytes]:
    """Model cards that are none, by name."""
    return {
        "deep": DEEP.encode(),
        "digits": b'{"x": ' + b"9" * 5_000 + b"}",
        "large": b'{"x": "' + b"x" * 40_000_000 + b'"}',
        "empty": b"",
        "no object": b"{}",
        "weights": b'{"weights": "x"}',
        "list": b'{"weights": ["sha256"]}',
        "model": b'{"weights": {"sha256": 3}, "model": 3}',
        "bytes": b"\xff\xfe\x00",
    }


def tensors() -> dict[str, bytes]:
    """Safetensors files that are none, by name."""
    meta = {"__metadata__": {KEY: DEEP}}
    return {
        "length": struct.pack("<Q", 2**63) + b"{}",
        "long": struct.pack("<Q", 10**9) + b"{}",
        "deep": join(DEEP, b""),
        "deep description": join(meta, b""),
        "digits": join({"__metadata__": {KEY: "9" * 5_000}}, b""),
        "huge": join({**meta, "x": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}, b""),
        "none": join({"__metadata__": {KEY: "null"}}, b""),
        "list": join({"__metadata__": {KEY: "[]"}}, b""),
        "text": join({"__metadata__": {KEY: '"x"'}}, b""),
        "no text": join({"__metadata__": {KEY: 3}}, b""),
        "no metadata": join({"__metadata__": []}, b""),
    }


def moments() -> dict[str, bytes]:
    """Statistics of other packages that are none, by name of file."""
    made = {}
    for name, shape in (("claims", "(1099511627776,)"), ("large", "(5000, 11000)"), ("objects", "()")):
        kind = "|O" if name == "objects" else "<f8"
        head = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117).encode() + b"\n"
        table = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head
        packed = io.BytesIO()
        with zipfile.ZipFile(
            packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1
        ) as archive:  # zeros: the fastest will do
            for member in ("mu.npy", "sigma.npy"):
                with archive.open(member, "w", force_zip64=True) as file:
                    file.write(table)
                    for _ in range(35 if name == "large" else 0):
                        file.write(bytes(ZEROS))
        made[f"{name}.npz"] = packed.getvalue()
    return made


def labels() -> dict[str, bytes]:
    """Labels of the pictures of CIFAR-10 that are none, by name."""
    texts = {"object": "{}", "null": "null", "inner": "[null]", "deep": DEEP, "large": json.dumps([900] * 15)}
    return {name: text.encode() for name, text in texts.items()} | {"long": b"[" + b"1," * 1_000_000 + b"1]"}


def write(path: Path, content: bytes) -> Path:
    """Put it there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
