"""Scripts only on the pages that use them; and off every page what the stock theme loads for nothing.

The widgets of the package are joined to classic scripts (a module does not load from a file on disk). Their source is
found by its path: importing the package would import torch.
"""

from __future__ import annotations

import atexit
import importlib.util
import json
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

ROOT = Path(__file__).resolve().parents[2]
WIDGETS = ROOT / "src/diffusion_edu/widgets"
BUNDLE = WIDGETS / "kit/bundle.py"
TOWER = WIDGETS / "model/tower.py"
PACKING = WIDGETS / "model/packing.py"
VOCABULARY = ROOT / "src/diffusion_edu/systems/files/emoji_words.json"
ASSETS = ROOT / "book/_assets"  # hero.js, the picture of the preface; four scripts for the pages
WEIGHTS = ROOT / "src/diffusion_edu/weights"
RUNTIME = ROOT / "node_modules/onnxruntime-web/dist"
# The runtime of models in a page: the script, and the program that it runs.
ENGINES = {
    "wasm": ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"),
    "webgpu": ("ort.webgpu.bundle.min.mjs", "ort-wasm-simd-threaded.asyncify.wasm"),
}
# The faces of the book, as the names that book.css asks for; the letters of Western languages are enough.
FONTS = {
    "text.woff2": "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2",
    "heading.woff2": "@fontsource/source-serif-4/files/source-serif-4-latin-600-normal.woff2",
}
# thebe wants a server of its own; what is folded opens without a script (folds.py)
DROP = ("thebe", "togglebutton", "togglehint", "toggleopenonprint")


def _by_path(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"book_widget_{path.stem}", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _bundle() -> ModuleType | None:
    return _by_path(BUNDLE) if BUNDLE.is_file() else None


def write_text_tower(folder: Path, name: str = "emoji-clip") -> None:
    """The text encoder of the search in chapter 10, loaded when a reader types."""
    tower = _by_path(TOWER)
    found = tower.tower_of_file(WEIGHTS / f"{name}.safetensors", VOCABULARY)
    (folder / f"{name}-text.js").write_text(tower.tower_script(name, found), encoding="utf-8")


def write_models(folder: Path, pack_from: int | None = None) -> None:
    """What a page loads when a reader runs a model in it: the worker, the runtime, the models, and a list of sizes."""
    packing = _by_path(PACKING)
    pack_from = packing.PACK_FROM if pack_from is None else pack_from
    folder.mkdir()
    shutil.copy(WIDGETS / "model/worker.mjs", folder)
    listed: dict[str, dict] = {"models": {}, "packed": {}}
    for engine, files in ENGINES.items():
        for file in files:
            shutil.copy(RUNTIME / file, folder)
        module, binary = files
        listed[engine] = {"module": module, "binary": binary, "bytes": (folder / binary).stat().st_size}
    for graph in sorted(WEIGHTS.glob("*.onnx")):
        # Several graphs of one system, NAME.GRAPH.onnx, share its file of weights.
        for part in (graph, graph.with_name(graph.name.split(".")[0] + ".safetensors")):
            if part.name in listed["models"]:
                continue
            if part.stat().st_size < pack_from:
                shutil.copy(part, folder)
            else:
                listed["packed"][part.name] = f"{part.stem}.packed"
                (folder / f"{part.stem}.packed").write_bytes(packing.packed(part.read_bytes()))
            given = listed["packed"].get(part.name, part.name)
            listed["models"][part.name] = (folder / given).stat().st_size
    (folder / "runtime.json").write_text(json.dumps(listed), encoding="utf-8")


def write_fonts(folder: Path) -> None:
    """The two faces that the book is set in, with their licenses, so that every machine shows the same book."""
    folder.mkdir()
    for name, file in FONTS.items():
        source = ROOT / "node_modules" / file
        shutil.copy(source, folder / name)
        shutil.copy(source.parents[1] / "LICENSE", folder / f"{source.parents[1].name}-LICENSE")


def write_scripts(app: Sphinx, config) -> None:
    """Write each script to a folder of its own beside _static, so that no page loads it unasked."""
    home = Path(tempfile.mkdtemp(prefix="book-scripts-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    folder = home / "page"
    folder.mkdir()
    for script in ASSETS.glob("*.js"):
        shutil.copy(script, folder)
    elements = {'canvas class="de-hero': "hero"}
    bundle = _bundle()
    if bundle is not None:
        for tag, name in bundle.elements().items():
            script = folder / f"{name}.js"
            if script.exists():
                raise ExtensionError(f"the widget {tag} and a file of {ASSETS} have one name: {script.name}")
            script.write_text(bundle.classic_script(name), encoding="utf-8")
            elements[tag] = name
    write_models(folder / "live")
    write_text_tower(folder / "live")
    write_fonts(home / "fonts")
    app.book_scripts = elements  # type: ignore[attr-defined]
    config.html_static_path.append(str(home))
    old = int(version("pydata-sphinx-theme").split(".")[1]) < 16
    config.html_context["bootstrap_css"] = old  # the theme of Python 3.10 has one more style sheet


def page(app: Sphinx, pagename: str, templatename: str, context: dict, doctree) -> None:
    """Add what the page uses; drop what it does not, and scripts that the theme names twice."""
    body = context.get("body") or ""
    # Sphinx calls the bibliography a list, and its entries something that no list may hold
    body = context["body"] = body.replace('role="doc-biblioentry"', 'role="listitem"')
    # the words of a fold are its name; another name beside them would hide them from who listens
    body = context["body"] = body.replace(' aria-label="Toggle hidden content"', "")
    app.add_js_file("page/progress.js", loading_method="defer")
    app.add_js_file("page/sections.js", loading_method="defer")
    app.add_js_file("page/widgets.js", loading_method="defer")
    for tag, name in app.book_scripts.items():  # type: ignore[attr-defined]
        if f"<{tag}" in body:
            app.add_js_file(f"page/{name}.js", loading_method="defer")
    seen, kept = set(), []
    for script in context.get("script_files", []):
        name = str(getattr(script, "filename", script) or "")
        inline = str(getattr(script, "attributes", {}).get("body", ""))
        wanted = not any(word in name or word in inline.lower() for word in DROP)
        if wanted and (name, inline) not in seen:
            seen.add((name, inline))
            kept.append(script)
    context["script_files"] = kept
    styles = context.get("css_files", [])
    context["css_files"] = [s for s in styles if not any(word in str(getattr(s, "filename", s)) for word in DROP)]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the two steps."""
    app.connect("config-inited", write_scripts)
    app.connect("html-page-context", page, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
