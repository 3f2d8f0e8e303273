"""Tables of results: HTML with bars in a page, aligned text where there is none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from .._errors import bad_value
from ..palette import TEAL

FAINT = TEAL + "38"  # the color at a strength of a fifth, so that words over it can be read in both themes


class Table:
    """What `table` returns: a notebook shows it as HTML, and a test compares its text."""

    def __init__(self, rows: list[list[str]], head: list[str], right: list[bool], shares: list[list[float | None]]):
        self.rows, self.head, self.right, self.shares = rows, head, right, shares

    def __repr__(self) -> str:
        lines = [self.head, *self.rows]
        widths = [max(len(line[k]) for line in lines) for k in range(len(self.head))]

        def line(cells: Sequence[str]) -> str:
            parts = (cell.rjust(w) if r else cell.ljust(w) for cell, w, r in zip(cells, widths, self.right))
            return "  ".join(parts).rstrip()

        return "\n".join(line(cells) for cells in lines)

    def _repr_html_(self) -> str:
        def cell(tag: str, text: str, right: bool, share: float | None = None) -> str:
            style = "text-align: right" if right else "text-align: left"
            if share is not None:
                width = f"{100 * share:.0f}%"
                style += f"; background: linear-gradient(to right, {FAINT} {width}, transparent {width})"
            scope = ' scope="col"' if tag == "th" else ""
            return f'<{tag}{scope} style="{style}">{escape(text)}</{tag}>'

        head = "".join(cell("th", text, right) for text, right in zip(self.head, self.right))
        body = "\n".join(
            "<tr>" + "".join(cell("td", *parts) for parts in zip(row, self.right, shares)) + "</tr>"
            for row, shares in zip(self.rows, self.shares)
        )
        return (
            '<div class="de-values" tabindex="0" role="group" aria-label="table"><table>\n'
            f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>"
        )


def _text(value: Any, form: str) -> str:
    if isinstance(value, str):
        return value
    if form:
        return format(value, form)
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    form: str | Mapping[str, str] = "",
    bars: Sequence[str] = (),
) -> Table:
    """A table of results.

    Args:
        columns: their heads.
        rows: one value for each column; words as they are, numbers by `form`.
        form: how numbers are written, such as ".2f" or ".0%": one for all, or column -> form.
        bars: columns whose cells show a bar, as long as the number is beside the largest of its column.

    Raises:
        ValueError: a row of another length, a bar for a column that is not there or holds words or negative numbers.
    """
    values, head = [list(row) for row in rows], list(columns)
    for row in values:
        if len(row) != len(head):
            raise bad_value("rows", row, f"rows of {len(head)} values")
    forms = dict.fromkeys(head, form) if isinstance(form, str) else dict(form)
    right = [any(not isinstance(row[k], str) for row in values) for k in range(len(head))]
    shares: list[list[float | None]] = [[None] * len(head) for _ in values]
    for name in bars:
        known: list[Any] = [row[head.index(name)] for row in values] if name in head else [""]
        if any(isinstance(value, str) or value < 0 for value in known):
            raise bad_value("bars", name, "columns of numbers from 0 on")
        top = max(known, default=1) or 1
        for share, value in zip(shares, known):
            share[head.index(name)] = float(value / top)
    texts = [[_text(value, forms.get(name, "")) for name, value in zip(head, row)] for row in values]
    return Table(texts, head, right, shares)
