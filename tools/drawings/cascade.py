"""Imagen as chapter 14 builds it: a cascade of pixels; all sizes are those of the run `emoji-imagen`."""

from __future__ import annotations

import torch
from torch import Tensor

from diffusion_edu import NoiseSchedule
from diffusion_edu.data import to_pixels, to_x0
from diffusion_edu.runs.emoji_imagen import CONFIG
from diffusion_edu.systems.upscaling import augmented

from .canvas import LARGE, ROOMY, Drawing
from .pixels import emoji, png

APPLE = "a red apple"


def imagen() -> Drawing:
    """A base network and two upscalers, with what each is told."""
    d = Drawing("imagen", ROOMY, 726, LARGE)
    d.box(12, 12, 134, 34, "“a red apple”", "text", 15)
    d.arrow([(146, 29), (184, 29)], "teal")
    d.box(186, 4, 222, 50, ["sentence encoder, frozen", "~trained on text alone"], "network", 15.5)
    networks, sizes = (CONFIG.base, *CONFIG.up), CONFIG.sizes
    tops = [132 + 206 * i for i in range(len(networks))]
    reading = [top for top, network in zip(tops, networks) if network.token_dim is not None]
    d.line([(297, 54), (297, 72), (10, 72), (10, reading[-1] + 30)], "teal")
    d.text(210, 94, f"tokens, $L×{CONFIG.base.token_dim}$, and a vector, {CONFIG.base.vec_dim}", 15, "teal")
    for i, (top, network, size) in enumerate(zip(tops, networks, sizes)):
        shape = f"{size}×{size}×{network.in_channels}"
        words = [f"{'upscaler' if i else 'base'}: a U-Net"]
        if network.token_dim is None:
            words.append("~is given no text")
        d.box(150, top, 250, 52, words, "network", 15.5)
        d.text(20, top + 14, f"noise, {shape}", 15, "orange", "start")
        d.arrow([(20, top + 21), (148, top + 21)], "orange")
        if network.token_dim is not None:
            d.arrow([(10, top - 20), (10, top + 40), (148, top + 40)], "teal")
        side = (52, 64, 84)[i]
        d.arrow([(190, top + 52), (190, top + 73)], "blue")
        d.picture(190 - side / 2, top + 78, side, png(emoji(APPLE, "noto", size)), "blue")
        d.text(182 - side / 2, top + 84 + side / 2, shape, 15, "blue", "end")
        if i + 1 < len(networks):
            _passed_on(d, i, top + 78 + side / 2, tops[i + 1])
    levels = ["level $s$:", f"~{CONFIG.level} in drawing,", f"~0 to {CONFIG.most_level} in training"]
    d.lines(250, tops[-1] + 122, levels, 15.5, anchor="start")
    return d


def _passed_on(d: Drawing, i: int, middle: float, below: float) -> None:
    """From an image to what the next network is given of it."""
    size = CONFIG.sizes[i + 1]
    d.arrow([(224, middle), (318, middle)], "orange")
    d.text(270, middle - 8, "+ noise", 15, "orange")
    d.text(270, middle + 20, "enlarged", 15, "muted")
    d.picture(324, middle - 32, 64, png(_noised(i)), "violet")
    d.arrow([(356, middle + 36), (356, below - 2)], "violet")
    d.text(346, below - 34, f"{size}×{size}×3,", 15, "violet", "end")
    d.text(346, below - 14, "and the level $s$", 15, "violet", "end")


def _noised(i: int) -> Tensor:
    """What network i + 1 is given of the image of network i, by the package's own function: (3, size, size) uint8."""
    small = to_x0(emoji(APPLE, "noto", CONFIG.sizes[i])[None])
    noise = torch.randn(small.shape, generator=torch.Generator().manual_seed(i))
    level = torch.full((1,), CONFIG.level)
    seen = augmented(small, level, noise, NoiseSchedule.from_dict(CONFIG.schedule), CONFIG.sizes[i + 1])
    assert seen.concat is not None
    return to_pixels(seen.concat)[0]
