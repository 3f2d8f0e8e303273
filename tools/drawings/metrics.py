"""Text in the drawings: formulas in a small markup, and how wide a line of text is at most."""

from __future__ import annotations

import re
from typing import NamedTuple

SUB = 0.74  # size of an index beside its letter
# Widths of Helvetica in thousandths; a third more than a narrow font, a little less than a wide one.
_GROUPS = {
    222: "ijl'|", 278: "ft !,./:;I[]", 333: "r-()", 389: "*", 500: "ckvsxyzJ", 556: "abdeghnopqu0123456789L#$?_",
    584: "+<=>~", 611: "FTZ", 667: "ABEKPSVXY&", 722: "wCDHNRU", 778: "GOQ", 833: "mM", 889: "%", 944: "W",
}  # fmt: skip
_WIDTHS = {letter: width for width, letters in _GROUPS.items() for letter in letters}
_WIDE = 1.12  # the widest of the fonts that a reader may have
_ACCENTS = {"\\hat": "ˆ", "\\bar": "ˉ", "\\tilde": "˜"}


class Run(NamedTuple):
    """A piece of text in one look: class, height above the line in em, and a move back in em before it."""

    text: str
    look: str
    rise: float = 0.0
    back: float = 0.0


def math_runs(text: str) -> list[Run]:
    r"""Split "noise $\hat ε_{t-1}$" into runs; between dollars _ and ^ take the next letter or a {group}."""
    runs: list[Run] = []
    back = 0.0  # an accent stands over its letter: move back before it, and forward again after it
    for i, part in enumerate(text.split("$")):
        if i % 2 == 0:
            if part:
                runs.append(Run(part, "", 0.0, back))
                back = 0.0
            continue
        for mark, group, single in re.findall(r"([_^]?)(?:\{([^}]*)\}|(\\\w+ ?.|.))", part):
            rise = {"_": -0.2, "^": 0.38, "": 0.0}[mark]
            for accent, letter in re.findall(r"(?:(\\\w+) ?)?(.)", group or single):
                letter = letter.replace("-", "−")
                runs.append(Run(letter, "m" if letter.isalpha() and letter not in "Σ" else "r", rise, back))
                back = 0.0
                if accent:
                    half = 0.5 * {"ε": 0.48, "α": 0.64}.get(letter, 0.56)
                    runs.append(Run(_ACCENTS[accent], "r", rise, -(half + 0.19)))
                    back = half - 0.31
    return _joined(runs)


def _joined(runs: list[Run]) -> list[Run]:
    """Neighbours of one look as one run."""
    out: list[Run] = []
    for run in runs:
        last = out[-1] if out else None
        if last and not run.back and (last.look, last.rise) == (run.look, run.rise):
            out[-1] = last._replace(text=last.text + run.text)
        else:
            out.append(run)
    return out


def text_width(text: str, size: float) -> float:
    """An upper bound of the width of a line of text."""
    total = 0.0
    for run in math_runs(text):
        scale = SUB if run.rise else 1.0
        total += scale * (sum(_WIDTHS.get(c, 600) for c in run.text) / 1000 + run.back)
    return total * size * _WIDE
