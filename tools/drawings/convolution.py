"""Convolutions on grids, and the transposed one."""

from __future__ import annotations

from collections.abc import Set

import diffusion_edu as de

from .canvas import Drawing

CELL = 16
Cells = Set[tuple[int, int]]


def _grid(
    d: Drawing, x: float, y: float, rows: int, columns: int, color: str, kernel: Cells = frozenset(),
    zeros: Cells = frozenset(), cell: float = CELL,
) -> None:  # fmt: skip
    """Cells; those under the kernel are filled with violet, zeros are empty."""
    for i in range(rows):
        for j in range(columns):
            left, top = x + cell * j, y + cell * i
            if (i, j) in zeros:
                d.rect(left, top, cell, cell, "border", 0, fill=False, stroke=1)
            else:
                d.rect(left, top, cell, cell, color, 0, stroke=1)
            if (i, j) in kernel:
                d.fill(left, top, cell, cell, "violet", 0.55)


def _window(top: int, left: int, spread: int = 1) -> set[tuple[int, int]]:
    return {(top + spread * i, left + spread * j) for i in range(3) for j in range(3)}


def convolution_cases() -> Drawing:
    """Plain, stride, padding, dilation, channels."""
    d = Drawing("convolution-cases", 540, 674)
    cases = [
        ("plain", "$k$ = 3", {}, _window(0, 0)),
        ("stride", "$k$ = 3, $s$ = 2", {"stride": 2}, _window(0, 2)),
        ("padding", "$k$ = 3, $p$ = 1", {"padding": 1}, _window(0, 0)),
        ("dilation", "$k$ = 3, $d$ = 2", {"dilation": 2}, _window(0, 0, 2)),
    ]
    y = 20.0
    for title, setting, options, window in cases:
        pad = options.get("padding", 0)
        side, out = 5 + 2 * pad, de.conv_output_size(5, kernel_size=3, **options)
        high = side * CELL
        middle = y + high / 2
        d.text(16, middle - 6, title, 18, "text", "start", bold=True)
        d.text(16, middle + 18, setting, 16, "muted", "start")
        ring = {(i, j) for i in range(side) for j in range(side) if pad and (i in (0, side - 1) or j in (0, side - 1))}
        _grid(d, 262 - high / 2, y, side, side, "blue", window, ring)
        d.arrow([(332, middle), (378, middle)])
        place = (0, 1) if title == "stride" else (0, 0)
        _grid(d, 434 - out * CELL / 2, middle - out * CELL / 2, out, out, "grey", {place})
        d.text(502, middle + 6, f"{out}×{out}", 16, "muted")
        y += high + 30
    _channels(d, y)
    return d


def _channels(d: Drawing, y: float) -> None:
    middle = y + 68
    d.text(16, middle - 18, "channels", 18, "text", "start", bold=True)
    d.lines(16, middle + 16, ["~one kernel a pair,", "~summed over input"], 17, anchor="start")
    for i in range(3):
        x, top = 190 + 17 * i, y + 12 + 17 * i
        d.add(f'<rect x="{x}" y="{top}" width="80" height="80" class="f-paper"/>')
        _grid(d, x, top, 5, 5, "blue", _window(0, 0))
    d.arrow([(332, middle), (378, middle)])
    for i in range(2):
        x, top = 396 + 20 * i, middle - 34 + 20 * i
        d.add(f'<rect x="{x}" y="{top}" width="48" height="48" class="f-paper"/>')
        _grid(d, x, top, 3, 3, "grey", {(0, 0)})
    d.text(265, y + 146, "$C$ = 3", 16, "muted")
    d.text(430, middle + 62, "$C$ = 2", 16, "muted")


def transposed_convolution() -> Drawing:
    """Zero insertion, and the matrix with its transpose."""
    d = Drawing("transposed-convolution", 540, 636)
    d.text(16, 26, "as a convolution: insert zeros", 17, "text", "start", bold=True)
    cell, y = 20, 52
    d.text(52, y + 162, "2×2", 16, "muted")
    _grid(d, 32, y + 50, 2, 2, "blue", cell=cell)
    d.arrow([(86, y + 70), (122, y + 70)])
    data = {(2, 2), (2, 4), (4, 2), (4, 4)}
    zeros = {(i, j) for i in range(7) for j in range(7)} - data
    _grid(d, 134, y, 7, 7, "blue", {(i, j) for i in range(3) for j in range(3)}, zeros, cell)
    d.text(204, y + 162, "stride 2, kernel 3", 16, "muted")
    d.arrow([(286, y + 70), (322, y + 70)])
    d.text(304, y + 56, "conv", 15, "muted")
    _grid(d, 336, y + 20, 5, 5, "grey", {(0, 0)}, cell=cell)
    d.text(386, y + 162, "5×5", 16, "muted")
    d.lines(488, y + 70, ["~empty:", "~zeros"], 16)
    d.text(16, 262, "as a matrix: the transpose of the convolution’s", 17, "text", "start", bold=True)
    rows = ["abc··", "··abc"]
    _matrix(d, 30, 330, rows, "convolution: 5 numbers → 2")
    _matrix(d, 360, 288, ["".join(r[j] for r in rows) for j in range(5)], "transposed: 2 → 5")
    d.lines(270, 560, ["The shape comes back, the values do not:", "the transpose is not the inverse."], 17)
    d.text(270, 620, "$a, b, c$: the three weights of a kernel, stride 2", 16, "muted")
    return d


def _matrix(d: Drawing, x: float, y: float, rows: list[str], title: str) -> None:
    cell = 38
    for i, row in enumerate(rows):
        for j, letter in enumerate(row):
            left, top = x + cell * j, y + cell * i
            full = letter != "·"
            d.rect(left, top, cell, cell, "violet" if full else "border", 0, fill=full, stroke=1)
            d.text(left + cell / 2, top + cell / 2 + 6, f"${letter}$" if full else "0", 17, "text" if full else "muted")
    d.text(x + cell * len(rows[0]) / 2, y + cell * len(rows) + 28, title, 16, "muted")
