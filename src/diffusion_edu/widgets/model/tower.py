"""CLIP's text encoder for a web page: its weights and its vocabulary as one script, with the standard library alone.

A build of the book loads this file by its path and so needs neither the package nor torch. The script sends the event
`de-tower` to the document, whose detail is what :func:`tower` gives: a page can load it from a server and from a folder
alike, where browsers let a page read no other file.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

PARTS = ("text.", "text_out.")


def tower(tensors: Iterable[tuple[str, list[int], bytes]], heads: int, words: list[str]) -> dict[str, Any]:
    """What the page needs to turn words into an embedding; JSON-ready.

    Args:
        tensors: name, shape and the numbers in half precision, little-endian; others than the text encoder's are left
            out.
        heads: attention heads.
        words: the vocabulary, in the order of the ids.

    Returns:
        `id`: a checksum of all the rest; `heads`; `words`; `shapes`: [[name, shape], ...]; `data`: base64 of the
        deflated numbers, all their low bytes first and then all their high bytes: so they are a fifth smaller.
    """
    chosen = sorted(t for t in tensors if t[0].startswith(PARTS))
    plain = b"".join(content for _, _, content in chosen)
    described = {"heads": heads, "words": words, "shapes": [[name, shape] for name, shape, _ in chosen]}
    digest = hashlib.sha256(json.dumps(described, sort_keys=True).encode() + plain).hexdigest()
    packed = base64.b64encode(zlib.compress(plain[0::2] + plain[1::2], 9)).decode("ascii")
    return {"id": digest[:16], **described, "data": packed}


def tower_of_file(weights: Path, words: Path) -> dict[str, Any]:
    """:func:`tower` of a CLIP's file of weights and the JSON file of its tokenizer.

    Raises:
        ValueError: the weights are in another format than half or single precision, or they are no CLIP's.
    """
    content = weights.read_bytes()
    begin = 8 + struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8:begin])
    described = json.loads(header.pop("__metadata__")["diffusion_edu"])["model"]
    if described["class"] != "CLIP":
        raise ValueError(f"{weights.name} must hold a CLIP, got {described['class']}")
    tensors = []
    for name, place in header.items():
        first, last = place["data_offsets"]
        numbers = content[begin + first : begin + last]
        if place["dtype"] not in ("F16", "F32"):
            raise ValueError(f"{weights.name}: {name} must be F16 or F32, got {place['dtype']}")
        if place["dtype"] == "F32":
            count = len(numbers) // 4
            numbers = struct.pack(f"<{count}e", *struct.unpack(f"<{count}f", numbers))
        tensors.append((name, place["shape"], numbers))
    vocabulary = json.loads(words.read_text(encoding="utf-8"))["model"]["vocab"]
    text = described["config"]["text"]
    heads = text.get("trunk", text)["heads"]  # files of version 0.1 have no trunk
    return tower(tensors, heads, sorted(vocabulary, key=vocabulary.__getitem__))


def tower_script(name: str, found: dict[str, Any]) -> str:
    """A classic script that gives the tower to whoever on the page waits for it; no global name is left behind.

    Args:
        name: of the model, such as "emoji-clip".
        found: of :func:`tower`.
    """
    detail = json.dumps({"name": name, **found}, separators=(",", ":")).replace("<", "\\u003c")
    return f'document.dispatchEvent(new CustomEvent("de-tower",{{detail:{detail}}}));\n'
