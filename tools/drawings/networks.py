"""The U-Net, its blocks, and how text enters it."""

from __future__ import annotations

import diffusion_edu as de

from .canvas import Drawing


def unet() -> Drawing:
    """The real network of the walk: its trace is drawn, row by row."""
    d = Drawing("unet", 540, 772)
    rows = [r for r in de.UNet(de.UNetConfig.base()).trace(size=32) if r.level is not None]
    shapes = {r.name: "{1}×{2}×{0}".format(*r.out_shape) for r in rows}
    encoder = ["conv_in", *(f"down.{i}" for i in range(8))]
    places = {}
    left, right, wide, high = 18, 388, 134, 40
    d.text(left, 26, "$x_t$, 32×32×3", 16, "violet", "start")
    d.text(right + wide, 26, "$\\hat ε$, 32×32×3", 16, "orange", "end")
    d.arrow([(left + wide / 2, 34), (left + wide / 2, 58)], "violet")
    y = 60
    for i, name in enumerate(encoder):
        kind = {"Conv": "convolution", "DownSample": "down"}.get(_kind(rows, name), _block(rows, name))
        d.box(left, y, wide, high, kind, "plain" if kind in ("convolution", "down") else "network", 16)
        places[name] = y
        if i + 1 < len(encoder):
            gap = 46 if i % 3 == 2 else 14
            d.arrow([(left + wide / 2, y + high), (left + wide / 2, y + high + gap - 1)], head=8)
            y += high + gap
    bottom = y + high + 50
    d.box(150, bottom, 240, 48, "block, attention, block", "network", 16)
    d.text(270, bottom + 70, f"middle, {shapes['middle2']}", 16, "muted")
    d.arrow([(left + wide / 2, y + high), (left + wide / 2, bottom + 24), (148, bottom + 24)])
    d.arrow([(392, bottom + 24), (right + wide / 2, bottom + 24), (right + wide / 2, y + high + 3)])
    for row in rows:
        if row.skip is None:
            continue
        y = places[row.skip]
        d.box(right, y, wide, high, _block(rows, row.name), "network", 16)
        d.arrow([(left + wide + 4, y + high / 2), (right - 3, y + high / 2)], "blue", 1.6)
        d.text(270, y + high / 2 - 5, shapes[row.skip], 15, "blue")
    _climb(d, right + wide / 2, wide, [places[name] for name in encoder], high)
    d.text(270, 756, "blue: skip connections; every block is given $t$", 16, "muted")
    return d


def _climb(d: Drawing, x: float, wide: float, ys: list[float], high: float) -> None:
    """Arrows upwards in the decoder, with the two enlargements between its levels."""
    for i in range(len(ys) - 1, 0, -1):
        low, top = ys[i], ys[i - 1] + high
        if i % 3 == 0:
            d.rect(x - wide / 2, top + 10, wide, 26, "grey")
            d.text(x, top + 28, "up", 16)
            d.arrow([(x, low), (x, low - 9)], head=6)
            d.arrow([(x, top + 10), (x, top + 1)], head=6)
        else:
            d.arrow([(x, low), (x, top + 1)], head=8)
    d.arrow([(x, ys[0]), (x, 36)], "orange")


def _kind(rows: list[de.nn.TraceRow], name: str) -> str:
    return next(r.kind for r in rows if r.name == name)


def _block(rows: list[de.nn.TraceRow], name: str) -> str:
    """ "block", or with attention where the level has it."""
    level = next(r.level for r in rows if r.name == name)
    return "block + attn" if level in de.UNetConfig.base().attention_levels else "block"


def unet_blocks() -> Drawing:
    """What is inside a block, a middle block and an attention."""
    d = Drawing("unet-blocks", 540, 850)
    _residual(d, 132)
    _attention(d, 404)
    columns = [
        ("encoder block", 94, ["residual block", "(attention)"], None),
        ("decoder block", 270, ["concatenate", "residual block", "(attention)"], "skip"),
        ("middle block", 446, ["residual block", "attention", "residual block"], None),
    ]
    for title, x, parts, joins in columns:
        top = 620
        d.text(x, top - 34, title, 16, bold=True)
        d.arrow([(x, top - 22), (x, top + 9)], head=7)
        for i, part in enumerate(parts):
            y = top + 10 + 60 * i
            d.box(x - 74, y, 148, 38, part, "plain" if part == "concatenate" else "network", 16, dashed="(" in part)
            d.arrow([(x, y + 38), (x, y + 59)], head=7)
        if joins:
            d.text(x + 52, top - 8, joins, 15, "blue", "start")
            d.arrow([(x + 40, top - 22), (x + 40, top + 9)], "blue", head=7)
    d.text(270, 838, "dashed: only where the level has attention", 16, "muted")
    return d


def _residual(d: Drawing, x: float) -> None:
    d.text(x, 24, "residual block", 17, bold=True)
    d.text(x, 50, "$H×W×C$", 16, "muted")
    d.arrow([(x, 58), (x, 79)], head=7)
    for y, part in ((80, "norm, SiLU"), (142, "conv 3×3"), (272, "norm, SiLU"), (334, "conv 3×3")):
        d.box(x - 62, y, 124, 40, part, "network", 16)
    d.arrow([(x, 120), (x, 141)], head=7)
    d.arrow([(x, 182), (x, 213)], head=7)
    d.dot(x, 226, 12, "muted", "+")
    d.arrow([(x, 239), (x, 271)], head=7)
    d.arrow([(x, 312), (x, 333)], head=7)
    d.arrow([(x, 374), (x, 407)], head=7)
    d.text(x - 104, 212, "embedding", 15, "teal", "start", halo=True)
    d.text(x - 104, 246, "of $t$", 15, "teal", "start", halo=True)
    d.arrow([(x - 104, 226), (x - 14, 226)], "teal")
    d.dot(x, 420, 12, "muted", "+")
    d.line([(x, 66), (x + 92, 66), (x + 92, 420), (x + 24, 420)], "blue")
    d.arrow([(x + 92, 410), (x + 92, 420), (x + 14, 420)], "blue")
    d.arrow([(x, 433), (x, 462)], head=7)
    d.text(x, 482, "$H×W×C_{out}$", 16, "muted")
    d.lines(x, 516, ["~blue: identity, or", "~1×1 conv if $C$ changes"], 16)


def _attention(d: Drawing, x: float) -> None:
    d.text(x, 24, "attention", 17, bold=True)
    d.text(x, 50, "$H×W×C$", 16, "muted")
    d.arrow([(x, 58), (x, 79)], head=7)
    d.box(x - 62, 80, 124, 40, "norm", "network", 16)
    d.lines(x - 14, 141, ["~1×1 conv"], 16, anchor="end")
    d.line([(x, 120), (x, 158)])
    for dx, name in ((-66, "Q"), (0, "K"), (66, "V")):
        d.box(x + dx - 25, 176, 50, 36, f"${name}$", "network", 17)
        d.arrow([(x, 156), (x + dx, 156), (x + dx, 175)] if dx else [(x, 156), (x, 175)], head=7)
    d.text(x, 236, "$HW×d$ each, per head", 15, "muted")
    for dx in (-66, 0, 66):
        d.arrow([(x + dx, 246), (x + dx, 271)], head=7)
    d.box(x - 96, 272, 192, 40, "softmax$(Q K^T / √d) V$", "network", 17)
    d.arrow([(x, 312), (x, 333)], head=7)
    d.box(x - 62, 334, 124, 40, "1×1 conv", "network", 16)
    d.arrow([(x, 374), (x, 407)], head=7)
    d.dot(x, 420, 12, "muted", "+")
    d.arrow([(x, 66), (x + 118, 66), (x + 118, 420), (x + 14, 420)], "blue")
    d.arrow([(x, 433), (x, 462)], head=7)
    d.text(x, 482, "$H×W×C$", 16, "muted")
    d.lines(x, 516, ["~every position reads", "~every other one"], 16)


def cross_attention() -> Drawing:
    """Queries from positions, keys and values from tokens."""
    d = Drawing("cross-attention", 540, 596)
    d.text(132, 24, "image features", 17, "violet", bold=True)
    for i in range(6):
        for j in range(6):
            d.rect(87 + 15 * j, 40 + 15 * i, 15, 15, "violet", 1, stroke=1)
    d.text(132, 152, "$H×W×C$", 16, "muted")
    d.text(408, 24, "text", 17, "teal", bold=True)
    d.box(308, 40, 200, 36, "“a red apple”", "text", 17)
    d.arrow([(408, 76), (408, 95)], "teal", head=7)
    d.box(308, 96, 200, 40, "text encoder, frozen", "network", 16)
    d.arrow([(408, 136), (408, 159)], "teal", head=7)
    d.text(408, 180, "tokens, $L×D$", 16, "teal")
    d.arrow([(132, 160), (132, 215)], "violet")
    d.box(77, 216, 110, 44, "queries $Q$", "network", 16)
    d.text(132, 282, "$HW×d$", 16, "muted")
    for x, name in ((358, "keys $K$"), (464, "values $V$")):
        d.arrow([(408, 188), (408, 202), (x, 202), (x, 215)], "teal", head=8)
        d.box(x - 49, 216, 98, 44, name, "network", 16)
    d.text(411, 282, "$L×d$ each", 16, "muted")
    _weights(d, 200, 322)
    d.arrow([(132, 290), (132, 367), (196, 367)], "violet")
    d.arrow([(345, 290), (345, 342), (304, 342)], "teal")
    d.box(200, 470, 200, 44, "weights × values", "network", 16)
    d.arrow([(250, 418), (250, 468)])
    d.arrow([(476, 290), (476, 492), (402, 492)], "teal")
    d.text(330, 380, "$Q K^T / √d$,", 16, "text", "start")
    d.text(330, 402, "softmax over", 16, "text", "start")
    d.text(330, 423, "the words", 16, "text", "start")
    d.dot(58, 492, 12, "muted", "+")
    d.arrow([(200, 492), (73, 492)])
    d.text(138, 480, "1×1 conv", 15, "muted")
    d.arrow([(84, 85), (58, 85), (58, 478)], "violet")
    d.arrow([(58, 506), (58, 552)], "violet")
    d.text(24, 574, "image features that have read the text, $H×W×C$", 16, "muted", "start")
    return d


def _weights(d: Drawing, x: float, y: float) -> None:
    """The matrix of attention: one row a position, one column a word, each row with the sum 1."""
    shares = [(0.1, 0.8, 0.1), (0.1, 0.5, 0.4), (0.1, 0.2, 0.7), (0.2, 0.1, 0.7), (0.6, 0.2, 0.2), (0.8, 0.1, 0.1)]
    for i, row in enumerate(shares):
        for j, share in enumerate(row):
            d.fill(x + 33 * j, y + 15 * i, 33, 15, "teal", share)
            d.rect(x + 33 * j, y + 15 * i, 33, 15, "border", 0, fill=False, stroke=1)
