"""The directive `{api}`: a reference made from the docstrings with `ast`; the package is not imported.

``{api}`` lists every public name, ``{api} NAME`` is the reference of a package, ``{api} modules`` that of the modules
that stand alone. Each of these has a page of its own, `book/api-NAME.md`, which stands under the list.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx_external_toc.api import Document, FileItem, TocTree

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import equations  # noqa: E402
from equation_links import claims_of_the_book, labels_of_the_book, test_links  # noqa: E402
from source_pages import link  # noqa: E402

PACKAGE = ROOT / "src/diffusion_edu"
SECTION = re.compile(r"^(Args|Arguments|Attributes|Returns|Yields|Raises|Examples?):\s*$")
ITEM = re.compile(r"^([*\w][\w*, .|\[\]]*):\s+(.*)$", re.S)
INLINE = re.compile(r":\w+:`~?([^`]+)`|``([^`]+)``|`([^`]+)`")


def inline(text: str) -> list[nodes.Node]:
    """Plain text with `code` in it, as nodes."""
    out: list[nodes.Node] = []
    end = 0
    for match in INLINE.finditer(text):
        code = match[1] or match[2] or match[3]
        out += [nodes.Text(text[end : match.start()]), nodes.literal(code, code)]
        end = match.end()
    return [*out, nodes.Text(text[end:])]


def _items(lines: list[str]) -> list[str]:
    """The entries of a section: a line that is indented less than its follower starts one."""
    least = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
    items: list[str] = []
    for line in lines:
        if not line.strip():
            continue
        if len(line) - len(line.lstrip()) == least or not items:
            items.append(line.strip())
        else:
            items[-1] += " " + line.strip()
    return items


def _section(name: str, lines: list[str]) -> list[nodes.Node]:
    rows = nodes.definition_list(classes=["de-api-fields"])
    for item in _items(lines):
        match = ITEM.match(item)
        term, text = (match[1], match[2]) if match else ("", item)
        head = nodes.term("", "", *([nodes.literal(term, term)] if term else [nodes.Text("-")]))
        if not term:
            head["classes"].append("de-empty")
        rows += nodes.definition_list_item("", head, nodes.definition("", nodes.paragraph("", "", *inline(text))))
    return [nodes.paragraph("", name, classes=["de-api-section"]), rows]


def docstring(doc: str) -> list[nodes.Node]:
    """A docstring as nodes: paragraphs, indented blocks as code, and sections such as Args."""
    out: list[nodes.Node] = []
    section: str | None = None
    doc = equations.EQUATION.sub(lambda match: match[3], equations.CHECKED.sub("", doc))  # shown as links instead
    for block in re.split(r"\n\s*\n", doc.strip("\n")):
        lines = block.split("\n")
        head = SECTION.match(lines[0])
        if head and len(lines) > 1:
            section = head[1]
            out += _section(section, lines[1:])
        elif not block.strip():
            continue
        elif all(line.startswith("    ") for line in lines if line.strip()):
            text = "\n".join(line[4:] for line in lines)
            out.append(nodes.literal_block(text, text, language="python"))
        elif lines[0].startswith(">>>"):
            out.append(nodes.literal_block(block, block, language="pycon"))
        else:
            out.append(nodes.paragraph("", "", *inline(" ".join(line.strip() for line in lines))))
    return out


def signature(name: str, node: ast.AST) -> str:
    """The call as it is written, without the annotations' weight: names and defaults."""
    if isinstance(node, ast.ClassDef):
        return f"class {name}"
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    if any(isinstance(d, ast.Name) and d.id == "property" for d in node.decorator_list):
        return name
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    plain = ast.unparse(node.args)
    for first in ("self, ", "cls, ", "self", "cls"):
        if plain == first or (first.endswith(", ") and plain.startswith(first)):
            plain = plain[len(first) :]
            break
    return f"{name}({plain}){returns}"


def public(path: Path) -> list[tuple[str, ast.AST]]:
    """The public classes, methods and functions of a module that have a docstring."""
    found: list[tuple[str, ast.AST]] = []
    for name, node in equations.definitions(path.read_text(encoding="utf-8")):
        parts = name.split(".")
        if any(part.startswith("_") for part in parts) or not ast.get_docstring(node):  # type: ignore[arg-type]
            continue
        outer = [n for n, kind in found if isinstance(kind, ast.ClassDef)]
        if len(parts) == 1 or ".".join(parts[:-1]) in outer:
            found.append((name, node))
    return found


ALONE = "modules"  # the page of the modules that are in no package


def packages() -> dict[str, list[Path]]:
    """The modules with public names of each page of the reference: of each package, and those that stand alone."""
    found = {ALONE: sorted(PACKAGE.glob("*.py"))}
    folders = [path for path in sorted(PACKAGE.iterdir()) if path.is_dir() and path.name[0] != "_"]
    found |= {folder.name: sorted(folder.rglob("*.py")) for folder in folders}
    named = {name: [path for path in paths if path.name[0] != "_" and public(path)] for name, paths in found.items()}
    return {name: paths for name, paths in named.items() if paths}


def page_of(name: str) -> str:
    """The page of a package."""
    return "book/api-" + name.replace("_", "-")


def short(path: Path) -> str:
    """A module as it is imported, without the name of the package: "diffusion.process"."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


def first_sentence(path: Path) -> str:
    """What a module or a package says of itself, up to the first full stop."""
    doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) if path.is_file() else ""
    return re.split(r"(?<=[.!?])\s", " ".join((doc or "").split()), maxsplit=1)[0]


class Api(SphinxDirective):
    """One section a module, one entry a public name; without an argument, the list of all of them."""

    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Build the sections."""
        if not self.arguments:
            return [node for name, paths in packages().items() for node in self.listed(name, paths)]
        name = self.arguments[0]
        if name not in packages():
            raise self.error(f"no package {name!r} with public names")
        about = docstring(ast.get_docstring(ast.parse(self.text_of(PACKAGE / name / "__init__.py"))) or "")
        label = f"api-{name.replace('_', '-')}"
        target = nodes.target(ids=[label], names=[label])
        self.state.document.note_explicit_target(target)
        return [target, *about, *(self.module(path) for path in packages()[name])]

    @staticmethod
    def text_of(path: Path) -> str:
        """The text of a file, or none where there is no such file."""
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    def listed(self, name: str, paths: list[Path]) -> list[nodes.Node]:
        """A package in the list: a link to its page, what it is, and its modules with links to their names."""
        uri = self.env.app.builder.get_relative_uri(self.env.docname, page_of(name))
        words = "modules that stand alone" if name == ALONE else name
        head = nodes.paragraph("", "", nodes.strong("", "", nodes.reference("", words, refuri=uri, internal=True)))
        if name != ALONE:
            head += [nodes.Text(" · "), *inline(first_sentence(PACKAGE / name / "__init__.py"))]
        rows = nodes.definition_list(classes=["de-api-list"])
        for path in paths:
            links: list[nodes.Node] = []
            for known, _ in public(path):
                if "." not in known:
                    here = f"{uri}#{short(path)}.{known}"
                    code = nodes.literal(known, known)
                    links += [nodes.Text(", ")] * bool(links) + [
                        nodes.reference("", "", code, refuri=here, internal=True)
                    ]
            term = nodes.term("", "", nodes.literal(short(path), short(path)))
            rows += nodes.definition_list_item("", term, nodes.definition("", nodes.paragraph("", "", *links)))
        return [head, rows]

    def section(self, name: str, path: Path) -> nodes.section:
        """A section with a title and the docstring of a file; {ref}`api-diffusion-process` leads to one."""
        label = f"api-{name.replace('.', '-').replace('_', '-')}"
        section = nodes.section(ids=[label], names=[label])
        self.state.document.note_explicit_target(section)
        section += nodes.title("", "", nodes.literal(name, name))
        section += docstring(ast.get_docstring(ast.parse(self.text_of(path))) or "")
        return section

    def module(self, path: Path) -> nodes.section:
        """The section of one module."""
        where, made = path.relative_to(ROOT).as_posix(), claims_of_the_book()
        section = self.section(short(path), path)
        for name, node in public(path):
            section += self.entry(where, short(path), name, node, made)
        return section

    def entry(self, where: str, module: str, name: str, node: ast.AST, made: list[equations.Claim]) -> nodes.Node:
        """One name: its call, its docstring, its place, and the equations that it computes."""
        app, docname = self.env.app, self.env.docname
        call = signature(name.split(".")[-1] if "." in name else name, node)
        box = nodes.container(classes=["de-api"] + (["de-api-method"] if "." in name else []))
        box["ids"] = [f"{module}.{name}"]  # as it is imported: `Posterior` and `posterior` are two names
        box += nodes.literal_block(call, call, language="python", classes=["de-api-call"])
        box += docstring(ast.get_docstring(node) or "")  # type: ignore[arg-type]
        line = nodes.paragraph("", "source: ", classes=["de-where"])
        line += link(app, docname, where, node.lineno, f"{where}:{node.lineno}")  # type: ignore[attr-defined]
        claims = [c for c in made if c.function.path == where and c.function.name == name]
        if claims:
            line += [nodes.Text(" · computes "), *self.references(claims)]
            line += [nodes.Text(" · checked by "), *test_links(app, docname, claims)]
        box += line
        return box

    def references(self, claims: list[equations.Claim]) -> list[nodes.Node]:
        """References to the equations of some claims, where the book labels them."""
        known = labels_of_the_book()
        out: list[nodes.Node] = []
        for claim in claims:
            if claim.label in known:
                xref = addnodes.pending_xref(
                    "",
                    nodes.inline(claim.label, claim.label),
                    refdomain="math",
                    reftype="eq",
                    reftarget=claim.label,
                    refdoc=self.env.docname,
                    refexplicit=False,
                    refwarn=True,
                )
                out += [nodes.Text(", "), xref] if out else [xref]
        return out


def put_under_the_list(app: Sphinx, config) -> None:
    """The pages of the packages stand under the list of names, as if the table of contents named them."""
    site, pages = config.external_site_map, sorted(page_of(name) for name in packages())
    site["book/api"] = Document("book/api", subtrees=[TocTree(items=[*map(FileItem, pages)])])
    for page in pages:
        site[page] = Document(page)
    config.exclude_patterns = [p for p in config.exclude_patterns if p.removesuffix(".md") not in pages]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive, and its pages after the table of contents has been read."""
    app.setup_extension("equation_links")
    app.connect("config-inited", put_under_the_list, priority=950)
    app.add_directive("api", Api)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
