"""Mathematics set by KaTeX while the book is built: the page needs no script, and bad TeX is a warning with its place.

One node process is kept for the whole build and spoken to in lines of JSON. Equations are numbered by chapter:
the third one of chapter 7 is (7.3); so are figures and exercises.
"""

from __future__ import annotations

import atexit
import html
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

log = logging.getLogger(__name__)
ROOT = Path(__file__).resolve().parents[2]
KATEX = ROOT / "node_modules/katex"
OPTIONS = {"throwOnError": True, "strict": "error", "output": "htmlAndMathml"}
WORKER = """
const katex = require(process.argv[1]);
require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const { tex, options } = JSON.parse(line);
  let answer;
  try { answer = { html: katex.renderToString(tex, options) }; } catch (e) { answer = { error: e.message }; }
  process.stdout.write(JSON.stringify(answer) + '\\n');
});
"""


class Katex:
    """A node process that sets formulas, started with the first one."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[str] | None = None

    def _start(self) -> subprocess.Popen[str]:
        node = os.environ.get("NODE") or shutil.which("node")
        if node is None:
            raise RuntimeError("the book's formulas need Node.js: build with `make book`, which finds or fetches it")
        atexit.register(self.stop)
        command = [node, "-e", WORKER, str(KATEX)]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")

    def render(self, tex: str, display: bool) -> dict[str, str]:
        """{"html": ...} or {"error": ...} for one formula."""
        if self.process is None:
            self.process = self._start()
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps({"tex": tex, "options": {**OPTIONS, "displayMode": display}}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the node process that sets formulas ended (exit code {self.process.wait()})")
        return json.loads(line)

    def stop(self) -> None:
        """End the process; it starts again when a formula comes."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
            self.process = None


katex = Katex()


def _set(node: nodes.Element, display: bool) -> str:
    tex = node.astext()
    if display and "\\\\" in tex and "\\begin" not in tex:
        tex = r"\begin{aligned}" + tex + r"\end{aligned}"  # several lines without an environment of their own
    answer = katex.render(tex, display)
    if "error" in answer:
        log.warning("%s", answer["error"], location=node, type="katex")
        return f"<code>{html.escape(tex)}</code>"
    return answer["html"]


def _inline(self, node: nodes.math) -> None:
    self.body.append(self.starttag(node, "span", "", CLASS="math") + _set(node, False) + "</span>")
    raise nodes.SkipNode


def _block(self, node: nodes.math_block) -> None:
    # A wide formula scrolls inside its own box, which the keyboard reaches too.
    self.body.append(self.starttag(node, "div", CLASS="math"))
    self.body.append('<div class="de-formula" tabindex="0" role="group" aria-label="formula">')
    self.body.append(_set(node, True) + "</div>")
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    self.body.append("</div>")
    raise nodes.SkipNode


def chapter_of(docname: str) -> int | None:
    """The chapter's number, which is the number of its file: notebooks/07_sampling is chapter 7."""
    match = re.match(r"notebooks/(\d+)_", docname)
    return int(match[1]) if match else None


def number_by_chapter(app: Sphinx, env) -> list[str]:
    """Replace the running numbers of equations, figures and exercises by (chapter, running number within it)."""
    for docname, kinds in env.toc_fignumbers.items():
        chapter = chapter_of(docname)
        if chapter is None:
            continue
        for kind, ids in kinds.items():
            kinds[kind] = {name: (chapter, i) for i, name in enumerate(ids, 1)}
    return []


def number_title(app: Sphinx, doctree: nodes.document) -> None:
    """Put the chapter's number before its title, on the page and in every list of pages."""
    chapter = chapter_of(app.env.docname)
    title = next(iter(doctree.findall(nodes.title)), None)
    if chapter is not None and title is not None:
        title.insert(0, nodes.Text(f"{chapter} · "))


def keep_together(app: Sphinx, doctree: nodes.document) -> None:
    """Keep the bracket before a short formula and the comma after it on its line; browsers would break there."""
    for math in list(doctree.findall(nodes.math)):
        if len(math.astext()) > 36:
            continue  # a long one has to be free to break
        parent = math.parent
        # by identity: two pieces of text are equal when their words are, and the first would be taken for the other
        at = next(i for i, child in enumerate(parent.children) if child is math)
        before, after = (parent[i] if 0 <= i < len(parent) else None for i in (at - 1, at + 1))
        head = tail = None
        if isinstance(before, nodes.Text):
            head = re.search(r"[(\[“‘]+$", before)
        if isinstance(after, nodes.Text):
            tail = re.match(r"[.,;:!?)\]”’]+|-\w+[.,;:!?)\]”’]*", after)
        if not (head or tail):
            continue
        parts = [nodes.Text(head[0])] if head else []
        parts += [math.deepcopy()]
        parts += [nodes.Text(tail[0])] if tail else []
        parent[at] = nodes.inline("", "", *parts, classes=["de-together"])
        if tail and isinstance(after, nodes.Text):
            parent[at + 1] = nodes.Text(after[tail.end() :])
        if head and isinstance(before, nodes.Text):
            parent[at - 1] = nodes.Text(before[: head.start()])


def ship_style(app: Sphinx, config) -> None:
    """Copy KaTeX's style and its woff2 fonts, the only format that today's browsers ask for."""
    home = Path(tempfile.mkdtemp(prefix="book-katex-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    target = home / "vendor/katex"
    other = shutil.ignore_patterns("*.woff", "*.ttf")
    shutil.copytree(KATEX / "dist/fonts", target / "fonts", ignore=other)
    style = (KATEX / "dist/katex.min.css").read_text(encoding="utf-8")
    style = re.sub(r',url\(fonts/[^)]+\.(?:woff|ttf)\) format\("(?:woff|truetype)"\)', "", style)
    (target / "katex.min.css").write_text(style, encoding="utf-8")
    config.html_static_path.append(str(home))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer, the numbers and the style."""
    app.add_html_math_renderer("katex_strict", inline_renderers=(_inline, None), block_renderers=(_block, None))
    app.add_css_file("vendor/katex/katex.min.css", priority=300)
    app.connect("config-inited", ship_style)
    app.connect("doctree-read", keep_together, priority=90)
    app.connect("doctree-read", number_title, priority=100)  # before Sphinx collects the titles
    app.connect("env-get-updated", number_by_chapter, priority=900)
    app.connect("build-finished", lambda *_: katex.stop())
    return {"parallel_read_safe": True, "parallel_write_safe": False}
