"""The four systems that draw from text, part beside part; all sizes are those of their runs."""

from __future__ import annotations

from typing import NamedTuple

from diffusion_edu.runs import emoji as pixel_run
from diffusion_edu.runs import emoji_imagen, emoji_latent

from . import dalle
from .canvas import LARGE, ROOMY, Drawing
from .pixels import emoji, png

APPLE = "a red apple"
WIDE, STEP, HIGH = 96, 105, 46  # of a box, from column to column, of a box


class Part(NamedTuple):
    """A network, the shape of the noise that it starts from (or none), and what it makes."""

    noise: str
    words: list[str]
    makes: str


class System(NamedTuple):
    """One column: its name, its chapter, the text encoder, what that hands on, the parts of three rows, the size."""

    name: str
    chapter: str
    encoder: str
    told: str
    parts: tuple[Part | None, ...]
    size: int


def _square(size: int, channels: int = 3) -> str:
    return f"{size}×{size}×{channels}"


def systems() -> list[System]:
    """The columns, from the configurations of the runs."""
    pixel, latent, cascade = pixel_run.CONFIG, emoji_latent.CONFIG, emoji_imagen.CONFIG
    decoder = Part("", ["decoder", "~of latents"], "image")
    small, middle, large = (Part(_square(size), ["U-Net"], "image") for size in cascade.sizes)
    prior = Part(f"{dalle.EMBEDDING}", ["prior"], "embedding")
    in_latent = Part(dalle.LATENT, ["U-Net"], "latent")

    def told(tokens: int | None, vec: int | None) -> str:
        return f"$L×{tokens}$, {vec}"

    alone = Part(_square(pixel.size), ["U-Net"], "image")
    words = told(pixel.unet.token_dim, pixel.unet.vec_dim), told(latent.unet.token_dim, latent.unet.vec_dim)
    read = told(cascade.base.token_dim, cascade.base.vec_dim)
    return [
        System("pixels", "11", "CLIP", words[0], (alone, None, None), pixel.size),
        System("latent", "12", "CLIP", words[1], (in_latent, None, decoder), latent.size),
        System("DALL·E 2", "13", "CLIP", told(dalle.TOKEN, dalle.EMBEDDING), (prior, in_latent, decoder), dalle.SIZE),
        System("Imagen", "14", "MiniLM", read, (small, middle, large), cascade.sizes[-1]),
    ]  # fmt: skip


def four_systems() -> Drawing:
    """Columns of systems, rows of parts."""
    d = Drawing("four-systems", ROOMY, 722, LARGE)
    d.box(5, 58, 410, 32, "the same text for all", "text", 15)
    for i, system in enumerate(systems()):
        x = 5 + STEP * i
        d.text(x + WIDE / 2, 22, system.name, 16, bold=True)
        d.text(x + WIDE / 2, 42, f"chapter {system.chapter}", 15, "muted")
        _column(d, x, system)
    return d


def _column(d: Drawing, x: float, system: System) -> None:
    flow, side = x + 86, 40 if system.size < 64 else 72  # where the arrows go down; of the image
    d.arrow([(x + WIDE / 2, 90), (x + WIDE / 2, 110)], "teal")
    d.box(x, 111, WIDE, HIGH, [system.encoder, "~frozen"], "network", 15.5)
    d.text(flow - 6, 180, system.told, 15, "teal", "end")
    y, color = 111.0 + HIGH, "teal"
    for row, part in enumerate(system.parts):
        top = 242 + 132 * row
        if part is None:
            continue
        d.arrow([(flow, y), (flow, top - 1)], color)
        if row and part.noise and part.makes == "image":
            d.dot(flow, y + 40, 9.2, "orange", "+")  # noise of a level that an upscaler is told
        if part.noise:
            d.text(x + 37, top - 40, "noise", 15, "orange")
            d.text(x + 37, top - 22, part.noise, 15, "orange")
            d.arrow([(x + 37, top - 17), (x + 37, top - 1)], "orange", head=8)
        d.box(x, top, WIDE, HIGH, part.words, "network", 15.5)
        y, color = top + HIGH, "blue"
        d.text(flow - 6, y + 19, part.makes, 15, "blue", "end")
    d.arrow([(flow, y), (flow, 612)], color)
    d.picture(x + WIDE - side, 616, side, png(emoji(APPLE, "noto", system.size)), "blue")
    d.text(x + WIDE, 616 + side + 22, _square(system.size), 15, "blue", "end")
