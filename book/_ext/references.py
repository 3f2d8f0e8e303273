"""The bibliography: author and year for a label, links to the papers, and the places that cite each.

What a reader sees in the text, "Ho et al., 2020", is what the list is sorted by and what each entry begins with.
`arXiv:...`, `doi:...` and `jmlr:...` in a note of references.bib become links.
"""

from __future__ import annotations

import re

import pybtex.plugin
from docutils import nodes
from pybtex.database import Entry
from pybtex.richtext import Text
from pybtex.style.formatting.plain import Style as Plain
from pybtex.style.labels import BaseLabelStyle
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinxcontrib.bibtex.domain import get_docnames

PLACES = {
    "arXiv": "https://arxiv.org/abs/{}",
    "doi": "https://doi.org/{}",
    "jmlr": "https://jmlr.org/papers/{}.html",
}
PLACE = re.compile(rf"\b({'|'.join(PLACES)}):([^\s,]+[^\s,.])")
STYLE = "author_year_list"


class AuthorYear(BaseLabelStyle):
    """(Ho et al., 2020), as in the text; a letter tells two of one label apart."""

    def format_labels(self, sorted_entries: list[Entry]):
        """Yield the label of each entry."""
        labels = [_label(entry) for entry in sorted_entries]
        for i, label in enumerate(labels):
            letter = chr(ord("a") + labels[:i].count(label)) if labels.count(label) > 1 else ""
            yield label + letter


class Style(Plain):
    """The plain style of BibTeX with such labels."""

    default_label_style = AuthorYear


def _label(entry: Entry) -> str:
    people = [str(Text.from_latex(" ".join(who.prelast_names + who.last_names))) for who in entry.persons["author"]]
    names = people[0] if len(people) == 1 else " and ".join(people) if len(people) == 2 else f"{people[0]} et al."
    return f"{names}, {entry.fields['year']}"


class References(SphinxPostTransform):
    """Links in the entries, and where each is cited."""

    default_priority = 6  # after the bibliography, before the references to it

    def run(self, **kwargs) -> None:
        """Change the entries of this page."""
        for citation in self.document.findall(nodes.citation):
            for text in list(citation.findall(nodes.Text)):
                if not isinstance(text.parent, (nodes.label, nodes.reference)):
                    _link(text)
            cited = self._cited_by(citation)
            if cited:
                citation += nodes.paragraph("", "Cited in ", *cited, classes=["de-cited"])

    def _cited_by(self, citation: nodes.citation) -> list[nodes.Node]:
        """The pages that cite an entry, in the book's order, each linked to the first place."""
        domain = self.env.get_domain("cite")
        keys = {entry.key for entry in domain.citations if entry.citation_id in citation["ids"]}  # type: ignore[attr-defined]
        places: dict[str, str] = {}
        for ref in domain.citation_refs:  # type: ignore[attr-defined]
            if keys & {target.key for target in ref.targets}:
                places.setdefault(ref.docname, ref.citation_ref_id)
        links: list[nodes.Node] = []
        for docname in filter(places.__contains__, get_docnames(self.env)):
            address = self.app.builder.get_relative_uri(self.env.docname, docname)
            title = self.env.titles[docname].astext()
            number = re.match(r"notebooks/(\d+)_", docname)
            words = f"chapter {int(number[1])}" if number else title
            link = nodes.reference("", words, refuri=f"{address}#{places[docname]}", reftitle=title, internal=True)
            links += [link, nodes.Text(", ")]
        return links[:-1]


def _link(text: nodes.Text) -> None:
    """Put links in the place of the addresses in a text."""
    words, parts, last = text.astext(), [], 0
    for match in PLACE.finditer(words):
        parts += [nodes.Text(words[last : match.start()])]
        parts += [nodes.reference("", match[0], refuri=PLACES[match[1]].format(match[2]))]
        last = match.end()
    if parts:
        text.parent.replace(text, [*parts, nodes.Text(words[last:])])


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the style and the transform."""
    pybtex.plugin.register_plugin("pybtex.style.formatting", STYLE, Style)
    app.add_post_transform(References)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
