"""The one vocabulary of the drawings: colors, text with formulas in it, boxes, arrows, thumbnails.

A drawing is plain SVG. Its colors are the variables of the book's page, with the light colors as a fallback, so
that a drawing inside a page follows the theme and one shown by <img> is readable on its own paper.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

from diffusion_edu import palette

from .metrics import SUB, math_runs, text_width
from .words import WORDS

LIGHT = {
    "blue": palette.BLUE, "orange": palette.ORANGE, "violet": palette.VIOLET, "teal": palette.TEAL,
    "grey": palette.GREY, "text": "#1c2430", "muted": "#526073", "border": "#d8dde5", "paper": palette.PAPER,
}  # fmt: skip
PAGE = {"paper": "--pst-color-background"}  # the page's own name where it is not --de-NAME
SANS = 'var(--de-font,Inter,"Segoe UI",system-ui,"Noto Sans","Liberation Sans",sans-serif)'
PHONE = 350  # width of the text column on a phone of 390 pixels
LEAST, LEAST_SUB = 9.0, 6.8  # smallest text there, in pixels; and smallest index
ROOMY, LARGE = 420, 12.0  # width of a drawing of many words, and the smallest text of such a one on a phone

FIT = "display:block;margin-inline:auto;max-width:100%;height:auto"

KINDS = {  # what a box is -> color, radius of its corners
    "data": ("blue", 4), "noise": ("orange", 4), "mixture": ("violet", 4), "network": ("violet", 14),
    "text": ("teal", 4), "plain": ("grey", 4), "score": ("text", 4),
}  # fmt: skip


def _style() -> str:
    names = ";".join(f"--dw-{n}:var({PAGE.get(n, '--de-' + n)},{v})" for n, v in LIGHT.items())
    print_ = ";".join(f"--dw-{n}:{v}" for n, v in LIGHT.items())
    # Twice, for programs that show SVG and do not know variables.
    rules = [
        f".dw .f-{n}{{fill:{v};fill:var(--dw-{n})}}.dw .s-{n}{{stroke:{v};stroke:var(--dw-{n})}}"
        for n, v in LIGHT.items()
    ]
    return "".join([
        f".dw{{{names};font-family:Inter,sans-serif;font-family:{SANS};{FIT}}}",
        "figure:has(>.dw){padding-inline:0}",
        *rules,
        ".dw .tint{fill-opacity:.1}.dw .line{fill:none}",
        ".dw .halo{paint-order:stroke;stroke:#ffffff;stroke:var(--dw-paper);stroke-width:5px;stroke-linejoin:round}",
        '.dw .m{font-family:KaTeX_Math,"STIX Two Text",Cambria,Georgia,serif;font-style:italic}',
        '.dw .r{font-family:KaTeX_Main,"STIX Two Text",Cambria,Georgia,serif}',
        ".dw .code{font-family:ui-monospace,Menlo,Consolas,monospace}",
        ".dw image{image-rendering:pixelated}.dw .smooth{image-rendering:auto}",
        f"@media print{{.dw{{{print_}}}}}",
    ])  # fmt: skip


def n(value: float) -> str:
    """A coordinate, short: at most one decimal."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


class Drawing:
    """An SVG of width x height units that grows by calls; its words come from words.py.

    Args:
        name: of the file, and of the entry in WORDS.
        width, height: in units; one unit is one pixel on a wide screen, PHONE / width pixels on a phone.
        least: smallest text on a phone, in pixels.
    """

    def __init__(self, name: str, width: int, height: int, least: float = LEAST) -> None:
        self.name, self.width, self.height, self.words, self.least = name, width, height, WORDS[name], least
        self.parts: list[str] = []
        self.texts: list[tuple[float, float, float, float, str]] = []  # left, top, right, bottom, text

    def add(self, part: str) -> None:
        """Any SVG."""
        self.parts.append(part)

    def text(
        self, x: float, y: float, text: str, size: float = 16, color: str = "text", anchor: str = "middle",
        bold: bool = False, halo: bool = False, turn: float = 0,
    ) -> None:  # fmt: skip
        """One line of text with its baseline at y; formulas stand between dollars: "the noise $\\hat ε_t$".

        Raises:
            ValueError: it is too small for a phone, or leaves the drawing.
        """
        scale = PHONE / self.width
        if size * scale < self.least or ("$" in text and re.search(r"[_^]", text) and size * SUB * scale < LEAST_SUB):
            raise ValueError(
                f"{self.name}: {text!r} has {size * scale:.1f} px on a phone, at least {self.least} wanted"
            )
        wide = text_width(text, size) * (1.06 if bold else 1)
        left = x - {"start": 0, "middle": wide / 2, "end": wide}[anchor]
        if turn:
            box = (x - size, y - wide / 2, x, y + wide / 2)
        else:
            box = (left, y - 0.75 * size, left + wide, y + 0.2 * size)
        if box[0] < 0 or box[2] > self.width or box[1] < 0 or box[3] > self.height:
            raise ValueError(f"{self.name}: {text!r} leaves the drawing: {[round(v) for v in box]}")
        self.texts.append((*box, text))
        classes = f"f-{color}" + (" halo" if halo else "")
        more = ' font-weight="600"' if bold else ""
        more += f' transform="rotate({n(turn)} {n(x)} {n(y)})"' if turn else ""
        more += f' text-anchor="{anchor}"' if anchor != "start" else ""
        place = f'x="{n(x)}" y="{n(y)}" font-size="{n(size)}"'
        self.add(f'<text {place} class="{classes}"{more}>{_spans(text, size)}</text>')

    def lines(
        self, x: float, y: float, lines: Sequence[str], size: float = 16, gap: float = 1.25, **options: object
    ) -> None:
        """Lines of text whose middle is at y; a line that begins with "~" is muted and a little smaller."""
        step = size * gap
        top = y - step * (len(lines) - 1) / 2 + 0.34 * size
        for i, line in enumerate(lines):
            own = {**options, "color": "muted"} if line.startswith("~") else options
            self.text(x, top + i * step, line.removeprefix("~"), size - (1 if line.startswith("~") else 0), **own)  # type: ignore[arg-type]

    def rect(
        self, x: float, y: float, w: float, h: float, color: str = "grey", radius: float = 4, fill: bool = True,
        dashed: bool = False, stroke: float = 1.6,
    ) -> None:  # fmt: skip
        """A rectangle: outline in the color, inside tinted with it."""
        inside = f"f-{color} tint" if fill else "line"
        more = ' stroke-dasharray="5 5"' if dashed else ""
        self.add(
            f'<rect x="{n(x)}" y="{n(y)}" width="{n(w)}" height="{n(h)}" rx="{n(radius)}"'
            f' class="{inside} s-{color}" stroke-width="{n(stroke)}"{more}/>'
        )

    def fill(self, x: float, y: float, w: float, h: float, color: str, opacity: float) -> None:
        """A rectangle of one color without an outline."""
        self.add(
            f'<rect x="{n(x)}" y="{n(y)}" width="{n(w)}" height="{n(h)}" class="f-{color}" fill-opacity="{opacity}"/>'
        )

    def curve(self, points: Iterable[tuple[float, float]], color: str, width: float, more: str = "") -> None:
        """A thin line through many points."""
        path = " ".join(f"{n(x)} {n(y)}" for x, y in points)
        look = f'class="line s-{color}" stroke-width="{n(width)}" stroke-linejoin="round"{more}'
        self.add(f'<path d="M{path}" {look}/>')

    def box(
        self, x: float, y: float, w: float, h: float, text: Sequence[str] | str, kind: str = "plain", size: float = 16,
        bold: bool = False, dashed: bool = False,
    ) -> None:  # fmt: skip
        """A labelled box of a kind (data, noise, mixture, network, text, plain, score), with (x, y) its corner.

        Raises:
            ValueError: the text does not fit into it.
        """
        color, radius = KINDS[kind]
        rows = [text] if isinstance(text, str) else text
        for row in rows:
            if text_width(row, size) * (1.06 if bold else 1) > w - 6:
                raise ValueError(f"{self.name}: {row!r} needs {text_width(row, size):.0f} + 6 units, the box has {w}")
        if len(rows) * size * 1.25 > h:
            raise ValueError(f"{self.name}: {len(rows)} lines of {size} need a box higher than {h}")
        self.rect(x, y, w, h, color, radius, dashed=dashed)
        self.lines(x + w / 2, y + h / 2, rows, size, bold=bold)

    def line(
        self, points: Sequence[tuple[float, float]], color: str = "muted", width: float = 1.8, dashed: bool = False
    ) -> None:
        """A line through points, its corners rounded."""
        look = f'class="line s-{color}" stroke-width="{n(width)}" stroke-linejoin="round"'
        more = ' stroke-dasharray="5 5"' if dashed else ""
        self.add(f'<path d="{_rounded(points)}" {look}{more}/>')

    def arrow(
        self, points: Sequence[tuple[float, float]], color: str = "muted", width: float = 1.8, dashed: bool = False,
        head: float = 9,
    ) -> None:  # fmt: skip
        """A line through points with a head at its last one."""
        (x0, y0), (x1, y1) = points[-2:]
        length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
        ux, uy = (x1 - x0) / length, (y1 - y0) / length
        back = (x1 - head * ux, y1 - head * uy)
        self.line([*points[:-1], (x1 - 0.7 * head * ux, y1 - 0.7 * head * uy)], color, width, dashed)
        half = 0.48 * head
        corners = [(x1, y1), (back[0] - half * uy, back[1] + half * ux), (back[0] + half * uy, back[1] - half * ux)]
        path = "L".join(f"{n(x)} {n(y)}" for x, y in corners)
        self.add(f'<path d="M{path}Z" class="f-{color}"/>')

    def dot(self, x: float, y: float, radius: float, color: str, sign: str = "") -> None:
        """A point; with a sign (+ or ×) a circle that stands for the operation."""
        if not sign:
            self.add(f'<circle cx="{n(x)}" cy="{n(y)}" r="{n(radius)}" class="f-{color}"/>')
            return
        self.add(f'<circle cx="{n(x)}" cy="{n(y)}" r="{n(radius)}" class="f-paper s-{color}" stroke-width="1.6"/>')
        self.text(x, y + 0.55 * radius, sign, 1.6 * radius, color)

    def picture(self, x: float, y: float, side: float, href: str, color: str = "border", smooth: bool = False) -> None:
        """A small image, its pixels visible, in a frame of the color."""
        look = ' class="smooth"' if smooth else ""
        self.add(f'<image x="{n(x)}" y="{n(y)}" width="{n(side)}" height="{n(side)}" href="{href}"{look}/>')
        self.rect(x - 1, y - 1, side + 2, side + 2, color, 3, fill=False, stroke=2)

    def overlaps(self) -> list[tuple[str, str]]:
        """Pairs of texts that lie over each other."""
        found = []
        for i, (l1, t1, r1, b1, a) in enumerate(self.texts):
            for l2, t2, r2, b2, b in self.texts[i + 1 :]:
                if min(r1, r2) - max(l1, l2) > 1 and min(b1, b2) - max(t1, t2) > 1:
                    found.append((a, b))
        return found

    def svg(self) -> str:
        """The whole file."""
        name, title, alt = self.name, escape(self.words.title, quote=False), escape(self.words.alt, quote=False)
        return "\n".join([
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" width="{self.width}"'
            f' height="{self.height}" class="dw" role="img" aria-labelledby="dw-{name}-title dw-{name}-alt">',
            f'<title id="dw-{name}-title">{title}</title>',
            f'<desc id="dw-{name}-alt">{alt}</desc>',
            f"<style>{_style()}</style>",
            f'<rect width="{self.width}" height="{self.height}" rx="8" class="f-paper"/>',
            *self.parts,
            "</svg>\n",
        ])  # fmt: skip


def _rounded(points: Sequence[tuple[float, float]], radius: float = 9) -> str:
    """The path through points, each corner cut by a small curve."""
    path = f"M{n(points[0][0])} {n(points[0][1])}"
    for before, (x, y), after in zip(points, points[1:], points[2:]):
        cut = []
        for px, py in (before, after):
            length = ((px - x) ** 2 + (py - y) ** 2) ** 0.5
            share = min(radius, length / 2) / length
            cut.append(f"{n(x + share * (px - x))} {n(y + share * (py - y))}")
        path += f"L{cut[0]}Q{n(x)} {n(y)} {cut[1]}"
    return path + f"L{n(points[-1][0])} {n(points[-1][1])}"


def _spans(text: str, size: float) -> str:
    """The text as tspans: letters of formulas in italics, indices lower and smaller, accents above their letter."""
    out, level = [], 0.0
    for run in math_runs(text):
        want = run.rise * size
        shift = f' dy="{n(level - want)}"' if abs(level - want) > 0.05 else ""
        level = want
        small = f' font-size="{n(size * SUB)}"' if run.rise else ""
        move = f' dx="{n(run.back * size)}"' if run.back else ""
        look = f' class="{run.look}"' if run.look else ""
        body = escape(run.text, quote=False)
        attributes = look + shift + move + small
        out.append(f"<tspan{attributes}>{body}</tspan>" if attributes else body)
    return "".join(out)
