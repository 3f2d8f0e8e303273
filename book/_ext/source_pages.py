"""The package's source as pages of the site, so that "computed by" leads to the line without a host or a network.

Any extension asks for a place by `link(app, docname, path, line, text)`; every module under src/ and every file that
was asked for becomes a page `source/PATH.html` with an anchor on each line.
"""

from __future__ import annotations

import html
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_for_filename
from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[2]


def page_name(path: str) -> str:
    """The page that shows a file: source/src/diffusion_edu/cond for src/diffusion_edu/cond.py."""
    return "source/" + path.removesuffix(".py")


def link(app: Sphinx, docname: str, path: str, line: int, text: str) -> nodes.reference:
    """A reference from a page to a line of a source file; the text is set as code."""
    env = app.env
    if not hasattr(env, "book_sources"):
        env.book_sources = set()  # type: ignore[attr-defined]
    env.book_sources.add(path)  # type: ignore[attr-defined]
    uri = f"{app.builder.get_relative_uri(docname, page_name(path))}#L{line}"
    code = nodes.literal()
    for i, word in enumerate(text.replace("_", "_ ").replace("/", "/ ").replace(".", ". ").split(" ")):
        if i:
            code += nodes.raw("", "<wbr>", format="html")  # a long name may break, and only between its words
        code += nodes.Text(word)
    return nodes.reference("", "", code, refuri=uri, internal=True)


def _body(path: str) -> str:
    text = (ROOT / path).read_text(encoding="utf-8")
    form = HtmlFormatter(linenos="inline", lineanchors="L", anchorlinenos=True, cssclass="highlight de-source")
    code = highlight(text, get_lexer_for_filename(path), form)
    code = code.replace('id="L-', 'id="L').replace('name="L-', 'id="L').replace('href="#L-', 'href="#L')
    return f'<h1 class="de-path">{html.escape(path)}</h1>\n{code}'


def pages(app: Sphinx) -> Iterator[tuple[str, dict, str]]:
    """One page for each module and each cited test."""
    if app.builder.format != "html":
        return
    modules = {
        p.relative_to(ROOT).as_posix() for p in (ROOT / "src").rglob("*.py") if p.read_text(encoding="utf-8").strip()
    }
    for path in sorted(modules | getattr(app.env, "book_sources", set())):
        about = f"Source of {html.escape(path)}, with an anchor on each line."
        context: dict[str, Any] = {
            "title": path,
            "body": _body(path),
            "metatags": f'<meta name="description" content="{about}">',
            "parents": [],
            "display_toc": False,
        }
        yield page_name(path), context, "page.html"


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the pages."""
    app.connect("html-collect-pages", pages)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
