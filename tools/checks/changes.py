"""How a file is damaged: its bytes, its JSON, the header of its tensors. All are functions of a random generator."""

from __future__ import annotations

import copy
import json
import struct
from collections.abc import Callable
from random import Random
from typing import Any

Header = dict[str, Any]
KEY, SUM = "diffusion_edu", "checksum"
DEEP = "[" * 100_000
ODD: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1.5,
    2**31,
    2**63,
    10**30,
    1e308,
    float("nan"),
    float("inf"),
    "",
    "x",
    [],
    [1],
    [4] * 1000,
    {},
    {"x": 1},
)


def damaged(content: bytes, random: Random, begin: int = 0, end: int | None = None) -> tuple[str, bytes]:
    """Bytes with one damage to them, which begins between `begin` and `end`, and what it was."""
    stored = bytearray(content)
    end = min(len(stored) if end is None else end, len(stored))
    at = random.randrange(begin, max(end, begin + 1)) if stored else 0
    length = min(random.choice((1, 2, 8, 64, 512)), max(len(stored) - at, 1))
    what = random.choice(("flip", "flip", "flip", "flips", "cut", "zeros", "ones", "swap", "noise", "missing", "added"))
    if what == "flip" and stored:
        stored[at] ^= 1 << random.randrange(8)
    elif what == "flips" and stored:
        for _ in range(length):
            stored[random.randrange(begin, max(end, begin + 1))] ^= 1 << random.randrange(8)
    elif what == "cut":
        del stored[at:]
    elif what in ("zeros", "ones"):
        stored[at : at + length] = (b"\0" if what == "zeros" else b"\xff") * length
    elif what == "swap":
        other = random.randrange(len(stored) - length + 1) if len(stored) >= length else 0
        first, second = stored[at : at + length], stored[other : other + length]
        stored[at : at + length], stored[other : other + length] = second, first
        del stored[len(content) :]
    elif what == "noise":
        stored[at : at + length] = random.randbytes(length)
    elif what == "missing":
        del stored[at : at + length]
    elif what == "added":
        stored[at:at] = random.randbytes(length)
    return f"{what} at {at}, {length} bytes", bytes(stored)


def damaged_json(value: Any, random: Random) -> tuple[str, Any]:
    """A value from JSON with one part of it missing, renamed, or replaced by something odd, and what it was."""
    whole = copy.deepcopy(value)
    places = list(_places(whole, ()))
    if not places:
        return "replaced", random.choice(ODD)
    parent, key, path = random.choice(places)
    what = random.choice(("odd", "odd", "odd", "missing", "renamed", "moved"))
    if what == "missing":
        del parent[key]
    elif what == "renamed" and isinstance(parent, dict):
        parent[f"{key}x"] = parent.pop(key)
    elif what == "moved":
        parent[key] = random.choice(places)[2][0]
    else:
        what, parent[key] = "odd", random.choice(ODD)
    return f"{what} {'.'.join(map(str, path))}", whole


def _places(value: Any, path: tuple[Any, ...]) -> Any:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(entries):
        yield value, key, (*path, key)
        yield from _places(inner, (*path, key))


def split(content: bytes) -> tuple[Header, bytes]:
    """A safetensors file as its header and the bytes of its tensors."""
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def join(header: Any, body: bytes) -> bytes:
    """The inverse of :func:`split`; the header may be text."""
    text = header if isinstance(header, str) else json.dumps(header)
    stored = text.encode() + b" " * (-len(text.encode()) % 8)
    return struct.pack("<Q", len(stored)) + stored + body


def without_checksum(content: bytes) -> bytes:
    """A file of tensors as earlier versions wrote it."""
    header, body = split(content)
    meta = json.loads(header["__metadata__"][KEY])
    meta.pop(SUM, None)
    return join({**header, "__metadata__": {KEY: json.dumps(meta)}}, body)


def damaged_tensors(content: bytes, random: Random) -> tuple[str, bytes]:
    """A safetensors file with damage to its bytes, more often in its header, or with an edited header."""
    kind = random.randrange(4)
    (length,) = struct.unpack("<Q", content[:8])
    if kind == 0:
        return damaged(content, random)
    if kind == 1:
        return damaged(content, random, 0, 8 + length)
    header, body = split(content)
    if kind == 2:
        name = random.choice(("renamed", "missing", "swapped", "type", "shape", "offsets"))
        return name, join(EDITS[name](header, random), body)
    meta = header["__metadata__"]
    what, edited = damaged_json(json.loads(meta[KEY]), random)
    meta[KEY] = json.dumps(edited)
    return f"description: {what}", join(header, body)


def _tensor(header: Header, random: Random) -> str:
    return random.choice([name for name in header if name != "__metadata__"])


def _renamed(header: Header, random: Random) -> Header:
    name = _tensor(header, random)
    changed = random.choice((f"{name}x", name[:-1], name.replace(".", "_"), f"optimizer.{name}", "model.1.2.3", ""))
    return {changed if key == name else key: value for key, value in header.items()}


def _missing(header: Header, random: Random) -> Header:
    name = _tensor(header, random)
    return {key: value for key, value in header.items() if key != name}


def _swapped(header: Header, random: Random) -> Header:
    one, other = _tensor(header, random), _tensor(header, random)
    for part in random.choice((("data_offsets",), ("data_offsets", "shape"), ("dtype",))):
        header[one][part], header[other][part] = header[other][part], header[one][part]
    return header


def _type(header: Header, random: Random) -> Header:
    kinds = ("F16", "BF16", "F32", "F64", "I16", "I32", "U8", "BOOL", "F8_E4M3", "C64", "F4", "zz", 3, None)
    header[_tensor(header, random)]["dtype"] = random.choice(kinds)
    return header


def _shape(header: Header, random: Random) -> Header:
    entry = header[_tensor(header, random)]
    shape = entry["shape"]
    options: tuple[Any, ...] = (shape[::-1], [*shape, 1], shape[1:], [], [-1], [2**62, 4], [0, *shape], "x", None)
    entry["shape"] = random.choice(options)
    return header


def _offsets(header: Header, random: Random) -> Header:
    entry = header[_tensor(header, random)]
    begin, end = entry["data_offsets"]
    entry["data_offsets"] = random.choice(([end, begin], [begin, end + 8], [begin + 1, end], [0, 2**63], [begin], "x"))
    return header


EDITS: dict[str, Callable[[Header, Random], Header]] = {
    "renamed": _renamed,
    "missing": _missing,
    "swapped": _swapped,
    "type": _type,
    "shape": _shape,
    "offsets": _offsets,
}
