"""The mistakes of published code with their addresses, read from book/bugs.yml, and what is wrong with that file.

The page book/bugs.md shows each entry once (`{bugs} PART`); a chapter refers to one by {ref}`words <bug-ID>`.
`problems()` lists every hole: an address, a test or an exercise that is missing, a "published" mistake of a notebook
that has no entry. Run as a script it prints them.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent))
from equations import ROOT, find_test

DATA = "book/bugs.yml"
PAGE = "book/bugs.md"
READ = {
    "code": "read in the code",
    "thread": "read in the thread",
    "thread and code": "read in the thread and in the code",
    "excerpt": "read in excerpts of the thread",
}
KINDS = {"": "", "relative": "a relative", "convention": "another convention", "symptom": "a symptom only"}
ADDRESS = re.compile(
    r"https://github\.com/[\w.-]+/[\w.-]+/"
    r"(?:issues/\d+|pull/\d+|commit/[0-9a-f]{7,40}|blob/[0-9a-f]{40}/[\w./-]+(?:#L\d+(?:-L\d+)?)?)"
)
EXERCISE = re.compile(r"```\{exercise\} *(.*)\n(?::.*\n)*?:label: *(\S+)")
REFERENCE = re.compile(r"\{ref\}`[^`]*<bug-([\w-]+)>`")
# A sentence that calls a mistake published; "a published FID" and "published weights" are none.
CLAIM = re.compile(r"publish", re.I)
OF_CODE = re.compile(r"\b(mistake|bug|wrong|fault|code|implementation|sampler|course|text|form|default)s?\b", re.I)


@dataclass(frozen=True)
class Found:
    """One place: the project, its addresses, what is wrong there, how it stands, how it was verified."""

    project: str
    at: list[str]
    wrong: str
    status: str
    read: str
    kind: str = ""


@dataclass(frozen=True)
class Mistake:
    """One mistake: where the book treats it, what is right, our tests that fail on it, and the places."""

    id: str
    part: str
    title: str
    mistake: str
    right: str
    found: list[Found]
    exercises: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    untested: str = ""

    @property
    def published(self) -> bool:
        """Whether a place holds the very mistake, and no mere relative of it."""
        return any(not place.kind for place in self.found)


def _made(kind: type, entry: dict[str, Any]) -> Any:
    known = {field.name: field.default is MISSING for field in fields(kind)}
    unknown, missing = set(entry) - set(known), {name for name, needed in known.items() if needed} - set(entry)
    if unknown or missing:
        raise ValueError(f"{DATA}: {entry.get('id', entry.get('project'))}: unknown {unknown}, missing {missing}")
    return kind(**entry)


def load(root: Path = ROOT) -> list[Mistake]:
    """All entries, in the order of the file.

    Raises:
        ValueError: an entry has a field that is unknown, or lacks one.
    """
    entries = yaml.safe_load((root / DATA).read_text(encoding="utf-8"))
    return [_made(Mistake, {**e, "found": [_made(Found, place) for place in e.get("found", [])]}) for e in entries]


def texts(root: Path = ROOT) -> Iterator[tuple[str, str]]:
    """(place, text) of every markdown cell of the notebooks."""
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        for i, cell in enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"]):
            if cell["cell_type"] == "markdown":
                yield f"{path.name}[{i}]", "".join(cell["source"])


def exercises(root: Path = ROOT) -> dict[str, tuple[str, str]]:
    """Every labelled exercise of the notebooks: label -> (name of the notebook, title)."""
    found = ((where.partition(".")[0], match) for where, text in texts(root) for match in EXERCISE.finditer(text))
    return {match[2]: (notebook, match[1].strip()) for notebook, match in found}


def claims(root: Path = ROOT) -> list[tuple[str, str, set[str]]]:
    """(place, sentence, labels) of every sentence that calls a mistake published; the labels are those of its cell."""
    found = []
    for where, text in texts(root):
        labels = {m[2] for m in EXERCISE.finditer(text)}
        for sentence in re.split(r"(?<=[.?!])\s+|\n\n+|\|", text):
            if CLAIM.search(sentence) and OF_CODE.search(sentence):
                found.append((where, " ".join(sentence.split()), labels))
    return found


def _of_entries(entries: list[Mistake], root: Path) -> Iterator[str]:
    chapters = {path.name[:2] for path in (root / "notebooks").glob("*.ipynb")}
    known = exercises(root)
    for entry in entries:
        where = f"{DATA}: {entry.id}"
        if [e.id for e in entries].count(entry.id) > 1:
            yield f"{where} is there more than once"
        if entry.part not in chapters | {"text-to-image"}:
            yield f"{where}: part must be the number of a chapter or text-to-image, got {entry.part!r}"
        if bool(entry.tests) == bool(entry.untested):
            yield f"{where} must have either tests or the reason why there is none (untested)"
        if entry.untested and entry.part in chapters:
            yield f"{where} is about a chapter that exists, so it needs a test"
        yield from (f"{where} names a test that does not exist: {t}" for t in entry.tests if not find_test(t, root))
        yield from (f"{where} names an exercise that does not exist: {x}" for x in entry.exercises if x not in known)
        if not entry.found:
            yield f"{where} has no place"
        for place in entry.found:
            wrong = [address for address in place.at if not ADDRESS.fullmatch(address)]
            if wrong or not place.at:
                yield f"{where}: {place.project} needs addresses of an issue, a commit or lines of a file, got {wrong}"
            if place.read not in READ:
                yield f"{where}: {place.project}: read must be one of {', '.join(READ)}, got {place.read!r}"
            if place.kind not in KINDS:
                yield f"{where}: {place.project}: kind must be one of {', '.join(KINDS)}, got {place.kind!r}"


def problems(root: Path = ROOT) -> list[str]:
    """Everything that is wrong, one sentence each; empty when each claim has its address."""
    entries = load(root)
    wrong = list(_of_entries(entries, root))
    named = {label for entry in entries for label in entry.exercises}
    published = {label for entry in entries if entry.published for label in entry.exercises}
    for label, (notebook, title) in exercises(root).items():
        if title.lower().startswith("spot the bug") and label not in named:
            wrong.append(f"{label} of {notebook} ({title}) has no entry in {DATA}")
    ids = {entry.id for entry in entries}
    for where, text in texts(root):
        wrong += [f"{where} refers to bug-{i}, which {DATA} lacks" for i in REFERENCE.findall(text) if i not in ids]
    for where, sentence, labels in claims(root):
        if not (REFERENCE.search(sentence) or labels & published):
            wrong.append(f"{where} calls a mistake published without an address ({{ref}}`.. <bug-ID>`): {sentence}")
    page = (root / PAGE).read_text(encoding="utf-8")
    shown = re.findall(r"^```\{bugs\} (\S+)$", page, re.M)
    for part in dict.fromkeys(entry.part for entry in entries):
        if shown.count(part) != 1:
            wrong.append(f"{PAGE} must show part {part} once, shows it {shown.count(part)} times")
    return wrong


if __name__ == "__main__":
    found = problems()
    print("\n".join(found) or f"{len(load())} mistakes, nothing missing")
    sys.exit(bool(found))
