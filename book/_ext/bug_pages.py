"""The page of the bugs, made from book/bugs.yml, and a line under each exercise whose bug has an address.

```{bugs} 03
```

stands for the mistakes of chapter 3, each a section with the label bug-ID; `{bug-summary}` counts them. What
tools/bugs.py finds wrong is a warning, which stops the build.
"""

from __future__ import annotations

import sys
from collections import Counter
from functools import cache
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import bugs  # noqa: E402
import equations  # noqa: E402
from source_pages import link  # noqa: E402

log = logging.getLogger(__name__)
PAGE = bugs.PAGE.removesuffix(".md")
entries = cache(bugs.load)  # read once a build


def name_of(address: str) -> str:
    """What a link to an address says: "issue 14", "pull request 84", "commit 6dda508", "ddpm.py, lines 69 to 73"."""
    _, _, _, _, _, what, *rest = address.split("/")
    if what == "blob":
        file, _, lines = rest[-1].partition("#L")
        first, _, last = lines.partition("-L")
        return f"{file}, lines {first} to {last}" if last else f"{file}, line {first}" if first else file
    return {"issues": "issue ", "pull": "pull request ", "commit": "commit "}[what] + rest[0][:7]


def _separated(parts: list[list[nodes.Node]], word: str) -> list[nodes.Node]:
    return [node for i, part in enumerate(parts) for node in ([nodes.Text(word)] if i else []) + part]


class Bugs(SphinxDirective):
    """The mistakes of one part, a section each."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Build the sections."""
        self.env.note_dependency(str(ROOT / bugs.DATA))
        mine = [entry for entry in entries() if entry.part == self.arguments[0]]
        if not mine:
            raise self.error(f"no entry of {bugs.DATA} has the part {self.arguments[0]!r}")
        return [self.section(entry) for entry in mine]

    def text(self, text: str) -> list[nodes.Node]:
        """Inline nodes of a text with formulas and code."""
        return self.state.inline_text(text, self.lineno)[0]

    def section(self, entry: bugs.Mistake) -> nodes.section:
        """Title, what is wrong and right, links into the book, and the places."""
        name = f"bug-{entry.id}"
        made = nodes.section("", ids=[name], names=[name])
        self.state.document.note_explicit_target(made, made)
        made += nodes.title(entry.title, "", *self.text(entry.title))
        made += nodes.paragraph("", "", *self.text(entry.mistake))
        right = nodes.strong("", "Right: ")
        made += nodes.paragraph("", "", right, *self.text(entry.right))
        made += nodes.paragraph("", "", *self.here(entry), classes=["de-where"])
        made += nodes.bullet_list("", *[nodes.list_item("", self.place(place)) for place in entry.found])
        return made

    def here(self, entry: bugs.Mistake) -> list[nodes.Node]:
        """Exercise and tests of ours."""
        app, docname = self.env.app, self.env.docname
        parts: list[list[nodes.Node]] = []
        for label in entry.exercises:
            notebook = bugs.exercises()[label][0]
            uri = f"{app.builder.get_relative_uri(docname, f'notebooks/{notebook}')}#{label}"
            words = f"Exercise of chapter {int(notebook[:2])}"
            parts.append([nodes.reference("", words, refuri=uri, internal=True)])
        places = [place for test in entry.tests if (place := equations.find_test(test))]
        tests = [[link(app, docname, p.path, p.line, p.name.split("::")[-1])] for p in places]
        if tests:
            parts.append([nodes.Text("Our tests that fail on it: "), *_separated(tests, ", ")])
        else:
            parts.append([nodes.Text(f"No test yet: {entry.untested}.")])
        return _separated(parts, ". ")

    def place(self, place: bugs.Found) -> nodes.paragraph:
        """Project, addresses, what is wrong there, how it stands and how it was verified."""
        links = [[nodes.reference("", name_of(address), refuri=address)] for address in place.at]
        made = nodes.paragraph("", "", nodes.strong("", place.project), nodes.Text(" ("), *_separated(links, ", "))
        made += [nodes.Text("). "), *self.text(place.wrong)]
        kind = f"{bugs.KINDS[place.kind]}; " if place.kind else ""
        made += nodes.emphasis("", f" {(kind + place.status)[:1].upper()}{(kind + place.status)[1:]}; ")
        made += nodes.emphasis("", f"{bugs.READ[place.read]}.")
        return made


class Summary(SphinxDirective):
    """One paragraph of counts."""

    def run(self) -> list[nodes.Node]:
        """Count mistakes, places, and how the places were verified."""
        places = [place for entry in entries() for place in entry.found]
        kinds = Counter(place.read for place in places)
        counts = ", ".join(f"{kinds[read]} {words}" for read, words in bugs.READ.items())
        text = f"{len(entries())} mistakes, {len(places)} places: {counts}."
        return [nodes.paragraph("", text)]


def under_exercises(app: Sphinx, doctree: nodes.document) -> None:
    """Put the addresses under each exercise of a page; their names would give the answer away, so they have numbers."""
    base = app.builder.get_relative_uri(app.env.docname, PAGE)
    for node in list(doctree.findall(nodes.Element)):
        mine = [entry for entry in entries() if node.get("label") in entry.exercises]
        if not mine or "exercise" not in type(node).__name__:
            continue
        links = [
            [nodes.reference("", str(i), refuri=f"{base}#bug-{entry.id}", internal=True)]
            for i, entry in enumerate(mine, 1)
        ]
        published = any(entry.published for entry in mine)
        words = "Published, with these addresses" if published else "Relatives of it, with addresses"
        line = nodes.paragraph("", "", classes=["de-where"])
        line += [nodes.Text(f"{words}, which give the answer away: "), *_separated(links, ", ")]
        node.parent.insert(node.parent.index(node) + 1, line)


def report(app: Sphinx, env) -> None:
    """Each problem is a warning."""
    for problem in bugs.problems():
        log.warning("%s", problem, type="bugs")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directives, the lines and the check."""
    app.setup_extension("source_pages")
    app.add_directive("bugs", Bugs)
    app.add_directive("bug-summary", Summary)
    app.connect("doctree-read", under_exercises)
    app.connect("env-check-consistency", report)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
