"""Show the package's own code in a chapter, so that no chapter holds a copy of it."""

from __future__ import annotations

import ast
import inspect
import textwrap
from typing import Any


class Source:
    """The text of a function or class; a notebook and the book show it as highlighted Python.

    Args:
        home: where it is defined, "diffusion_edu.diffusion.process.q_step".
        text: the code.
    """

    def __init__(self, home: str, text: str) -> None:
        self.home = home
        self.text = text

    def _repr_markdown_(self) -> str:
        return f"From `{self.home}`:\n\n```python\n{self.text}\n```"

    def __repr__(self) -> str:
        return f"Source({self.home!r})"


def show_source(obj: Any, docstring: bool = False) -> Source:
    """The source of a function, method, property or class of this package, to be the last line of a cell.

    What checks the arguments before a function begins (`@checked`) is left out.

    Args:
        obj: what to show.
        docstring: False keeps only the docstring's first sentence (the whole is in the API reference), True all.

    Raises:
        TypeError: obj was not written in Python.
    """
    obj = obj.fget if isinstance(obj, property) else inspect.unwrap(getattr(obj, "__func__", obj))
    text = _without_doors(textwrap.dedent(inspect.getsource(obj)).rstrip())
    if not docstring:
        text = _shorten_docstring(text)
    return Source(f"{obj.__module__}.{obj.__qualname__}", text)


def _without_doors(text: str) -> str:
    """The same code without the decorators that check arguments, its own and those of its methods."""
    lines = text.splitlines()
    out: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        for decorator in getattr(node, "decorator_list", ()):
            name = decorator.func if isinstance(decorator, ast.Call) else decorator
            if isinstance(name, ast.Name) and name.id == "checked":
                out |= set(range(decorator.lineno - 1, decorator.end_lineno))
    return "\n".join(line for i, line in enumerate(lines) if i not in out)


def _shorten_docstring(text: str) -> str:
    """The same code with the first sentence of its own docstring in place of the whole."""
    node: Any = ast.parse(text).body[0]
    doc = ast.get_docstring(node)
    if not doc:
        return text
    place = node.body[0]
    lines = text.splitlines()
    first = " ".join(doc.split("\n\n")[0].split())
    raw = "r" if "\\" in first else ""
    short = " " * place.col_offset + f'{raw}"""{first}"""'
    return "\n".join([*lines[: place.lineno - 1], short, *lines[place.end_lineno :]])
