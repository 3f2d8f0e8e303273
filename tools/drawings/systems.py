"""Text to image: the recipe of three parts, and latent diffusion, which fills it in."""

from __future__ import annotations

import torch

from .canvas import Drawing
from .pixels import emoji, grey, noise, png, schedule

APPLE = "a red apple"


def text_to_image_recipe() -> Drawing:
    """Text encoder, generation model, decoder, and what each system puts there."""
    d = Drawing("text-to-image-recipe", 540, 668)
    columns = (252, 366, 478)
    for x, lines in zip(
        columns, (["Stable", "Diffusion", "~chapter 12"], ["DALL·E 2", "~chapter 13"], ["Imagen", "~chapter 14"])
    ):
        d.lines(x, 44, lines, 16, bold=True)
    d.text(92, 34, "the recipe", 17, bold=True)
    d.box(16, 52, 152, 38, "“a red apple”", "text", 17)
    parts = [(130, "text encoder"), (294, "generation model"), (478, "decoder")]
    for y, part in parts:
        d.box(12, y, 160, 64, part, "network", 17)
    d.arrow([(92, 90), (92, 128)], "teal")
    d.arrow([(92, 194), (92, 292)], "teal")
    d.arrow([(92, 358), (92, 476)], "violet")
    d.arrow([(92, 542), (92, 576)], "blue")
    d.text(104, 250, "vectors", 16, "teal", "start", halo=True)
    d.lines(100, 418, ["~compressed", "~image"], 16, anchor="start")
    d.picture(46, 580, 72, png(emoji(APPLE)), "blue")
    d.picture(16, 224, 40, grey(noise(), 3), "orange")
    d.arrow([(36, 266), (36, 292)], "orange")
    cells = [
        (
            162,
            [["CLIP:", "a vector", "per token"], ["CLIP:", "one vector", "in all"], ["T5:", "a vector", "per token"]],
            "network",
        ),
        (
            326,
            [["U-Net on", "latents"], ["prior:", "from text", "to image"], ["U-Net on", "small", "images"]],
            "network",
        ),
        (418, [["latent", "64×64×4"], ["embedding", "1024"], ["image", "64×64×3"]], "mixture"),
        (510, [["the auto-", "encoder’s"], ["U-Net, two", "upscalers"], ["two", "upscalers"]], "network"),
        (616, [["512×512"], ["1024×1024"], ["1024×1024"]], "data"),
    ]
    for y, row, kind in cells:
        high = {3: 68, 2: 52, 1: 34}[max(map(len, row))]
        for x, lines in zip(columns, row):
            d.box(x - 54, y - high / 2, 108, high, lines, kind, 16)
    for x in columns:
        for top, low in ((196, 291), (360, 391), (444, 483), (536, 598)):
            d.arrow([(x, top), (x, low)], "muted", 1.3, head=7)
    return d


def _latent(t: int) -> str:
    """A stand-in for a latent: the image at an eighth of its size, in gray, noised."""
    small = emoji(APPLE, "noto", 16).double().mean(0) / 127.5 - 1
    eps = torch.randn(16, 16, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    return grey(schedule().signal(t) * small + schedule().noise(t) * eps if t else small)


def latent_diffusion() -> Drawing:
    """Stable Diffusion with its shapes."""
    d = Drawing("latent-diffusion", 540, 742)
    d.rect(10, 34, 520, 184, "grey", 8, fill=False, dashed=True)
    d.text(20, 24, "training: noise is added to the latent", 16, "muted", "start", bold=True)
    d.picture(26, 62, 84, png(emoji(APPLE)), "blue")
    d.text(68, 172, "image", 16, "blue")
    d.text(68, 192, "512×512×3", 15, "muted")
    d.arrow([(114, 104), (150, 104)], "blue")
    d.box(152, 76, 104, 56, ["encoder"], "network", 17)
    d.arrow([(256, 104), (292, 104)], "blue")
    d.picture(296, 68, 72, _latent(0), "blue")
    d.text(332, 172, "latent $z_0$", 16, "blue")
    d.text(332, 192, "64×64×4", 15, "muted")
    d.arrow([(372, 104), (434, 104)], "orange")
    d.lines(403, 126, ["+ noise"], 16, color="orange")
    d.picture(438, 68, 72, _latent(400), "violet")
    d.text(474, 172, "$z_t$", 17, "violet")
    d.text(474, 192, "64×64×4", 15, "muted")
    d.text(20, 254, "sampling", 16, "muted", "start", bold=True)
    d.box(20, 274, 160, 40, "“a red apple”", "text", 17)
    d.arrow([(100, 314), (100, 353)], "teal")
    d.box(20, 354, 160, 60, ["text encoder", "~CLIP’s, frozen"], "network", 16)
    d.arrow([(100, 414), (100, 478), (278, 478)], "teal")
    d.text(112, 446, "77×768", 16, "teal", "start")
    d.text(188, 468, "cross-", 15, "teal", "start")
    d.text(188, 498, "attention", 15, "teal", "start")
    d.picture(324, 268, 72, _latent(1000), "orange")
    d.text(408, 300, "noise $z_T$", 16, "orange", "start")
    d.text(408, 322, "64×64×4", 15, "muted", "start")
    d.arrow([(360, 344), (360, 427)], "orange")
    d.box(280, 428, 160, 84, ["U-Net", "$ε_θ(z_t, t, c)$"], "network", 17)
    d.arrow([(440, 490), (490, 490), (490, 450), (442, 450)], "violet", dashed=True)
    d.text(486, 434, "$T$ times", 16, "violet")
    d.arrow([(360, 512), (360, 546)], "blue")
    d.picture(324, 550, 60, _latent(0), "blue")
    d.text(396, 576, "$z_0$", 17, "blue", "start")
    d.text(396, 598, "64×64×4", 15, "muted", "start")
    d.arrow([(320, 580), (278, 580)], "blue")
    d.box(152, 552, 124, 56, ["decoder"], "network", 17)
    d.arrow([(214, 608), (214, 636)], "blue")
    d.picture(174, 640, 80, png(emoji(APPLE)), "blue")
    d.text(268, 676, "image", 16, "blue", "start")
    d.text(268, 698, "512×512×3: 48 times as", 15, "muted", "start")
    d.text(268, 718, "many numbers as the latent", 15, "muted", "start")
    return d
