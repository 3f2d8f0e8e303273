"""The distance between sets of images, and CLIP."""

from __future__ import annotations

import math

import torch

from .canvas import Drawing
from .pixels import clothing, emoji, grey, noise, png


def fid_pipeline() -> Drawing:
    """Images, features, Gaussians, two terms."""
    d = Drawing("fid-pipeline", 540, 640)
    for x, title, color in ((24, "real images", "blue"), (292, "generated images", "orange")):
        d.text(x + 112, 24, title, 17, color, bold=True)
        for i, index in enumerate((40, 80, 99) if color == "blue" else (1, 61, 74)):
            image = clothing(index) if color == "blue" else clothing(index) * 0.8 + 0.25 * noise(index)
            d.picture(x + 78 * i, 38, 68, grey(image), color)
        d.arrow([(x + 112, 110), (x + 112, 141)], color)
        d.arrow([(x + 112, 184), (x + 112, 215)], color)
    d.box(60, 142, 420, 42, "feature network, frozen: image → vector", "network", 16)
    d.rect(24, 216, 492, 230, "border", 6, fill=False, stroke=1.2)
    d.text(40, 242, "feature space", 16, "muted", "start")
    clouds = [(172, 330, 74, 34, -24, "blue", 3), (360, 322, 46, 58, 12, "orange", 4)]
    for cx, cy, a, b, turn, color, seed in clouds:
        g = torch.Generator().manual_seed(seed)
        angle = math.radians(turn)
        for u, v in (torch.randn(42, 2, generator=g, dtype=torch.float64) * 0.62).clamp(-1.25, 1.25).tolist():
            x, y = a * u, b * v
            d.dot(
                cx + x * math.cos(angle) - y * math.sin(angle),
                cy + x * math.sin(angle) + y * math.cos(angle),
                2.2,
                color,
            )
        d.add(
            f'<ellipse cx="{cx}" cy="{cy}" rx="{a}" ry="{b}" transform="rotate({turn} {cx} {cy})"'
            f' class="f-{color} tint s-{color}" stroke-width="2"/>'
        )
    d.arrow([(172, 330), (352, 322)], "text", 2.4)
    for cx, cy, *_, color, _ in clouds:
        d.dot(cx, cy, 6, color)
    d.text(124, 424, "$μ_1, Σ_1$", 17, "blue")
    d.text(424, 424, "$μ_2, Σ_2$", 17, "orange")
    d.arrow([(140, 446), (140, 477)])
    d.arrow([(400, 446), (400, 477)])
    d.box(24, 478, 232, 68, ["distance of the means", "$‖μ_1 - μ_2‖^2$"], "plain", 16)
    d.box(284, 478, 232, 68, ["difference of the shapes", "tr$(Σ_1 + Σ_2 - 2(Σ_1Σ_2)^{1/2})$"], "plain", 15.5)
    d.arrow([(140, 546), (140, 594), (182, 594)])
    d.arrow([(400, 546), (400, 594), (358, 594)])
    d.box(184, 572, 172, 46, "Fréchet distance", "score", 17)
    return d


def clip_towers() -> Drawing:
    """Two encoders, one space, a batch of pairs."""
    d = Drawing("clip-towers", 540, 640)
    names = ["a red apple", "a cat face", "a pizza"]
    d.text(132, 26, "$B$ captions", 17, "teal", bold=True)
    d.text(408, 26, "$B$ images", 17, "blue", bold=True)
    for i, name in enumerate(names):
        d.box(46, 40 + 30 * i, 172, 26, f"“{name}”", "text", 16)
        d.picture(310 + 70 * i, 50, 56, png(emoji(name, "noto", 32)), "blue")
    left = [("tokenizer", "plain"), ("transformer", "network"), ("normalize", "plain")]
    right = [("image network", "network"), ("normalize", "plain")]
    for x, parts, color in ((132, left, "teal"), (408, right, "blue")):
        y = 160
        d.arrow([(x, 132 if x < 200 else 114), (x, y - 1)], color)
        for i, (part, kind) in enumerate(parts):
            high = 42 if len(parts) == 3 or i else 108
            d.box(x - 80, y, 160, high, part, kind, 17)
            y += high + 24
            if i + 1 < len(parts):
                d.arrow([(x, y - 24), (x, y - 1)], color)
    _matrix(d, 226, 430, names)
    d.arrow([(132, 334), (132, 484), (214, 484)], "teal")
    d.arrow([(408, 334), (408, 392), (281, 392), (281, 418)], "blue")
    d.text(124, 360, "$B×E$, length 1", 16, "teal", "end")
    d.text(418, 360, "$B×E$, length 1", 16, "blue", "start")
    d.lines(444, 466, ["cosines, $B×B$", "violet: the pairs,", "made large;", "the rest small"], 16)
    d.lines(270, 588, ["each row and each column is a", "classification with $B$ answers"], 17)
    return d


def _matrix(d: Drawing, x: float, y: float, names: list[str]) -> None:
    side = 36
    for i in range(len(names)):
        for j in range(len(names)):
            d.rect(x + side * j, y + side * i, side, side, "violet" if i == j else "border", 0, fill=i == j, stroke=1.4)
            if i == j:
                d.fill(x + side * j, y + side * i, side, side, "violet", 0.45)


def clip_zero_shot() -> Drawing:
    """A classifier made of texts."""
    d = Drawing("clip-zero-shot", 540, 400)
    d.picture(40, 44, 88, png(emoji("a red apple", "noto", 32)), "blue")
    d.text(84, 26, "one image", 17, "blue", bold=True)
    d.arrow([(132, 88), (178, 88)], "blue")
    d.box(180, 66, 150, 44, "image network", "network", 16)
    d.arrow([(330, 88), (428, 88), (428, 158)], "blue")
    d.text(384, 78, "$1×E$", 16, "blue")
    d.text(84, 176, "class names", 17, "teal", bold=True)
    shares = (0.86, 0.09, 0.05)
    for i, (name, share) in enumerate(zip(("a cat face", "a red apple", "a pizza"), (shares[1], shares[0], shares[2]))):
        y = 192 + 42 * i
        d.box(12, y, 144, 30, f"“{name}”", "text", 16)
        d.arrow([(156, y + 15), (178, y + 15)], "teal", head=8)
        d.arrow([(310, y + 15), (338, y + 15)], "teal", head=8)
        strong = share == max(shares)
        d.fill(342, y + 3, 150 * share, 24, "violet" if strong else "grey", 0.75 if strong else 0.5)
    d.rect(180, 186, 130, 126, "violet", 14)
    d.lines(245, 248, ["transformer", "~$3×E$"], 16)
    d.text(428, 178, "cosine with each", 16, "text")
    d.arrow([(428, 318), (428, 340)])
    d.text(428, 364, "softmax: “a red apple”", 16, "violet", bold=True)
    d.text(16, 364, "no training on these classes", 16, "muted", "start")
    return d
