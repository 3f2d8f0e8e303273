"""tools/joined.py: one sheet and one script for all pages, with all that a page could use."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import joined  # noqa: E402
import js  # noqa: E402
import lighten  # noqa: E402

OPTION = 'data-x-y="1"'


def script(up, name, more=""):
    return f'<script {more} src="{up}_static/{name}.js?v=1"></script>\n'


@pytest.fixture
def site(tmp_path):
    """Two pages, one in a folder; two sheets, of which the first imports a third one."""
    for name, text in {
        "_static/styles/first.css": '@import "../base.css";.used{color:red}.unused{color:blue}a:hover{color:green}',
        "_static/base.css": "p{margin:0;background:url(mark.png?v=1)}.by-script{color:pink}.unused td{color:gray}",
        "_static/own.css": '@font-face{src:url("fonts/f.woff2")}i{background:url(data:image/png;base64,AA)}'
        "a:not(.absent, b){top:0}a:is(.absent2, i){top:1px}p:has(.absent3, a){top:2px}",
        "_static/own.js": "document.body.classList.add('by-script')",
        "_static/last.js": "const last = 1",
        "_static/some.js": "only here",
        "index.html": f"<head>{{}}{script('', 'own', OPTION)}</head><p class='used'>unused <a>x</a><i></i></p>"
        f"{script('', 'last', 'defer')}",
        "deep/page.html": f"<head>{{}}{script('../', 'own', OPTION)}{script('../', 'some')}<script>a()</script></head>"
        f"<a>x</a>{script('../', 'last', 'defer')}",
        "empty.html": '<meta http-equiv="Refresh" content="0; url=index.html" />',
    }.items():
        up = "../" * name.count("/")
        links = "".join(f'<link rel="stylesheet" href="{up}_static/{s}.css?v=1" />\n' for s in ("styles/first", "own"))
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text.replace("{}", links) if name.endswith("html") else text)
    return tmp_path


def test_one_sheet_without_what_no_page_uses(site):
    joined.join(site)
    assert [path.name for path in site.rglob("*.css")] == ["base.css", "site.css"], "base.css has its own address"
    css = re.sub(r"\s", "", (site / "_static/site.css").read_text())
    assert "unused" not in css and "@import" not in css
    wanted = [".used{color:red}", "a:hover", ".by-script", "url(mark.png?v=1)", "url(fonts/f.woff2)", "url(data:image"]
    assert [rule for rule in wanted if rule not in css] == []
    order = [css.index(rule) for rule in ("p{", ".used{", "@font-face")]
    assert order == sorted(order), "later rules win, as before"


def test_a_list_within_a_selector_stays_whole(site):
    """What no page has is of use there."""
    joined.join(site)
    css = re.sub(r"\s", "", (site / "_static/site.css").read_text())
    for rule in ("a:not(.absent,b){top:0}", "a:is(.absent2,i){top:1px}", "p:has(.absent3,a){top:2px}"):
        assert rule in css


def test_each_page_links_it_once_and_waits_for_no_script(site):
    joined.join(site)
    for name, up in {"index.html": "", "deep/page.html": "../"}.items():
        text = (site / name).read_text()
        assert len(re.findall("stylesheet", text)) == 1
        assert re.search(rf'href="{re.escape(up)}_static/site\.css\?v=[0-9a-f]{{8}}"', text)
        (tag,) = re.findall(r"<script[^>]*site\.js[^>]*>", text)
        assert re.fullmatch(rf'<script defer {OPTION} src="{re.escape(up)}_static/site\.js\?v=[0-9a-f]{{8}}">', tag)
        assert "own.js" not in text and "last.js" not in text
    text = (site / "deep/page.html").read_text()
    assert re.search(r'site\.js.*<script\s+defer\s+src="\.\./_static/some\.js\?v=1"></script>', text, re.S), "after it"
    assert "<script>a()</script>" in text, "what stands in the page cannot wait"
    assert "site.css" not in (site / "empty.html").read_text()


def test_the_scripts_of_all_pages_are_one_in_their_order(site):
    joined.join(site)
    code = (site / "_static/site.js").read_text()
    assert code.index("by-script") < code.index("const last") and "only here" not in code
    assert {path.name for path in site.rglob("*.js")} == {"site.js", "some.js"}


@pytest.mark.parametrize("hidden", [False, True])
def test_scripts_run_after_the_first_picture_one_by_one_and_one_that_fails_stops_no_other(tmp_path, hidden):
    """Those that others ask for run at once. A page that nobody sees draws no picture, and does not wait for one."""
    for name, text in {
        "a.js": "done.push('a'); const mine = 1;",
        "doctools.js": "var tools = 1; done.push('doctools');",
        "b.js": "done.push(typeof mine + tools); throw new Error('b');",
        "c.js": "done.push('c');",
    }.items():
        (tmp_path / name).write_text(text)
    code = joined._code(tmp_path, ["a.js", "doctools.js", "b.js", "c.js"])
    page = f"""
        globalThis.done = [];
        const dataset = {{}};
        globalThis.document = {{ hidden: {str(hidden).lower()}, documentElement: {{ dataset }} }};
        globalThis.requestAnimationFrame = (run) => setImmediate(() => {{ done.push("picture"); run(); }});
        process.on("uncaughtException", (error) => done.push("error of " + error.message));
        (0, eval)({json.dumps(code)});
        done.push("parsed");
        process.on("exit", () => console.log(JSON.stringify([...done, dataset.scripts])));
    """
    ran = subprocess.run([str(js.find_node()), "-e", page], capture_output=True, text=True, check=True).stdout
    rest = ["undefined1", "error of b", "c", "run"]
    assert json.loads(ran) == (
        ["doctools", "a", "parsed", *rest] if hidden else ["doctools", "parsed", "picture", "a", *rest]
    )


def test_pages_with_other_sheets_are_refused(site):
    (site / "other.html").write_text('<link rel="stylesheet" href="_static/own.css" />')
    with pytest.raises(SystemExit, match="different style sheets"):
        joined.join(site)


@pytest.mark.parametrize(
    "boxes", ['["pre",".cell_output > .output"].join(", ")', '"pre, .cell_output > .output"'], ids=["newer", "older"]
)
def test_the_walk_of_each_theme_finds_no_box_and_another_one_is_told(tmp_path, boxes):
    script = tmp_path / "_static/scripts/pydata-sphinx-theme.js"
    script.parent.mkdir(parents=True)
    script.write_text(f"a();document.querySelectorAll({boxes}).forEach(e=>b(e))")
    lighten._drop_walk_over_boxes(tmp_path)
    assert script.read_text() == 'a();document.querySelectorAll("de-none").forEach(e=>b(e))'
    with pytest.raises(SystemExit, match="has changed"):
        lighten._drop_walk_over_boxes(tmp_path)
