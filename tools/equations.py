"""The table "equation, function, test", read from the sources: nothing of the package is imported.

A chapter labels an equation (`$$ ... $$ (eq-NAME)`). The function that computes it says so in its docstring:

    Equation: eq-NAME (Author et al. YEAR, eq. 4).
    Checked by: tests/folder/test_file.py::test_name.

`problems()` lists every label, function or test that is missing; run as a script it prints them.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EQUATION = re.compile(r"^\s*Equation:\s*(eq-[a-z0-9-]+)\s*(?:\(([^)]*)\))?[.:]?[ \t]*(.*)$", re.M)
CHECKED = re.compile(r"^\s*Checked by:\s*((?:\s*tests/\S+::\w+[.,]?)+)", re.M)
TEST = re.compile(r"(tests/[\w/]+\.py)::(\w+(?:::\w+)?)")
LABEL = re.compile(r"\$\$\s*\((eq-[a-z0-9-]+)\)|^\s*:label:\s*(eq-[a-z0-9-]+)\s*$", re.M)


@dataclass(frozen=True)
class Place:
    """A definition in a source file: path from the root, first line, name with its class."""

    path: str
    line: int
    name: str


@dataclass(frozen=True)
class Claim:
    """One function that says it computes one equation, and the tests that it names."""

    label: str
    source: str
    function: Place
    tests: tuple[str, ...]


def definitions(text: str) -> Iterator[tuple[str, ast.AST]]:
    """Every class and function of a module with its dotted name, outermost first."""

    def walk(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.AST]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                yield prefix + child.name, child
                yield from walk(child, prefix + child.name + ".")

    yield from walk(ast.parse(text), "")


def claims(root: Path = ROOT) -> list[Claim]:
    """What the docstrings under src/ claim, in the order of the files."""
    found = []
    for path in sorted((root / "src").rglob("*.py")):
        for name, node in definitions(path.read_text(encoding="utf-8")):
            doc = ast.get_docstring(node) or ""  # type: ignore[arg-type]
            tests = tuple(f"{file}::{test}" for line in CHECKED.findall(doc) for file, test in TEST.findall(line))
            place = Place(path.relative_to(root).as_posix(), node.lineno, name)  # type: ignore[attr-defined]
            found += [Claim(label, source, place, tests) for label, source, _ in EQUATION.findall(doc)]
    return found


@cache
def _tests_of(path: Path) -> dict[str, int]:
    names = definitions(path.read_text(encoding="utf-8"))
    return {name.replace(".", "::"): node.lineno for name, node in names}  # type: ignore[attr-defined]


def find_test(test: str, root: Path = ROOT) -> Place | None:
    """The place of `tests/file.py::name`, None when the file or the name is missing."""
    file, _, name = test.partition("::")
    path = root / file
    line = _tests_of(path).get(name) if path.is_file() else None
    return None if line is None else Place(file, line, name)


def _text(path: Path) -> str:
    if path.suffix != ".ipynb":
        return path.read_text(encoding="utf-8")
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")


def labels(root: Path = ROOT) -> dict[str, list[str]]:
    """Every labelled equation of the book and the pages that label it (more than one page is a mistake)."""
    found: dict[str, list[str]] = {}
    for path in sorted([*(root / "notebooks").glob("*.ipynb"), *(root / "book").glob("*.md")]):
        for match in LABEL.finditer(_text(path)):
            found.setdefault(match[1] or match[2], []).append(path.relative_to(root).as_posix())
    return found


def problems(root: Path = ROOT) -> list[str]:
    """Everything that is wrong with the table, one sentence each; empty when it is whole."""
    wrong = []
    known, made = labels(root), claims(root)
    for label, pages in known.items():
        if len(pages) > 1:
            wrong.append(f"{label} is labelled more than once: {', '.join(pages)}")
        if not any(claim.label == label for claim in made):
            wrong.append(f"{pages[0]} numbers {label}, which no function under src/ claims to compute")
    for claim in made:
        where = f"{claim.function.path}:{claim.function.line} {claim.function.name}"
        if claim.label not in known:
            wrong.append(f"{where} claims {claim.label}, which no page of the book labels")
        if not claim.tests:
            wrong.append(f"{where} claims {claim.label} and names no test (Checked by: tests/FILE.py::NAME)")
        missing = [test for test in claim.tests if find_test(test, root) is None]
        wrong += [f"{where} names a test that does not exist: {test}" for test in missing]
    return wrong


if __name__ == "__main__":
    found = problems()
    print("\n".join(found) or f"{len(claims())} claims, {len(labels())} equations, nothing missing")
    sys.exit(bool(found))
