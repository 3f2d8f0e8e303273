"""What is folded away (solutions, admonitions with the class `dropdown`) as `<details>`, which needs no script.

The whole bar is the button, by mouse, touch and keyboard; a link into a folded part opens it; in print all is open.
"""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx_exercise.nodes import solution_node


class fold(nodes.General, nodes.Element):
    """A folded part: a `fold_title`, then what is shown when it is open."""


class fold_title(nodes.General, nodes.Element):
    """The bar of a folded part; it holds no link, so that all of it opens the part."""


def _bar(title: nodes.Node) -> fold_title:
    """The bar with the words of a title; of a link only its words stay."""
    bar = fold_title()
    for child in title.children:
        parts = child.children if isinstance(child, nodes.reference) else [child]
        bar += [part.deepcopy() for part in parts]
    return bar


class FoldParts(SphinxPostTransform):
    """Replace each part that is marked as a dropdown, after sphinx-exercise has made the titles (at 21)."""

    default_priority = 30
    formats = ("html",)

    def run(self, **kwargs: object) -> None:
        """Go through the page."""
        kinds = (solution_node, nodes.admonition)
        found = [n for n in self.document.findall() if isinstance(n, kinds) and "dropdown" in n["classes"]]
        for node in found:
            title, *rest = node.children
            part = fold(ids=node["ids"], classes=[name for name in node["classes"] if name != "dropdown"])
            part += [_bar(title), *rest]
            node.replace_self(part)


def _visit_fold(self, node: nodes.Element) -> None:
    self.body.append(self.starttag(node, "details", CLASS="de-fold"))


def _depart_fold(self, node: nodes.Element) -> None:
    self.body.append("</details>\n")


def _visit_title(self, node: nodes.Element) -> None:
    self.body.append('<summary><span class="de-fold-title">')


def _depart_title(self, node: nodes.Element) -> None:
    # the words that change with the state are set by the style sheet; a screen reader tells the state by itself
    self.body.append('</span><span class="de-fold-hint" aria-hidden="true"></span></summary>\n')


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the two nodes and the transform."""
    app.setup_extension("sphinx_exercise")
    app.add_node(fold, html=(_visit_fold, _depart_fold))
    app.add_node(fold_title, html=(_visit_title, _depart_title))
    app.add_post_transform(FoldParts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
