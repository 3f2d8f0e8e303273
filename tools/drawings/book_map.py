"""The map of the book: what each chapter builds, and which chapter takes it up."""

from __future__ import annotations

from .canvas import LARGE, ROOMY, Drawing

WIDE, HIGH, GAP, LEFT, MIDDLE, RIGHT = 184, 56, 40, 21, 118, 217
NODES: dict[int, tuple[str, str, float, float]] = {  # chapter -> title, what it builds, place
    1: ("Noise and back", "a whole model, in 2-D", MIDDLE, 8),
    2: ("Adding noise", "one forward step", LEFT, 104),
    3: ("Many to one", "any step, at once", LEFT, 200),
    4: ("Convolutions", "layers and their sizes", RIGHT, 104),
    5: ("The U-Net", "the network", RIGHT, 200),
    6: ("Training", "a noise predictor", MIDDLE, 296),
    7: ("Sampling", "images out of noise", LEFT, 392),
    8: ("Score, ODE, flow", "one field, three views", LEFT, 488),
    9: ("Fréchet distance", "sets of images judged", RIGHT, 392),
    10: ("CLIP", "text meets image", RIGHT, 488),
    11: ("Text to image", "networks that read", MIDDLE, 584),
    12: ("Latent diffusion", "an auto-encoder", RIGHT, 680),
    13: ("DALL·E 2", "priors, a decoder", RIGHT, 776),
    14: ("Imagen", "a cascade over pixels", LEFT, 680),
    15: ("Full size", "the same, on GPUs", LEFT, 776),
}


def book_map() -> Drawing:
    """The chapters that are there."""
    d = Drawing("book-map", ROOMY, 842, LARGE)
    for number, (title, builds, x, y) in NODES.items():
        d.rect(x, y, WIDE, HIGH, "grey", 8, stroke=1.2)
        d.add(f'<circle cx="{x + 18}" cy="{y + 19}" r="13" class="f-paper s-teal" stroke-width="1.6"/>')
        d.text(x + 18, y + 24.5, f"{number}", 15, "teal", bold=True)
        d.text(x + 35, y + 24, title, 15.5, "text", "start", bold=True)
        d.text(x + 12, y + 46, builds, 15, "muted", "start")
    for start, names in ((2, "step"), (4, "layers"), (7, "samplers"), (12, "auto-encoder")):
        x, y = NODES[start][2] + WIDE / 2, NODES[start][3] + HIGH
        d.arrow([(x, y), (x, y + GAP - 1)])
        d.text(x - 8, y + 25, names, 15, "text", "end")
    _joints(d)
    _rails(d)
    return d


def _joints(d: Drawing) -> None:
    """Between a chapter in the middle and the two columns, and from sampling to measuring."""
    left, right = MIDDLE + 40, MIDDLE + WIDE - 40
    names = {
        1: ("processes", "denoiser"), 3: ("closed form", "U-Net"), 6: ("weights", ""),
        8: ("score", "text vectors"), 11: ("guidance", "guidance"),
    }  # fmt: skip
    for number, (one, other) in names.items():
        y = NODES[number][3] + HIGH
        if one:
            d.arrow([(left, y), (left, y + GAP - 1)])
            d.text(left - 8, y + 25, one, 15, "text", "end")
        if other:
            d.arrow([(right, y), (right, y + GAP - 1)])
            d.text(right + 8, y + 25, other, 15, "text", "start")
    y = NODES[7][3] + HIGH / 2
    d.arrow([(LEFT + WIDE, y), (RIGHT - 1, y)], head=7)
    d.text((LEFT + WIDE + RIGHT) / 2, NODES[7][3] - 8, "samples", 15)


def _rails(d: Drawing) -> None:
    """Along the margins: what a chapter far below takes up."""
    end = RIGHT + WIDE
    for (start, high), (goal, low), x, edge in (
        ((3, 28), (7, 28), LEFT - 8, LEFT),
        ((6, 42), (15, 28), LEFT - 16, LEFT),
        ((6, 28), (10, 18), end + 12, end),
        ((10, 38), (13, 28), end + 12, end),
    ):
        side = NODES[start][2] + (WIDE if edge == end else 0)
        y, below = NODES[start][3] + high, NODES[goal][3] + low
        tip = edge - 1 if x < edge else edge + 1
        d.arrow([(side, y), (x, y), (x, below), (tip, below)], head=7)
    d.text(LEFT, NODES[7][3] - 34, "posterior", 15, "text", "start")
    d.text(MIDDLE - 6, NODES[6][3] + 36, "the loop", 15, "text", "end")
    d.text(MIDDLE + WIDE + 6, NODES[6][3] + 22, "the loop", 15, "text", "start")
    d.text(RIGHT + WIDE / 2 + 8, NODES[13][3] - 15, "embeddings", 15, "text", "start")
