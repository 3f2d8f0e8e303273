"""The small images of the drawings: real ones of the book's data, and noise, as PNG inside the SVG."""

from __future__ import annotations

import base64
import struct
import zlib
from functools import cache

import torch
from torch import Tensor

import diffusion_edu as de

T = 1000
BOOT, SHIRT = 39, 40  # rows of the test split of Fashion-MNIST


def png(pixels: Tensor, alpha: Tensor | None = None) -> str:
    """(H, W), (3, H, W) uint8 as an address of type data:. Not compressed: zlib's answer differs between versions.

    Args:
        pixels: gray or color; indices into `alpha` where that is given.
        alpha: (K, 4) uint8: a palette of red, green, blue, opacity.
    """
    planes = pixels if pixels.ndim == 3 else pixels[None]
    kind = 3 if alpha is not None else {1: 0, 3: 2}[len(planes)]
    _, height, width = planes.shape
    rows = planes.permute(1, 2, 0).reshape(height, -1)
    raw = b"".join(b"\0" + bytes(row.tolist()) for row in rows)
    stored = b"\x78\x01"
    for start in range(0, len(raw), 65535):
        block = raw[start : start + 65535]
        stored += struct.pack("<BHH", start + 65535 >= len(raw), len(block), len(block) ^ 0xFFFF) + block
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0))]
    if alpha is not None:
        chunks += [(b"PLTE", bytes(alpha[:, :3].flatten().tolist())), (b"tRNS", bytes(alpha[:, 3].tolist()))]
    chunks += [(b"IDAT", stored + struct.pack(">I", zlib.adler32(raw))), (b"IEND", b"")]
    data = b"\x89PNG\r\n\x1a\n"
    for name, body in chunks:
        data += struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
    return "data:image/png;base64," + base64.b64encode(data).decode()


@cache
def schedule() -> de.NoiseSchedule:
    """The schedule of the drawings: linear, 1000 steps."""
    return de.NoiseSchedule.linear(T)


@cache
def clothing(index: int = BOOT) -> Tensor:
    """(32, 32) float64 in [-1, 1], a clothing item of the test split."""
    return de.data.fashion_mnist("test").pixels[index, 0].double() / 127.5 - 1


@cache
def noise(seed: int = 0) -> Tensor:
    """(32, 32) float64, standard normal."""
    return torch.randn(32, 32, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def noised(t: int, index: int = BOOT, seed: int = 0) -> Tensor:
    """x_t of the clothing item, by the closed form."""
    return schedule().signal(t) * clothing(index) + schedule().noise(t) * noise(seed)


def grey(x: Tensor, span: float = 1.0) -> str:
    """Numbers in [-span, span] as a gray image, black to white; what lies outside is cut off."""
    return png(((x / span).clamp(-1, 1).add(1) * 127.5).round().to(torch.uint8))


@cache
def emoji(name: str, style: str = "noto", size: int = 64) -> Tensor:
    """(3, size, size) uint8: an emoji by its caption."""
    data = de.data.emoji("train", size=64)
    index = data.described(None).index(f"{name}, {style} style")
    pixels = data.pixels[index]
    factor = 64 // size
    return pixels.reshape(3, size, factor, size, factor).double().mean((2, 4)).round().to(torch.uint8)


def color_noised(x: Tensor, t: int, seed: int = 0) -> str:
    """A color image (3, H, W) uint8 with the noise of step t."""
    g = torch.Generator().manual_seed(seed)
    eps = torch.randn(x.shape, generator=g, dtype=torch.float64)
    x_t = schedule().signal(t) * (x.double() / 127.5 - 1) + schedule().noise(t) * eps
    return png((x_t.clamp(-1, 1).add(1) * 127.5).round().to(torch.uint8))
