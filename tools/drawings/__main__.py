"""Write the drawings: python -m tools.drawings [NAME ...]."""

from __future__ import annotations

import sys
from pathlib import Path

from .catalog import DRAWINGS, table

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "book/_static/drawings"


def main(names: list[str]) -> None:
    """Write the named drawings, or all of them and the table of their words."""
    FOLDER.mkdir(exist_ok=True)
    made = [draw() for draw in DRAWINGS]
    unknown = set(names) - {d.name for d in made}
    if unknown:
        sys.exit(f"names must be among {', '.join(d.name for d in made)}, got {', '.join(sorted(unknown))}")
    for drawing in made:
        if not names or drawing.name in names:
            text = drawing.svg()
            (FOLDER / f"{drawing.name}.svg").write_text(text, encoding="utf-8", newline="\n")
            print(f"{drawing.name:24s}{len(text) / 1024:6.1f} KiB")
            for a, b in drawing.overlaps():
                print(f"   overlap: {a!r} and {b!r}")
    if not names:
        (Path(__file__).parent / "README.md").write_text(table(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
