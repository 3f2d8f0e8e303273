"""Join the widgets' ES modules into one file each, with the standard library alone.

A build of the book loads this file by its path (``importlib.util.spec_from_file_location``) and so needs neither
the package nor torch. Two forms: a module for anywidget, and a classic script for pages opened from a file, where
browsers refuse modules.

Elements, their controls and their hooks are described at the head of each file in ``static/``: every element has
``element.state`` (a plain object with the numbers shown), sends a bubbling ``de-change`` event after each drawing,
and marks its controls with ``data-role``.
"""

from __future__ import annotations

import re
from pathlib import Path

STATIC = Path(__file__).with_name("static")
_IMPORT = re.compile(r'^import\s[^;]*?from\s+"\./(\w+)\.mjs";\n', re.M)
_EXPORT = re.compile(r"^export (?=const |let |function |async function\*? |class )", re.M)
_DEFAULT = re.compile(r"^export default (\w+);\n", re.M)


def elements() -> dict[str, str]:
    """The custom elements and the module that defines each: {"x-t-explorer": "x_t_explorer", ...}."""
    names = (
        *("x_t_explorer", "schedule_explorer", "reverse_player", "unet_explorer", "flow_explorer", "live_sampler"),
        *("conv_explorer", "frechet_explorer", "text_search", "cost_explorer"),
    )
    return {name.replace("_", "-"): name for name in names}


def esm(name: str) -> str:
    """The widget `name` and all that it imports, as one ES module whose default export has ``render``.

    Raises:
        ValueError: no such widget.
    """
    body, default = _join(name)
    return f"{body}\nexport default {default};\n"


def classic_script(name: str) -> str:
    """The same as a classic script: it defines the custom element and leaves no global name behind.

    Raises:
        ValueError: no such widget.
    """
    return f'(() => {{\n"use strict";\n{_join(name)[0]}\n}})();\n'


def _join(name: str) -> tuple[str, str]:
    if name not in elements().values():
        raise ValueError(f"name must be one of {', '.join(elements().values())}, got {name!r}")
    parts: dict[str, str] = {}
    _collect(name, parts)
    defaults = _DEFAULT.findall(parts[name])
    if len(defaults) != 1:
        raise ValueError(f"{name}.mjs must end in one `export default NAME;`, found {len(defaults)}")
    body = "\n".join(_EXPORT.sub("", _DEFAULT.sub("", text)) for text in parts.values())
    left = re.search(r"^(import|export)\b.*$", body, re.M)
    if left:
        raise ValueError(f"{name}.mjs has an import or export that cannot be joined: {left.group()}")
    return body, defaults[0]


def _collect(name: str, parts: dict[str, str]) -> None:
    """Add `name` to `parts` after everything that it imports."""
    text = (STATIC / f"{name}.mjs").read_text(encoding="utf-8")
    for other in _IMPORT.findall(text):
        if other not in parts:
            _collect(other, parts)
    parts[name] = _IMPORT.sub("", text)
