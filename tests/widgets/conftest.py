"""Node runs the widgets' mathematics, so that it is compared with the package's own numbers."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
import torch
from loading import load_file

from diffusion_edu import NoiseSchedule
from diffusion_edu.diffusion import DatasetOracle
from diffusion_edu.widgets.kit import bundle


def find_node() -> str:
    """The machine's Node.js, or the one that `make unit` takes from PyPI."""
    found = load_file("tools/js.py").find_node()
    assert found, "these tests need Node.js: install it, or `make unit`, which takes it from PyPI"
    return found


@pytest.fixture(scope="session")
def node() -> str:
    """The path of Node."""
    return find_node()


@pytest.fixture(scope="session")
def js(node):
    """js(code, data): the value of `result` after `code`, with `data`, `maths` and `kit`; `load` gets other modules."""
    maths = ("schedules", "process", "steps", "noise", "denoiser", "guidance")
    imports = (
        f"const load = async (...names) => Object.assign({{}}, ...await Promise.all(names.map((name) =>"
        f" import({json.dumps(bundle.WIDGETS.as_uri())} + `/${{name}}.mjs`))));"
        f"const maths = await load({', '.join(json.dumps(f'maths/{name}') for name in maths)});"
        "const kit = await load('kit/numbers', 'kit/unpack');"
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
