"""Join the widgets' ES modules into one file each, with the standard library alone.

A build of the book loads this file by its path (``importlib.util.spec_from_file_location``) and so needs neither
the package nor torch. Two forms: a module for anywidget, and a classic script for pages opened from a file, where
browsers refuse modules.

Each module becomes a function that is called at once, ``const $maths_steps = (() => { ... return { ddimStep }; })();``:
its names are its own, and what it imports is taken out of the other modules' results.

Elements, their controls and their hooks are described at the head of each ``element.mjs``: every element has
``element.state`` (a plain object with the numbers shown), sends a bubbling ``de-change`` event after each drawing,
and marks its controls with ``data-role``.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

WIDGETS = Path(__file__).resolve().parent.parent
_IMPORT = re.compile(r'^import\s*\{([^}]*)\}\s*from\s*"(\.[^"]+)\.mjs";\n', re.M)
_EXPORT = re.compile(r"^export (?=(?:const|async function\*?|function\*?|class) ?(\w+))", re.M)
_DEFAULT = re.compile(r"^export default (\w+);\n", re.M)
_TAG = re.compile(r'\bmakeWidget\(\s*"([a-z-]+)"')


def elements() -> dict[str, str]:
    """The custom elements and the folder of each, read from their ``element.mjs``: {"x-t-explorer": "x_t", ...}."""
    files = sorted(WIDGETS.glob("*/element.mjs"))
    return {_TAG.findall(file.read_text(encoding="utf-8"))[0]: file.parent.name for file in files}


def esm(name: str) -> str:
    """The widget `name` and all that it imports, as one ES module whose default export has ``render``.

    Raises:
        ValueError: no such widget.
    """
    return f"{_join(name)}\nexport default {_variable(f'{name}/element')}.default;\n"


def classic_script(name: str) -> str:
    """The same as a classic script: it defines the custom element and leaves no global name behind.

    Raises:
        ValueError: no such widget.
    """
    return f'(() => {{\n"use strict";\n{_join(name)}\n}})();\n'


def _join(name: str) -> str:
    if name not in elements().values():
        raise ValueError(f"name must be one of {', '.join(elements().values())}, got {name!r}")
    entry = _entry(name)
    defaults = len(_DEFAULT.findall(_source(entry)))
    if defaults != 1:
        raise ValueError(f"{entry}.mjs must have one `export default NAME;`, found {defaults}")
    parts: dict[str, str] = {}
    _collect(entry, parts, ())
    return "\n".join(parts.values())


def _entry(name: str) -> str:
    return f"{name}/element"


def _source(name: str) -> str:
    return (WIDGETS / f"{name}.mjs").read_text(encoding="utf-8")


def _collect(name: str, parts: dict[str, str], asking: tuple[str, ...]) -> None:
    """Add the module `name` (a path below WIDGETS without its ending) to `parts`, after everything that it imports."""
    if name in asking:
        raise ValueError(f"modules import each other in a circle: {' -> '.join((*asking, name))}")
    text = _source(name)
    for _, path in _IMPORT.findall(text):
        other = _beside(name, path)
        if other not in parts:
            _collect(other, parts, (*asking, name))
    parts[name] = _scoped(name, text)


def _scoped(name: str, text: str) -> str:
    """The module as a function of its own, whose result holds what it exports."""
    given = [*_EXPORT.findall(text), *(f"default: {value}" for value in _DEFAULT.findall(text))]
    taken = _IMPORT.sub(lambda found: _taken(found[1], _variable(_beside(name, found[2]))), text)
    body = _EXPORT.sub("", _DEFAULT.sub("", taken))
    left = re.search(r"^(import|export)\b.*$", body, re.M)
    if left:
        raise ValueError(f"{name}.mjs has an import or export that cannot be joined: {left.group()}")
    return f"const {_variable(name)} = (() => {{\n{body}return {{ {', '.join(given)} }};\n}})();\n"


def _taken(names: str, variable: str) -> str:
    """`a, b as c` of an import -> a constant with the same names."""
    return f"const {{{names.replace(' as ', ': ')}}} = {variable};\n"


def _beside(name: str, path: str) -> str:
    """What an import path in the module `name` means: ("x_t/view", "../kit/dom") -> "kit/dom"."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), path))


def _variable(name: str) -> str:
    return "$" + name.replace("/", "_")
