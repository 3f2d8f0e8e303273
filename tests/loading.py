"""Files of the project that belong to no package (tools, benchmarks, the book's extensions), as modules."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent


def load_file(path: str) -> ModuleType:
    """The module in a file, such as "tools/serve.py"; a new one each time, under a name that no other file has."""
    name = "loaded_" + path.removesuffix(".py").replace("/", "_")
    spec = importlib.util.spec_from_file_location(name, ROOT / path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look for their module there
    spec.loader.exec_module(module)
    return module
