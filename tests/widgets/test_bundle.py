"""The joined scripts: whole, harmless twice, and free of what a page should not hold."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from diffusion_edu.widgets.kit import bundle

NAMES = list(bundle.elements().values())

# A page with just enough of a document to run the scripts: they only define elements when loaded.
PAGE = """
const defined = [];
globalThis.HTMLElement = class {};
globalThis.customElements = {get: (tag) => defined.find((d) => d === tag),
  define: (tag) => { if (defined.includes(tag)) throw new Error(tag + " again"); defined.push(tag); }};
const before = Object.keys(globalThis).length;
const run = (await import("node:vm")).runInThisContext;
for (const script of JSON.parse((await import("node:fs")).readFileSync(0, "utf8"))) run(script);
console.log(JSON.stringify([defined, Object.keys(globalThis).length - before]));
"""


def run_module(node: str, script: str, text: str = "") -> str:
    done = subprocess.run([node, "--input-type=module", "-e", script], input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_classic_scripts_define_their_elements_and_nothing_else(node):
    scripts = [bundle.classic_script(name) for name in NAMES]
    # All three, and all three again: several widgets on a page, or a page that loads a script twice.
    defined, new_globals = json.loads(run_module(node, PAGE, json.dumps(scripts + scripts)))
    assert defined == list(bundle.elements())
    assert new_globals == 0


@pytest.mark.parametrize("name", NAMES)
def test_module_has_what_anywidget_needs(node, name, tmp_path):
    path = tmp_path / "widget.mjs"
    path.write_text(bundle.esm(name), encoding="utf-8")
    script = (
        f"const m = await import({json.dumps(path.as_uri())}); console.log(Object.keys(m), typeof m.default.render)"
    )
    assert run_module(node, script).split() == ["[", "'default'", "]", "function"]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_imported_fetched_or_parsed_as_markup(name):
    script = bundle.classic_script(name)
    assert not re.search(r"^\s*(import|export)\b", script, re.M)
    for forbidden in (
        r"innerHTML",
        r"outerHTML",
        r"insertAdjacentHTML",
        r"\beval\(",
        r"new Function",
        r"\bfetch\(",
        r"XMLHttpRequest",
    ):
        assert not re.search(forbidden, script), forbidden
    addresses = set(re.findall(r"https?://[^\s\"'`)]+", script))
    assert addresses == {"http://www.w3.org/2000/svg"}, "a name space, not an address"


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match=r"name must be one of cascade, conv.*got 'nothing'"):
        bundle.esm("nothing")


def test_bundle_needs_only_the_standard_library():
    """The build of the book loads it by path, where neither the package nor torch may be installed."""
    code = (
        "import sys, importlib.util as u; s = u.spec_from_file_location('b', sys.argv[1]);"
        "m = u.module_from_spec(s); s.loader.exec_module(m); print(len(m.classic_script('x_t')));"
        "assert not {'torch', 'numpy', 'diffusion_edu'} & set(sys.modules)"
    )
    path = bundle.__file__
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code, path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == len(bundle.classic_script("x_t"))


@pytest.fixture
def modules(tmp_path, monkeypatch):
    """A function: writes modules {path: text} and returns the script of the one named "a"."""

    def join(files):
        for name, text in files.items():
            path = tmp_path / f"{name}.mjs"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return bundle.esm("a")

    monkeypatch.setattr(bundle, "WIDGETS", tmp_path)
    monkeypatch.setattr(bundle, "elements", lambda: {"a-a": "a"})
    return join


def test_each_module_has_names_of_its_own(node, modules, tmp_path):
    joined = modules(
        {
            "a/element": 'import {\n  name as other,\n  size,\n} from "../b/b.mjs";\nimport { low } from "../c.mjs";\n'
            "const name = `a ${other()} ${size} ${low}`;\nexport default name;\n",
            "b/b": 'import { low } from "../c.mjs";\nconst hidden = low;\nexport const size = 2;\n'
            "export function name() {\n  return `b${hidden}`;\n}\n",
            "c": "const hidden = 3;\nexport const low = hidden;\n",
        }
    )
    (tmp_path / "joined.mjs").write_text(joined, encoding="utf-8")
    address = json.dumps((tmp_path / "joined.mjs").as_uri())
    assert run_module(node, f"console.log((await import({address})).default)").strip() == "a b3 2 3"
    assert joined.count("const low = hidden") == 1, "a module that two others import is there once"


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"a/element": "const x = 1;\n"}, "a/element.mjs must have one `export default NAME;`, found 0"),
        (
            {
                "a/element": 'import { b } from "../b.mjs";\nexport default b;\n',
                "b": 'import { c } from "./a/element.mjs";\n',
            },
            "modules import each other in a circle: a/element -> b -> a/element",
        ),
        ({"a/element": 'import * as b from "./b.mjs";\nexport default b;\n'}, "cannot be joined: import"),
        ({"a/element": "export let x = 1;\nexport default x;\n"}, "cannot be joined: export let"),
    ],
)
def test_modules_that_cannot_be_joined_are_refused(modules, files, told):
    with pytest.raises(ValueError, match=re.escape(told)):
        modules(files)
