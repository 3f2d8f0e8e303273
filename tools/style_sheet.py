"""Join the style sheets of a built site to one, without the rules that no page could use, and let its scripts wait.

A page shows nothing before the last of its sheets and of the scripts in its head is there: ten sheets of 80 kB were the
largest part of what a reader on a slow line waited for.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from pathlib import Path

import js

LINK = re.compile(r'[ \t]*<link[^>]*?\brel="stylesheet"[^>]*>\n?')
HREF = re.compile(r'href="(?:\.\./)*(_static/[^"?]+)')
IMPORT = re.compile(r'@import\s*(?:url\()?["\']?([^"\')]+)["\']?\)?\s*;')
URL = re.compile(r"""url\((["']?)(?!data:|#|https?:|/)([^"')]+)\1\)""")
SCRIPT = re.compile(r"<script(?![^>]*\b(?:async|defer|type)\b)(?=[^>]*\bsrc=)")
NAME = "_static/site.css"


def _text(path: Path, static: Path) -> str:
    """A sheet with the sheets that it imports; addresses in it become relative to the folder of the joined one."""

    def moved(found: re.Match[str]) -> str:
        name, rest = re.fullmatch(r"([^?#]*)(.*)", found[2]).groups()  # type: ignore[union-attr]
        return f"url({(path.parent / name).resolve().relative_to(static.resolve()).as_posix()}{rest})"

    # Every second part is what is imported, which knows its own folder.
    parts = IMPORT.split(path.read_text(encoding="utf-8"))
    return "".join(_text(path.parent / s, static) if k % 2 else URL.sub(moved, s) for k, s in enumerate(parts))


def join(site: Path) -> None:
    """One sheet for all pages, linked where the first one was.

    Raises:
        SystemExit: two pages have other sheets, or Node.js failed.
    """
    static, node = site / "_static", js.find_node()
    pages = {page: page.read_text(encoding="utf-8") for page in sorted(site.rglob("*.html"))}
    lists = {page: tuple(HREF.findall("".join(LINK.findall(text)))) for page, text in pages.items()}
    kinds = {names for names in lists.values() if names}
    if len(kinds) != 1:
        sys.exit(f"pages with different style sheets cannot share one: {sorted(kinds)}")
    (names,) = kinds
    sheet = site / NAME
    sheet.write_text("\n".join(_text(site / name, static) for name in names), encoding="utf-8")
    done = subprocess.run(
        [str(node), str(Path(__file__).with_suffix(".mjs")), str(sheet), str(site)], capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(f"purgecss failed:\n{done.stdout}{done.stderr}")
    for name in names:
        (site / name).unlink()
    mark = hashlib.sha256(sheet.read_bytes()).hexdigest()[:8]
    for page, text in pages.items():
        if not lists[page]:
            continue
        up = "../" * (len(page.relative_to(site).parts) - 1)
        head, rest = text[: (at := LINK.search(text)).start()], text[at.start() :]  # type: ignore[union-attr]
        link = f'    <link rel="stylesheet" href="{up}{NAME}?v={mark}" />\n'
        page.write_text(SCRIPT.sub("<script defer", head + link + LINK.sub("", rest)), encoding="utf-8")
