"""The U-Net's diagram as an image, for pages on which no script runs."""

from __future__ import annotations

from collections.abc import Sequence

from ...nn import TraceRow
from ..kit.fallback import ORANGE, WIDTH, Sheet

LIGHT = (148, 163, 184)  # of the bars at full size; the smaller the image, the darker
ROW, LABEL, BAR = 22, 150, 130


def unet_png(rows: Sequence[TraceRow]) -> str:
    """A data URL of a PNG: encoder bars on the left, decoder bars on the right, skips across, the middle below.

    Args:
        rows: the trace of a U-Net.
    """
    places = places_of(rows)
    height = ROW * (max(line for _, line in places.values()) + 1) + 8
    sheet = Sheet(height)
    widest = max(row.out_shape[0] for row in rows if row.level is not None)
    ends = {}
    for row in rows:
        side, line = places[row.name]
        length = max(6, BAR * row.out_shape[0] / widest) if row.level is not None else 12
        thick = ROW - 6 - 4 * (row.level or 0) if row.level is not None else 4
        middle = 4 + ROW * line + ROW / 2
        left = {"left": LABEL, "right": WIDTH - LABEL - length, "below": (WIDTH - length) / 2}[side]
        ends[row.name] = (left + length if side == "left" else left, middle)
        box = (left, middle - max(thick, 4) / 2, left + length, middle + max(thick, 4) / 2)
        red, green, blue = (c - 20 * (row.level or 0) for c in LIGHT)
        sheet.bar(box, (red, green, blue))
        words = f"{row.name}  {'x'.join(map(str, (*row.out_shape[1:], row.out_shape[0])))}"
        x, anchor = {"left": (8, "lm"), "right": (WIDTH - 8, "rm"), "below": (8, "lm")}[side]
        sheet.text((x, middle), words, anchor=anchor)
    for row in rows:
        if row.skip:
            sheet.draw.line((*ends[row.skip], *ends[row.name]), fill=ORANGE, width=2)
    return sheet.url()


def places_of(rows: Sequence[TraceRow]) -> dict[str, tuple[str, int]]:
    """Side ("left", "right" or "below") and line of each part: an encoder part stands level with the block it joins."""
    ups = [row for row in rows if row.name.startswith("up.")]
    middle = [row.name for row in rows if row.name.startswith("middle")]
    tail = [row.name for row in rows if row.name.endswith("_out")]
    head = [row.name for row in rows if row.kind.endswith("Embedding")]
    top = max(len(tail), len(head) + 1)  # one line is for the noisy picture
    places = {name: ("left", line) for line, name in enumerate(head)}
    places |= {name: ("right", top - 1 - i) for i, name in enumerate(tail)}
    for line, row in enumerate(reversed(ups), top):
        places[row.name] = ("right", line)
        if row.skip:
            places[row.skip] = ("left", line)
    places |= {name: ("below", top + len(ups) + i) for i, name in enumerate(middle)}
    return places
