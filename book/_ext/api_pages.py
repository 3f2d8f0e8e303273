"""The directive `{api}`: a reference made from the docstrings with `ast`; the package is not imported."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

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


class Api(SphinxDirective):
    """One section a package, in it one a module, one entry a public name."""

    def run(self) -> list[nodes.Node]:
        """Build the sections: first the modules that stand alone, then the packages."""
        alone = [self.module(path) for path in sorted(PACKAGE.glob("*.py"))]
        packages = [self.package(folder) for folder in sorted(PACKAGE.iterdir()) if folder.is_dir()]
        return [section for section in alone + packages if section is not None]

    def section(self, name: str, path: Path) -> nodes.section:
        """A section with a title and the docstring of a file; {ref}`api-diffusion-process` leads to one."""
        label = f"api-{name.replace('.', '-').replace('_', '-')}"
        section = nodes.section(ids=[label], names=[label])
        self.state.document.note_explicit_target(section)
        section += nodes.title("", "", nodes.literal(name, name))
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        section += docstring(ast.get_docstring(ast.parse(text)) or "")
        return section

    def package(self, folder: Path) -> nodes.section | None:
        """The section of a folder of modules."""
        modules = [self.module(path) for path in sorted(folder.rglob("*.py"))]
        if not any(modules):
            return None
        section = self.section(folder.name, folder / "__init__.py")
        section += [module for module in modules if module is not None]
        return section

    def module(self, path: Path) -> nodes.section | None:
        """The section of one module; None when it has no public name."""
        names = [] if path.name.startswith("_") else public(path)
        if not names:
            return None
        where = path.relative_to(ROOT).as_posix()
        short = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        section = self.section(short, path)
        made = claims_of_the_book()
        for name, node in names:
            section += self.entry(where, short, name, node, made)
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


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.setup_extension("equation_links")
    app.add_directive("api", Api)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
