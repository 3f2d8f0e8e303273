"""A benchmark without one of the libraries beside ours: it says what installs it, and measures the others."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# A module that is None in this table counts as not installed.
RUN = """
import runpy, sys
sys.modules.update(dict.fromkeys(sys.argv[1].split(",")))
sys.argv = sys.argv[2:]
sys.path.insert(0, "benchmarks")
runpy.run_path(sys.argv[0], run_name="__main__")
"""
OURS = ["diffusion_edu DDIM", "diffusion_edu DDPM", "diffusion_edu DPM-Solver++(2M)"]
BOTH = "diffusers,denoising_diffusion_pytorch"


def run(script, without, *arguments):
    command = [sys.executable, "-c", RUN, without, f"benchmarks/{script}.py", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize(
    ("without", "left"),
    [(BOTH, OURS), ("denoising_diffusion_pytorch", [*OURS, "diffusers DDIM", "diffusers DDPM"])],
)
def test_samplers(tmp_path, without, left):
    done = run("sampler_overhead", without, "--rounds", "2", "--steps", "3", "--out", str(tmp_path / "out.json"))
    assert done.returncode == 0, done.stderr
    assert list(json.loads((tmp_path / "out.json").read_text())["rows"]) == left
    told = [line for line in done.stderr.splitlines() if line.startswith("left out: ")]
    assert len(told) == len(without.split(",")) and "pip install --no-deps denoising-diffusion-pytorch==" in told[-1]


def test_a_training_step(tmp_path):
    sizes = ["--size", "tiny", "--batch", "2", "--rounds", "1", "--out", str(tmp_path / "out.json")]
    done = run("training_step", BOTH, *sizes)
    assert done.returncode == 0, done.stderr
    (found,) = json.loads((tmp_path / "out.json").read_text()).values()
    assert found["rows"] and all(name.startswith("diffusion_edu") for name in found["rows"])
    assert "left out: diffusers is not installed. To measure it too: pip install diffusers" in done.stderr


def test_the_frechet_distance(tmp_path):
    sizes = ["--width", "8", "--counts", "50", "--repeats", "0", "--out", str(tmp_path / "out.json")]
    done = run("frechet", "scipy,scipy.linalg", *sizes)
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "out.json").read_text())
    assert set(result["sets"][0]["rows"]) == {"diffusion_edu", "torchmetrics", "torch-fidelity"}
    assert "left out: scipy is not installed. To measure it too: pip install scipy" in done.stderr
