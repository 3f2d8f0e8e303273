"""Find words that the book does not use, and name the better ones: file:line: word -> better.

    python tools/check_words.py [FILE ...]       # default: all that a reader reads

Read are the pages and the README, the prose and the captions of the chapters, the sentences of the widgets and of the
command line, and the docstrings. Left out are code, formulas, addresses, and the phrases of ALLOWED. TABLE holds words
that are wrong wherever they stand; one that is wrong in one sense alone ("amount", "worth", "arrow") needs a reader.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent


class Finding(NamedTuple):
    """A word that is not used, where it stands, and what to write."""

    path: Path
    line: int
    word: str
    better: str


# what is not said (a pattern of whole words) -> what is
TABLE = {
    # home-made words in place of the field's own
    r"pictures?": "image",
    r"arrows? (?:of|for) (?:a|an|the|each|its) (?:text|word|caption|image)s?": "embedding",
    r"bends?": "nonlinearity, activation function",
    r"(?:one|single|each|every|per|\d+|hundred|many) looks?(?! (?:at|for|into))": "network evaluation, forward pass",
    r"looks at|(?:positions|heads|networks|kernels|layers|encoders) look at": "attends to, reads, covers",
    r"(?:squared|mean) ways?": "distance",
    r"strangers?|foreign": "mismatched caption, unrelated image",
    r"spoil(?:s|ed|t|ing)?": "corrupt, noise",
    r"mend(?:s|ed|ing)?": "denoise, restore, fix",
    r"kinds? of (?:prediction|target|answer)": "prediction target",
    r"garments?": "clothing item, or its name",
    r"told(?! apart| from)": "given, conditioned on",
    r"steps? back": "reverse step, denoising step",
    r"turn(?:s|ed|ing)? round": "flip, rotate, invert",
    r"drown(?:s|ed|ing)?|fades?": "its signal-to-noise ratio falls",
    # stiff forms
    r"(?:has|have|had) to be": "must be",
    r"(?:is|are) to be": "must be, should be",
    r"what is so": "what is true",
    # American spelling
    r"(?:neigh|behavi|fav|harb|hon)our\w*|(?:dis|multi|un)?colour\w*": "-or",
    r"centre[sd]?|fibres?|grey(?:s|ish|scale)?": "center, fiber, gray",
    r"licences?|defences?|artefacts?|judgements?|programmes?": "license, defense, artifact, judgment, program",
    r"learnt|burnt|spelt|whilst": "learned, burned, spelled, while",
    r"(?:travel|model|label|cancel|signal)l(?:ed|ing|er)": "one l",
    r"(?:de|un|re)?(?:normal|general|initial|special|visual|real|util|minim|maxim|optim|memor|organ|recogn|summar|standard|"
    r"regular|discret|character|emphas|quant|parameter|token|random|equal|vector|local|penal)"
    r"is(?:e|ed|es|er|ers|ing|ation|ations)": "-ize, -ization",
    r"analys(?:e|ed|ing)": "analyze",
}
# The same for names, in prose alone: in docstrings they may be code.
NAMES = {
    r"eps": "ε",
    r"ddpm|ddim|fid|kid|elbo|D[dD]pm|D[dD]im|Fid|Kid|Elbo": "DDPM, DDIM, FID, KID, ELBO",
    r"(?:dpm|DPM)-[sS]olver(?!\+\+)|dpm-solver\+\+": "DPM-Solver++",
    r"[uU]-?net|UNet": "U-Net",
    r"Frechet": "Fréchet",
}
# Phrases that stay as they are: titles and names that others gave, and the everyday sense.
ALLOWED = (
    "from noise to picture",  # the book's title
    "draw a picture of it",
)

_EDGES = r"(?<![.\w\\/-])(?:{})(?![\w/-]|\.\w)"


def pattern(wrong: str, names: bool = False) -> re.Pattern[str]:
    """A row of the table as whole words; for names capitals count."""
    return re.compile(_EDGES.format(wrong), 0 if names else re.IGNORECASE)


_TABLE = [(pattern(wrong), better) for wrong, better in TABLE.items()]
_NAMES = [(pattern(wrong, names=True), better) for wrong, better in NAMES.items()]
_ALLOWED = re.compile("|".join(re.escape(phrase).replace(r"\ ", r"\s+") for phrase in ALLOWED))

_CODE = {"", "code", "code-block", "math", "benchmark", "bibliography", "api", "equation-table", "bug-list"}
_FENCE = re.compile(r"\s*(`{3,}|~{3,}|:{3,})\s*(.*)")
_ROLE = re.compile(r"\{[\w:-]+\}`(?:([^`<]*)<[^`>]*>|[^`]*)`")
_INLINE = re.compile(
    r"(?s:\$\$.*?\$\$|\\begin\{.*?\\end\{)|\$[^$\n]+\$|(`+).+?\1(?!`)|\]\([^)\n]*\)|<!--.*?-->|<[a-z/][^<>]*>"
    r"|\w+://\S+|^:[\w-]+:(?=\s)|^:(?:name|class|label|ref-type|color|width|gutter):.*$",
    re.MULTILINE,
)


_ARGUMENTS = re.compile(r"^ +\**\w+(?:, \**\w+)*:(?= )", re.MULTILINE)


def _blank(text: str, start: int = 0, end: int | None = None) -> str:
    """The text with spaces for what stands between two places, its lines kept."""
    end = len(text) if end is None else end
    return text[:start] + re.sub(r"[^\n]", " ", text[start:end]) + text[end:]


def prose_of_markdown(text: str) -> str:
    """Markdown with everything blanked that is no prose: every word of it stays at its place."""
    if text.startswith("---\n") and "\n---\n" in text:  # front matter: of it the description is read
        end = text.index("\n---\n") + 5
        text = re.sub(r"(?m)^(?!\s*description:).*$", lambda line: _blank(line[0]), text[:end]) + text[end:]
    lines: list[str] = []
    fences: list[tuple[str, bool]] = []
    for line in text.splitlines(keepends=True):
        fence = _FENCE.match(line)
        directive = re.fullmatch(r"\{([\w:-]+)\}(.*)", fence[2].strip()) if fence else None
        if fence and fences and not fence[2].strip() and fence[1].startswith(fences[-1][0]):
            fences.pop()
            line = _blank(line)
        elif fence and not any(code for _, code in fences):
            fences.append((fence[1], not directive or directive[1] in _CODE))
            line = _blank(line, 0, line.index("}") + 1) if directive and not fences[-1][1] else _blank(line)
        elif any(code for _, code in fences) or re.match(r"\(\w[\w-]*\)=$", line):
            line = _blank(line)
        lines.append(line)
    text = "".join(lines)
    for role in list(_ROLE.finditer(text)):
        words = role.span(1) if role[1] else (role.end(), role.end())
        text = _blank(_blank(text, role.start(), words[0]), words[1], role.end())
    return _INLINE.sub(lambda code: _blank(code[0]), text)


def prose_of_docstring(text: str) -> str:
    """A docstring with code, formulas and the names of arguments blanked."""
    text = _ARGUMENTS.sub(lambda names: _blank(names[0]), text)
    return _INLINE.sub(lambda code: _blank(code[0]), text)


def strings_of_javascript(code: str, start: int = 0, closing: str = "") -> Generator[tuple[int, str], None, int]:
    """Place and text of the strings of a module, comments left out; of templates the parts between `${...}`."""
    at, depth = start, 0
    while at < len(code):
        sign = code[at]
        if code.startswith(("//", "/*"), at):
            end = code.find("\n" if code[at + 1] == "/" else "*/", at)
            at = len(code) if end < 0 else end + 1
        elif sign in "\"'":
            word = re.compile(rf"(?:\\.|[^\\\n{sign}])*").match(code, at + 1)
            yield at + 1, word[0] if word else ""
            at = word.end() + 1 if word else at + 1
        elif sign == "`":
            at = yield from _template(code, at + 1)
        else:
            depth += (sign == "{") - (sign == "}")
            at += 1
            if closing and depth < 0:
                return at
    return at


def _template(code: str, at: int) -> Generator[tuple[int, str], None, int]:
    begun, parts = at, ""
    while at < len(code) and code[at] != "`":
        if code.startswith("${", at):
            at = yield from strings_of_javascript(code, at + 2, "}")
            parts += "0"
        else:
            parts += code[at]
            at += 1
    yield begun, parts
    return at + 1


def _of_markdown(path: Path) -> Iterator[tuple[int, str, bool]]:
    yield 1, prose_of_markdown(path.read_text(encoding="utf-8")), True


def _of_notebook(path: Path) -> Iterator[tuple[int, str, bool]]:
    """Each line is looked for in the file, so that the line of a finding is the file's."""
    raw = path.read_text(encoding="utf-8")

    def line_of(text: str) -> int:
        return raw.count("\n", 0, max(0, raw.find(json.dumps(text, ensure_ascii=False)))) + 1

    for cell in json.loads(raw)["cells"]:
        if cell["cell_type"] == "markdown":
            first = cell["source"][0] if cell["source"] else ""
            yield line_of(first), prose_of_markdown("".join(cell["source"])), True
        for part in cell["metadata"].get("mystnb", {}).values():
            for text in (part or {}).values() if isinstance(part, dict) else ():
                if isinstance(text, str):
                    yield line_of(text), prose_of_markdown(text), True


def _of_python(path: Path, sentences: bool) -> Iterator[tuple[int, str, bool]]:
    """The docstrings, those below fields too; with `sentences` also every string that has a space in it."""
    code = path.read_text(encoding="utf-8")
    lines = code.splitlines()
    seen: set[int] = set()  # docstrings, and the parts of f-strings
    for node in ast.walk(ast.parse(code)):
        body = getattr(node, "body", None)
        for part in body if isinstance(body, list) else ():
            value = part.value if isinstance(part, ast.Expr) else None
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                seen.add(id(value))
                text = "\n".join(lines[value.lineno - 1 : value.end_lineno])
                yield value.lineno, prose_of_docstring(text), False
        if isinstance(node, ast.JoinedStr):
            seen |= {id(part) for part in node.values}
            said = "".join(str(part.value) if isinstance(part, ast.Constant) else "0" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in seen:
            said = node.value
        else:
            continue
        if sentences and " " in said.strip():
            yield node.lineno, prose_of_docstring(said), False


_LABEL = re.compile(r"\b(?:label|legend|name|title|placeholder|alt)\"?: $")


def _of_javascript(path: Path) -> Iterator[tuple[int, str, bool]]:
    """Strings that are sentences or labels: with a space, with a capital, or given as one."""
    code = path.read_text(encoding="utf-8")
    for place, text in strings_of_javascript(code):
        before = code[max(0, place - 40) : place - 1]
        if " " in text.strip() or re.fullmatch(r"[A-Z][a-z]+", text) or _LABEL.search(before):
            yield code.count("\n", 0, place) + 1, text, "maths" not in path.parts


def _of_yaml(path: Path) -> Iterator[tuple[int, str, bool]]:
    text = path.read_text(encoding="utf-8")
    for said in re.finditer(r'^\s*(?:- )?(?:title|mistake|right|wrong|intro|note): "(.*)"$', text, re.MULTILINE):
        yield text.count("\n", 0, said.start(1)) + 1, prose_of_markdown(said[1].replace("\\\\", "\\")), True


def texts(path: Path) -> Iterator[tuple[int, str, bool]]:
    """What a reader sees of a file: first line, text, and whether it is prose, in which a name has one spelling."""
    if path.suffix == ".py":
        return _of_python(path, sentences=bool({"cli", "widgets", "_ext"} & set(path.parts)))
    readers = {".md": _of_markdown, ".ipynb": _of_notebook, ".mjs": _of_javascript, ".yml": _of_yaml}
    return readers[path.suffix](path)


def findings(path: Path) -> list[Finding]:
    """Every word of the table in what a reader sees of a file, each place once."""
    found = set()
    for first, text, prose in texts(path):
        text = _ALLOWED.sub(lambda phrase: _blank(phrase[0]), text)
        for words, better in _TABLE + _NAMES * prose:
            for word in words.finditer(text):
                line = first + text.count("\n", 0, word.start())
                found.add(Finding(path, line, " ".join(word[0].split()), better))
    return sorted(found)


def files(root: Path) -> list[Path]:
    """All that a reader reads, in the tree."""
    patterns = (
        "*.md",
        "book/*.md",
        "book/bugs.yml",
        "book/_ext/*.py",
        "notebooks/*.ipynb",
        "src/**/*.py",
        "src/**/*.mjs",
    )
    return [path for pattern in patterns for path in sorted(root.glob(pattern))]


if __name__ == "__main__":
    chosen = [Path(name).resolve() for name in sys.argv[1:]] or files(ROOT)
    found = [finding for path in chosen for finding in findings(path)]
    for path, line, word, better in found:
        print(f"{path.relative_to(ROOT) if ROOT in path.parents else path}:{line}: {word} -> {better}")
    sys.exit(1 if found else 0)
