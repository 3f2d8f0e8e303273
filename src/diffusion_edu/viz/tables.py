"""Tables of results: HTML with bars in a page, aligned text where there is none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from html import escape
from typing import Any

from .._arguments import anything, checked
from .._arguments.values import number, texts
from .._errors import bad_type, bad_value
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

        # A column of names may have no head; a head without words would be read out as one.
        head = "".join(cell("th" if text else "td", text, right) for text, right in zip(self.head, self.right))
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


@checked(columns=texts, rows=anything, form=anything, bars=texts)
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
        TypeError, ValueError: a row of another length or with something else in it, a form that Python does not know,
            a bar for a column that is not there or holds words or negative numbers.
    """
    if not columns:
        raise bad_value("columns", columns, "at least one head")
    values, head = _rows(rows), list(columns)
    for row in values:
        if len(row) != len(head):
            raise bad_value("rows", row, f"rows of {len(head)} values")
    forms = _forms(form, head)
    right = [any(not isinstance(row[k], str) for row in values) for k in range(len(head))]
    shares: list[list[float | None]] = [[None] * len(head) for _ in values]
    for name in bars:
        known: list[Any] = [row[head.index(name)] for row in values] if name in head else [""]
        if any(isinstance(value, str) or value < 0 for value in known):
            raise bad_value("bars", name, "columns of numbers from 0 on")
        top = max(known, default=1) or 1
        for share, value in zip(shares, known):
            share[head.index(name)] = float(value / top)
    cells = [[_text(value, forms.get(name, "")) for name, value in zip(head, row)] for row in values]
    return Table(cells, head, right, shares)


def _rows(rows: Any) -> list[list[Any]]:
    """Rows of words and numbers."""
    if isinstance(rows, str | bytes) or not isinstance(rows, Iterable):
        raise bad_type("rows", rows, "rows of words and finite numbers")
    made = []
    for place, row in enumerate(rows):
        if isinstance(row, str | bytes | Mapping | Set) or not isinstance(row, Iterable):
            raise bad_type(f"rows[{place}]", row, "a list of words and finite numbers")
        cells = [*row]
        for value in cells:
            if not isinstance(value, str):
                number(f"rows[{place}]", value)
        made.append(cells)
    return made


def _forms(form: Any, head: list[str]) -> dict[str, str]:
    """How the numbers of each column are written."""
    if not isinstance(form, str | Mapping):
        raise bad_type("form", form, "a format of numbers such as '.2f', or one by column")
    forms = dict.fromkeys(head, form) if isinstance(form, str) else dict(form)
    for name, one in forms.items():
        if name not in head:
            raise bad_value("form", name, f"formats of columns that are there: {', '.join(head)}")
        try:
            format(1, one)
        except (TypeError, ValueError):
            raise bad_value("form", one, "a format of numbers such as '.2f'") from None
    return forms
