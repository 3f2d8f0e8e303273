"""Who may import whom, read from the source; and what a plain `import diffusion_edu` loads and offers."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import diffusion_edu as de

PACKAGE = Path(de.__file__).parent

# leaves <- diffusion, nn, data <- train, metrics <- systems <- pretrained <- features, runs, export, widgets <- cli
LEAVES = {
    "_errors",
    "_arguments",
    "cards",
    "cond",
    "config",
    "disk",
    "files",
    "palette",
    "processes",
    "randomness",
    "source",
}
MIDDLE = {*LEAVES, "diffusion", "nn", "data"}
ALLOWED = {
    **{leaf: {"_errors", "_arguments"} for leaf in LEAVES},
    "startup": set(),
    "files": {"_errors", "_arguments", "disk"},
    "cards": {"disk", "files"},
    "diffusion": LEAVES,
    "nn": LEAVES,
    "data": LEAVES,
    "train": MIDDLE,
    "metrics": MIDDLE,
    "systems": {*MIDDLE, "train", "metrics"},
    "pretrained": {*MIDDLE, "train", "metrics", "systems"},
    "features": {*MIDDLE, "metrics", "systems", "pretrained"},
    "runs": {*MIDDLE, "train", "metrics", "systems", "pretrained"},
    "widgets": {*MIDDLE, "train", "metrics", "systems", "pretrained"},
    "export": {*MIDDLE, "train", "metrics", "systems", "pretrained"},
    "viz": {*MIDDLE, "train", "metrics"},
    "cli": {*MIDDLE, "train", "metrics", "systems", "pretrained", "features", "runs", "export", "viz", "startup"},
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


def names_of(path):
    """What a file of the package imports, anywhere in it: pairs of a module's absolute name and a name from it."""
    here = ("diffusion_edu", *path.relative_to(PACKAGE).with_suffix("").parts)
    package = here[:-1]  # of `pkg/mod.py` as of `pkg/__init__.py`
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, None
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            module = [*base, *(node.module.split(".") if node.module else [])]
            for alias in node.names:
                if module == ["diffusion_edu"]:  # from . import data
                    yield f"diffusion_edu.{alias.name}", None
                else:
                    yield ".".join(module), alias.name


def imports_of(path):
    """Absolute names of the modules that a file of the package imports."""
    return [module for module, _ in names_of(path)]


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
        assert rest[0] == part or rest[0] in ALLOWED[part], f"{part} must not import {name}"


def privates_of(path):
    """What a file takes from another part of the package though an underscore says that it is that part's own."""
    for module, name in names_of(path):
        root, *rest = module.split(".")
        if root != "diffusion_edu" or not rest or rest[0] in (part_of(path), "_errors", "_arguments"):  # for all
            continue
        if any(word.startswith("_") and not word.startswith("__") for word in (*rest, name or "")):
            yield f"{module}.{name}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_nothing_takes_a_private_name_of_another_part(path):
    assert list(privates_of(path)) == []


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_heavy_libraries_stay_in_their_corner(path):
    for name in imports_of(path):
        root = name.split(".")[0]
        if root in ONLY_IN:
            assert part_of(path) == ONLY_IN[root], f"{root} belongs to {ONLY_IN[root] or 'the tests'}"


def test_the_reader_of_imports_reads():
    """The tests above are worth something: the reader sees plain, relative and nested imports, and private names."""
    found = set(imports_of(PACKAGE / "train/loop.py"))
    assert {"torch", "diffusion_edu.train.batches", "diffusion_edu.randomness", "diffusion_edu.disk"} <= found
    assert "diffusion_edu.cond" in set(imports_of(PACKAGE / "nn/blocks.py"))
    assert ("diffusion_edu.nn._base", "norm") in set(names_of(PACKAGE / "nn/blocks.py"))
    assert "matplotlib" in {name.split(".")[0] for name in imports_of(PACKAGE / "viz/drawing.py")}


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


@pytest.mark.parametrize("package", ["diffusion", "nn", "train", "data", "metrics", "systems", "runs", "export"])
def test_every_part_lists_what_it_offers(package):
    module = importlib.import_module(f"diffusion_edu.{package}")
    assert all(hasattr(module, name) for name in module.__all__)
    assert len(set(module.__all__)) == len(module.__all__)
