"""Join the style sheets of a built site to one and the scripts of all its pages to one, and take out unused styles.

A page shows nothing before the last of its sheets and of the waiting scripts in its head is there. Ten sheets of 80 kB
and eleven scripts, each asked for by itself, were the larger part of what a reader on a slow line waited for.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from pathlib import Path

import js

LINK = re.compile(r'[ \t]*<link(?=[^>]*\brel="stylesheet")[^>]*\bhref="(?:\.\./)*([^"?]+)[^>]*>\n?')
SCRIPT = re.compile(r'[ \t]*<script\b[^>]*\bsrc="(?:\.\./)*([^"?]+)[^>]*></script>\n?')
BLOCKING = re.compile(r"<script(?![^>]*\b(?:async|defer|type)\b)(?=[^>]*\bsrc=)")
IMPORT = re.compile(r'@import\s*(?:url\()?["\']?([^"\')]+)["\']?\)?\s*;')
URL = re.compile(r"""url\((["']?)(?!data:|#|https?:|/)([^"')]+)\1\)""")
# These have names that other scripts ask for, or wait for the page's own beginning.
AT_ONCE = ("documentation_options.js", "doctools.js", "sphinx_highlight.js", "design-tabs.js")
# All other scripts wait for the first paint of the page and run one by one, so that a reader who scrolls or taps
# meanwhile never waits for all of them. A page that nobody sees is not painted. `data-scripts` says that all have run.
LATER = """(() => {
const parts = [
%s
];
const next = () => {
  const part = parts.shift();
  if (!part) {
    document.documentElement.dataset.scripts = "run";
    return;
  }
  setTimeout(next);
  part();
};
if (document.hidden) next();
else requestAnimationFrame(() => setTimeout(next));
})();
"""
OPTION = re.compile(r'\bdata-[\w-]+="[^"]*"')


def _text(path: Path, static: Path) -> str:
    """A sheet with the sheets that it imports; addresses in it become relative to the folder of the joined one."""

    def moved(found: re.Match[str]) -> str:
        name, rest = re.fullmatch(r"([^?#]*)(.*)", found[2]).groups()  # type: ignore[union-attr]
        return f"url({(path.parent / name).resolve().relative_to(static.resolve()).as_posix()}{rest})"

    # Every second part is what is imported, which knows its own folder.
    parts = IMPORT.split(path.read_text(encoding="utf-8"))
    return "".join(_text(path.parent / s, static) if k % 2 else URL.sub(moved, s) for k, s in enumerate(parts))


def _purge(sheet: Path, site: Path) -> None:
    """Take out of a sheet the rules that no page and no script could use."""
    words = [str(js.find_node()), str(Path(__file__).with_suffix(".mjs")), str(sheet), str(site)]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"purgecss failed:\n{done.stdout}{done.stderr}")


def _replaced(text: str, pattern: re.Pattern[str], gone: set[str], tag: str) -> str:
    """A page without the tags of the files `gone`, with `tag` where the first of them stood."""
    left = [tag]

    def one(found: re.Match[str]) -> str:
        return found[0] if found[1] not in gone else left.pop() if left else ""

    return pattern.sub(one, text)


def _written(site: Path, name: str, names: list[str], text: str) -> str:
    """The joined file in place of its parts; returns its address, which changes when it does."""
    for part in names:
        (site / part).unlink()
    (site / name).write_text(text, encoding="utf-8")
    return f"{name}?v={hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _code(site: Path, names: list[str]) -> str:
    """The scripts as one: those that others ask for, and the others for later."""
    texts = {name: (site / name).read_text(encoding="utf-8") for name in names}
    first = [text for name, text in texts.items() if name.endswith(AT_ONCE)]
    later = [f"() => {{\n{text}\n}}," for name, text in texts.items() if not name.endswith(AT_ONCE)]
    return "\n;\n".join([*first, LATER % "\n".join(later)])


def join(site: Path) -> None:
    """One sheet and one script for all pages, where the first one was; what a page has besides waits for it.

    Raises:
        SystemExit: two pages have other sheets, or Node.js failed.
    """
    static = site / "_static"
    pages = {page: page.read_text(encoding="utf-8") for page in sorted(site.rglob("*.html"))}
    pages = {page: text for page, text in pages.items() if "stylesheet" in text}  # one only leads to another
    kinds = {tuple(LINK.findall(text)) for text in pages.values()}
    if len(kinds) != 1:
        sys.exit(f"pages with different style sheets cannot share one: {sorted(kinds)}")
    sheets = list(kinds.pop())
    shared = set.intersection(*(set(SCRIPT.findall(text)) for text in pages.values()))
    tags = [found for found in SCRIPT.finditer(next(iter(pages.values()))) if found[1] in shared]
    scripts = [found[1] for found in tags]
    options = "".join(f"{option} " for found in tags for option in OPTION.findall(found[0]))

    css = static / "site.css"
    css.write_text("\n".join(_text(site / name, static) for name in sheets), encoding="utf-8")
    _purge(css, site)
    style = _written(site, "_static/site.css", sheets, css.read_text(encoding="utf-8"))
    script = _written(site, "_static/site.js", scripts, _code(site, scripts))
    for page, text in pages.items():
        up = "../" * (len(page.relative_to(site).parts) - 1)
        text = _replaced(text, LINK, set(sheets), f'    <link rel="stylesheet" href="{up}{style}" />\n')
        text = _replaced(text, SCRIPT, shared, f'    <script defer {options}src="{up}{script}"></script>\n')
        # What a page has for itself may need the shared ones, which come first.
        page.write_text(BLOCKING.sub("<script defer", text), encoding="utf-8")
