"""Plain copies of the chapters, for notebook services that know no MyST: what a reader sees is what the book says.

    python tools/plain_notebook.py FOLDER

Roles become links and numbers, directives become headings and quotes, figures get their captions, and a cell on top
installs the package where it is missing. The code cells and their outputs are those of the chapter, byte for byte.
The book offers each of them for download; `pytest --nbval FOLDER` runs them like the chapters.
"""

from __future__ import annotations

import base64
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from pybtex.database import parse_file
from pybtex.richtext import Text

ROOT = Path(__file__).resolve().parent.parent
ROLE = re.compile(r"\{([a-z:]+)\}`([^`]+)`")
TARGET = re.compile(r"^(.*?)\s*<([^>]+)>$", re.S)
EQUATION = re.compile(r"\$\$(.*?)\$\$[ \t]*\(([\w-]+)\)", re.S)
NUMBERED = re.compile(
    rf"{EQUATION.pattern}|\{{(exercise|math|figure)\}}[^\n]*\n(?::[\w-]+:[^\n]*\n)*?:(?:label|name): ([\w-]+)", re.S
)
ATTACHED = re.compile(r"\(attachment:([\w.-]+)\)")
FENCE = re.compile(r"^(?P<fence>[`:]{3,})\{(?P<name>[\w-]+)\}[ \t]*(?P<title>.*)$")
CODE = re.compile(r"^(`{3,})[\w+-]*\s*$")
OPTION = re.compile(r"^:([\w-]+):\s*(.*)$")
LABEL = re.compile(r"^\([\w-]+\)=\s*$\n?", re.M)
ADMONITIONS = ("admonition", "note", "tip", "hint", "warning", "caution", "important", "seealso", "dropdown")
RESULTS = re.compile(r"\.\./benchmarks/results(?:/[\w.-]+)?")
INSTALL = """\
# Installs the package where it is missing: lay its wheel beside this notebook first (`pip wheel --no-deps .` in the
# project's folder makes it).{more}
from importlib.util import find_spec
from pathlib import Path

if find_spec("diffusion_edu") is None:
    wheels = sorted(Path().glob("diffusion_edu-*.whl"))
    if not wheels:
        raise FileNotFoundError("no diffusion_edu-*.whl lies beside this notebook")
    %pip install --quiet {{wheels[-1]}} matplotlib anywidget"""
MORE = "\n# This chapter also reads {files}, from the project's folder."


@dataclass
class Book:
    """What the chapters refer to: titles of pages, numbers of equations, figures and exercises, and sources."""

    titles: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)
    sources: dict[str, tuple[str, str, str]] = field(default_factory=dict)  # authors, year, address
    home: Path = ROOT / "notebooks"
    files: dict[str, Path] = field(default_factory=dict)  # pictures that stand in the text, by name


def number_of(path: Path) -> int:
    """The chapter's number, which is that of its file."""
    return int(path.stem.split("_")[0])


def labels(notebook: NotebookNode) -> Iterator[tuple[str, str]]:
    """Kind and label of what is numbered in a chapter, in its order."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for match in NUMBERED.finditer(cell.source):
                yield ("equation", match[2]) if match[2] else ({"math": "equation"}.get(match[3], match[3]), match[4])
        figure = cell.metadata.get("mystnb", {}).get("figure", {})
        if "caption" in figure:
            yield "figure", figure.get("name", cell.id)


def read_book(root: Path = ROOT) -> Book:
    """Read all that can be referred to."""
    book = Book(home=root / "notebooks")
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        notebook, counts = nbformat.read(path, as_version=4), {"equation": 0, "figure": 0, "exercise": 0}
        heading = next(line for line in notebook.cells[0].source.splitlines() if line.startswith("# "))
        book.titles[path.stem] = f"{number_of(path)} · {heading[2:].strip()}"
        for kind, label in labels(notebook):
            counts[kind] += 1
            book.numbers[label] = f"{number_of(path)}.{counts[kind]}"
    for path in sorted((root / "book").glob("*.md")):
        book.titles[path.stem] = re.search(r"^# (.*)$", path.read_text(encoding="utf-8"), re.M)[1]  # type: ignore[index]
    for key, entry in parse_file(root / "book/references.bib", bib_format="bibtex").entries.items():
        names = [str(Text.from_latex(" ".join(person.last_names))) for person in entry.persons["author"]]
        authors = names[0] + ("" if len(names) == 1 else f" and {names[1]}" if len(names) == 2 else " et al.")
        where = " ".join(entry.fields.get(name, "") for name in ("note", "journal", "doi"))
        arxiv, doi = re.search(r"arXiv:([\w./-]+)", where), re.search(r"doi:(\S+)", where)
        address = f"https://arxiv.org/abs/{arxiv[1]}" if arxiv else f"https://doi.org/{doi[1]}" if doi else ""
        book.sources[key] = (authors, entry.fields["year"], address)
    return book


def _cite(book: Book, kind: str, keys: str) -> str:
    """Authors and year, with the address of the paper where it has one."""
    told = []
    for key in keys.split(","):
        authors, year, address = book.sources[key.strip()]
        words = f"{authors} ({year})" if kind == "cite:t" else f"{authors}, {year}"
        told.append(f"[{words}]({address})" if address else words)
    return " and ".join(told) if kind == "cite:t" else f"({'; '.join(told)})"


def role(book: Book, name: str, content: str) -> str:
    """A role in words.

    Raises:
        ValueError: the role is not known here; it belongs into this function.
    """
    found = TARGET.match(content)
    words, target = (found[1], found[2]) if found else ("", content)
    if name in ("cite", "cite:p", "cite:t"):
        return _cite(book, name, content)
    if name == "eq":
        return f"({book.numbers[target]})"
    if name == "numref":
        return f"Fig. {book.numbers[target]}"
    if name == "ref":
        return f"`{words}`" if target.startswith("api-") else words or f"exercise {book.numbers[target]}"
    if name == "doc":
        page = target.rsplit("/", 1)[-1]
        words = words or book.titles[page]
        return f"[{words}]({page}.ipynb)" if page[0].isdigit() else f"*{words}*"
    raise ValueError(f"role must be one that plain notebooks can tell in words, got {{{name}}}`{content}`")


def inline(book: Book, text: str) -> str:
    """Text with its roles in words, and labelled equations with their numbers."""
    text = EQUATION.sub(lambda m: f"$${m[1].rstrip()} \\tag{{{book.numbers[m[2]]}}}\n$$", text)
    return LABEL.sub("", ROLE.sub(lambda m: role(book, m[1], m[2]), text))


def _block(book: Book, name: str, title: str, body: list[str]) -> list[str]:
    """A directive as plain Markdown: its options are gone, its title is a heading or stands in a quote."""
    options = {}
    while body and (option := OPTION.match(body[0])):
        options[option[1]] = option[2]
        body = body[1:]
    text = markdown(book, "\n".join(body).strip("\n")).split("\n")
    if name == "exercise":
        told = f" ({inline(book, title)})" if title else ""
        return [f"### Exercise {book.numbers[options['label']]}{told}", "", *text]
    if name == "figure":
        file = (book.home / title).resolve()
        book.files[file.name] = file
        number = f"**Fig. {book.numbers[options['name']]}** " if "name" in options and any(text) else ""
        return [f"![{options.get('alt', '')}](attachment:{file.name})", "", *[number + text[0], *text[1:]]]
    if name in ("solution", "solution-start"):
        return ["#### Solution", *(["", *text] if any(text) else [])]
    if name == "solution-end":
        return []
    if name in ADMONITIONS:
        head = inline(book, title) or name.capitalize()
        return [f"> **{head}**", ">", *[f"> {line}".rstrip() for line in text]]
    if name == "math":
        tag = f" \\tag{{{book.numbers[options['label']]}}}" if "label" in options else ""
        return ["$$", *body, f"{tag}$$".strip()]
    if name in ("code", "code-block"):
        return [f"```{title}", *body, "```"]
    raise ValueError(
        f"directive must be one that plain notebooks can tell in Markdown, got {{{name}}} {title}".rstrip()
    )


def markdown(book: Book, source: str) -> str:
    """The Markdown of a cell without MyST's roles and directives."""
    out: list[str] = []
    plain: list[str] = []

    def flush() -> None:
        out.extend(inline(book, "\n".join(plain)).split("\n") if plain else [])
        plain.clear()

    lines = source.split("\n")
    while lines:
        line = lines.pop(0)
        opened, code = FENCE.match(line), CODE.match(line)
        end = opened["fence"] if opened else code[1] if code else None
        if end is None:
            plain.append(line)
            continue
        flush()
        size = next((i for i, other in enumerate(lines) if other.rstrip() == end), len(lines))
        body, lines = lines[:size], lines[size + 1 :]
        out += _block(book, opened["name"], opened["title"].strip(), body) if opened else [line, *body, end]
    flush()
    return "\n".join(out)


def _install(notebook: NotebookNode) -> NotebookNode:
    """The cell on top."""
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    files = sorted(set(RESULTS.findall(code)))
    more = MORE.format(files=" and ".join(f"`{name}`" for name in files)) if files else ""
    return nbformat.v4.new_code_cell(INSTALL.format(more=more), id="install")


def _picture(path: Path) -> dict[str, str]:
    """A picture as a cell carries it."""
    kind = {".svg": "image/svg+xml", ".png": "image/png"}[path.suffix]
    return {kind: base64.b64encode(path.read_bytes()).decode()}


def convert(book: Book, notebook: NotebookNode, number: int) -> NotebookNode:
    """The plain copy of a chapter."""
    cells = [_install(notebook)]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cells.append(cell)
            figure = cell.metadata.get("mystnb", {}).get("figure", {})
            if "caption" in figure:
                words = inline(book, figure["caption"].strip())
                told = f"**Fig. {book.numbers[figure.get('name', cell.id)]}** {words}"
                cells.append(nbformat.v4.new_markdown_cell(told, id=f"{cell.id[:56]}-caption"))
            continue
        text = markdown(book, cell.source)
        if text.strip():
            pictures = {name: _picture(book.files[name]) for name in ATTACHED.findall(text)}
            more = {"attachments": pictures} if pictures else {}
            cells.append(nbformat.v4.new_markdown_cell(text, id=cell.id, **more))
    first = cells[1]
    first.source = re.sub(r"^# ", f"# {number} · ", first.source, count=1, flags=re.M)
    made = nbformat.v4.new_notebook(cells=cells, metadata=notebook.metadata)
    nbformat.validate(made)
    return made


def write(folder: Path, root: Path = ROOT) -> list[Path]:
    """Write the plain copy of each chapter; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    book, written = read_book(root), []
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        try:
            made = convert(book, nbformat.read(path, as_version=4), number_of(path))
        except (KeyError, ValueError) as error:
            raise ValueError(f"{path.name}: {error}") from error
        target = folder / path.name
        target.write_text(nbformat.writes(made, version=4).rstrip("\n") + "\n", encoding="utf-8")
        written.append(target)
    return written


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("say where to: python tools/plain_notebook.py FOLDER")
    print(f"{len(write(Path(sys.argv[1])))} plain notebooks in {sys.argv[1]}")
