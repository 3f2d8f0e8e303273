"""The lowest versions that pyproject.toml allows, as constraints: python tools/lowest.py FILE [--keep NAME ...]

`name>=1.2` of the package and of its extras becomes `name==1.2`. A package that is kept has the version of
constraints.txt instead.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10: pip brings one
    from pip._vendor import tomli as tomllib  # type: ignore[no-redef]

ROOT = Path(__file__).resolve().parent.parent
FLOOR = re.compile(r"^([\w.-]+)>=([\w.]+)$")


def floors(project: dict, *extras: str) -> dict[str, str]:
    """Package -> lowest version, over the dependencies and the extras that are named."""
    optional = project["optional-dependencies"]
    found: dict[str, str] = {}
    for line in [*project["dependencies"], *(line for extra in extras for line in optional[extra])]:
        match = FLOOR.match(line)
        if match is None:
            raise ValueError(f"a requirement must be written name>=version, to have a lowest one; got {line!r}")
        found.setdefault(match[1], match[2])
    return found


def main() -> None:
    """Write one line for each package."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--keep", nargs="*", default=[], help="packages that have the version of constraints.txt")
    options = parser.parse_args()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lowest = floors(project, "notebooks")
    for name in options.keep:
        pins = re.findall(rf"(?m)^{re.escape(name)}==([\w.]+)", (ROOT / "constraints.txt").read_text(encoding="utf-8"))
        if name not in lowest or len(pins) != 1:
            parser.error(f"--keep must name a dependency with one pin in constraints.txt, got {name}")
        lowest[name] = pins[0]
    lines = [f"{name}=={version}\n" for name, version in sorted(lowest.items())]
    options.file.write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
