"""Who may import whom, read from the source; and what a plain `import diffusion_edu` loads and offers."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import diffusion_edu as de

PACKAGE = Path(de.__file__).parent

# cond <- diffusion, nn <- train, metrics, data <- systems <- pretrained, widgets, export, cli
BASE = {"_errors", "_fields", "cond"}
CORE = {*BASE, "diffusion", "nn"}
ALLOWED = {
    "_errors": set(),
    "_fields": set(),
    "source": set(),
    "cond": {"_errors"},
    "diffusion": BASE,
    "nn": BASE,
    "data": {"_errors"},
    "train": {*CORE, "data.pixels"},
    "metrics": {*CORE, "data", "train.checkpoint"},
    "systems": {*CORE, "data", "train", "metrics"},
    "pretrained": {*CORE, "data", "train", "metrics", "systems"},
    "evaluate": {*CORE, "data", "train", "metrics", "systems", "pretrained"},
    "widgets": {*CORE, "data", "train", "metrics", "systems", "pretrained"},
    "export": {*CORE, "data", "train", "metrics", "systems", "pretrained"},
    "viz": {*CORE, "data", "train", "metrics"},
    "cli": {*CORE, "data", "train", "metrics", "systems", "pretrained", "evaluate", "export", "viz", "source"},
}
# Heavy libraries, and the only part that may import each.
ONLY_IN = {
    "matplotlib": "viz",
    "anywidget": "widgets",
    "traitlets": "widgets",
    "ipywidgets": "widgets",
    "onnx": "export",
    "onnxruntime": "export",
    "transformers": "systems",
    "tyro": "cli",
    "diffusers": None,
    "torchvision": None,
}


def imports_of(path):
    """Absolute names of the modules that a file of the package imports, anywhere in it."""
    here = ("diffusion_edu", *path.relative_to(PACKAGE).with_suffix("").parts)
    package = here[:-1]  # of `pkg/mod.py` as of `pkg/__init__.py`
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            module = [*base, *(node.module.split(".") if node.module else [])]
            if module == ["diffusion_edu"]:  # from . import data
                yield from (f"diffusion_edu.{alias.name}" for alias in node.names)
            else:
                yield ".".join(module)


def part_of(path):
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


FILES = sorted(p for p in PACKAGE.rglob("*.py") if p != PACKAGE / "__init__.py")


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_one_way(path):
    part = part_of(path)
    assert part in ALLOWED, f"{part} has no place in the order of the package yet: give it one here"
    for name in imports_of(path):
        root, *rest = name.split(".")
        if root != "diffusion_edu":
            continue
        if not rest or rest == ["__version__"]:
            assert part == "cli", f"{path.name} imports the package as a whole"
            continue
        fine = rest[0] == part or rest[0] in ALLOWED[part] or ".".join(rest[:2]) in ALLOWED[part]
        assert fine, f"{part} must not import {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_heavy_libraries_stay_in_their_corner(path):
    for name in imports_of(path):
        root = name.split(".")[0]
        if root in ONLY_IN:
            assert part_of(path) == ONLY_IN[root], f"{root} belongs to {ONLY_IN[root] or 'the tests'}"


def test_the_reader_of_imports_reads():
    """The two tests above are worth something: the reader sees plain, relative and nested imports."""
    found = set(imports_of(PACKAGE / "train/loop.py"))
    assert {"torch", "diffusion_edu.train.batches", "diffusion_edu.diffusion.schedules", "diffusion_edu.train"} <= found
    assert "diffusion_edu.cond" in set(imports_of(PACKAGE / "nn/blocks.py"))
    assert "matplotlib" in {name.split(".")[0] for name in imports_of(PACKAGE / "viz.py")}


def test_a_plain_import_loads_nothing_heavy():
    heavy = ["matplotlib", "transformers", "onnx", "onnxruntime", "anywidget", "ipywidgets", "diffusers", "IPython"]
    heavy += ["torchvision", "scipy", "pandas", "tyro", "diffusion_edu.viz", "diffusion_edu.widgets"]
    code = f"import sys, diffusion_edu; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_all_is_complete_sorted_and_true():
    """Every name that the package's front imports is listed, in the order of a reader: EMA, Cond, sample."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    own = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.level]
    offered = {alias.asname or alias.name for node in own for alias in node.names}
    assert set(de.__all__) == offered
    assert len(set(de.__all__)) == len(de.__all__)
    kind = {name: 0 if name.isupper() else 1 if name[0].isupper() else 2 for name in de.__all__}
    assert de.__all__ == sorted(de.__all__, key=lambda name: (kind[name], name))


@pytest.mark.parametrize("name", de.__all__)
def test_every_public_name_is_there_and_described(name):
    doc = getattr(de, name).__doc__
    assert doc
    assert len(doc.split()) > 3


@pytest.mark.parametrize("package", ["diffusion", "nn", "train", "data", "metrics", "systems", "export"])
def test_every_part_lists_what_it_offers(package):
    module = importlib.import_module(f"diffusion_edu.{package}")
    assert all(hasattr(module, name) for name in module.__all__)
    assert len(set(module.__all__)) == len(module.__all__)
