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

ROOT = Path(__file__).resolve().parents[2]
BUNDLE = ROOT / "src/diffusion_edu/widgets/bundle.py"
TOWER = ROOT / "src/diffusion_edu/widgets/text_tower.py"
VOCABULARY = ROOT / "src/diffusion_edu/systems/files/emoji_words.json"
HERO = ROOT / "book/_assets/hero.js"
STATIC = ROOT / "src/diffusion_edu/widgets/static"
WEIGHTS = ROOT / "src/diffusion_edu/weights"
RUNTIME = ROOT / "node_modules/onnxruntime-web/dist"
# The runtime of models in a page: the script, and the program that it runs.
ENGINES = {
    "wasm": ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"),
    "webgpu": ("ort.webgpu.bundle.min.mjs", "ort-wasm-simd-threaded.asyncify.wasm"),
}
DROP = ("sphinx-thebe", "thebe")


def _by_path(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"book_widget_{path.stem}", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _bundle() -> ModuleType | None:
    return _by_path(BUNDLE) if BUNDLE.is_file() else None


def write_text_tower(folder: Path, name: str = "emoji-clip") -> None:
    """The text encoder of the search in chapter 9, loaded when a reader types."""
    tower = _by_path(TOWER)
    found = tower.tower_of_file(WEIGHTS / f"{name}.safetensors", VOCABULARY)
    (folder / f"{name}-text.js").write_text(tower.tower_script(name, found), encoding="utf-8")


def write_models(folder: Path) -> None:
    """What a page loads when a reader runs a model in it: the worker, the runtime, the models, and a list of sizes."""
    folder.mkdir()
    shutil.copy(STATIC / "model_worker.mjs", folder)
    listed: dict[str, dict] = {"models": {}}
    for engine, files in ENGINES.items():
        for file in files:
            shutil.copy(RUNTIME / file, folder)
        module, binary = files
        listed[engine] = {"module": module, "binary": binary, "bytes": (folder / binary).stat().st_size}
    for graph in sorted(WEIGHTS.glob("*.onnx")):
        parts = (graph, graph.with_suffix(".safetensors"))
        for part in parts:
            shutil.copy(part, folder)
        listed["models"][graph.stem] = sum(part.stat().st_size for part in parts)
    (folder / "runtime.json").write_text(json.dumps(listed), encoding="utf-8")


def write_scripts(app: Sphinx, config) -> None:
    """Write each script to a folder of its own beside _static, so that no page loads it unasked."""
    home = Path(tempfile.mkdtemp(prefix="book-scripts-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    folder = home / "page"
    folder.mkdir()
    shutil.copy(HERO, folder / HERO.name)
    elements = {'canvas class="de-hero': HERO.stem}
    bundle = _bundle()
    if bundle is not None:
        for tag, name in bundle.elements().items():
            (folder / f"{name}.js").write_text(bundle.classic_script(name), encoding="utf-8")
            elements[tag] = name
    write_models(folder / "live")
    write_text_tower(folder / "live")
    app.book_scripts = elements  # type: ignore[attr-defined]
    config.html_static_path.append(str(home))
    old = int(version("pydata-sphinx-theme").split(".")[1]) < 16
    config.html_context["bootstrap_css"] = old  # the theme of Python 3.10 has one more style sheet


def page(app: Sphinx, pagename: str, templatename: str, context: dict, doctree) -> None:
    """Add what the page uses; drop thebe, and scripts that the theme names twice."""
    body = context.get("body") or ""
    # Sphinx calls the bibliography a list, and its entries something that no list may hold
    body = context["body"] = body.replace('role="doc-biblioentry"', 'role="listitem"')
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
    context["css_files"] = [s for s in styles if "sphinx-thebe" not in str(getattr(s, "filename", s))]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the two steps."""
    app.connect("config-inited", write_scripts)
    app.connect("html-page-context", page, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
