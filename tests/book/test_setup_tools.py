"""The wheel holds all that the package needs, and the programs that look for other programs say what is wrong."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The names in the wheel that this tree makes."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(folder),
        str(ROOT),
    ]
    subprocess.run(build, check=True, timeout=300)
    (file,) = folder.glob("*.whl")
    with zipfile.ZipFile(file) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_every_file_of_the_package(wheel):
    source = ROOT / "src"
    made = {"__pycache__", ".ipynb_checkpoints"}
    files = [p.relative_to(source) for p in (source / "diffusion_edu").rglob("*") if p.is_file()]
    wanted = {p.as_posix() for p in files if not made & set(p.parts)}
    assert wanted - wheel == set()
    assert {name for name in wheel if ".dist-info/" not in name} - wanted == set()


def test_the_wheel_has_weights_pictures_modules_and_licences(wheel):
    for ending in (".gz", ".safetensors", ".json", ".mjs"):
        assert any(name.startswith("diffusion_edu/") and name.endswith(ending) for name in wheel), ending
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in wheel)
    assert any(name.startswith("diffusion_edu/data/") and "LICENSE" in name for name in wheel)


def run(*arguments, **environment):
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, timeout=120
    )


def test_a_browser_that_is_named_and_does_not_start_is_an_error():
    done = run("tools/find_browser.py", CHROMIUM="/no/such/browser")
    assert done.returncode == 1
    assert "CHROMIUM names /no/such/browser, which does not start" in done.stderr


def test_a_node_that_is_named_and_does_not_run_is_passed_over():
    done = run("tools/js.py", "where", NODE="/no/such/node")
    assert done.returncode == 0
    found = Path(done.stdout.strip())
    assert found.name.startswith("node") and found.is_file()


def test_serving_an_empty_folder_says_what_to_do(tmp_path):
    done = run("tools/serve.py", str(tmp_path))
    assert done.returncode == 1
    assert "holds no built book: run `make book` first" in done.stderr


def test_an_unknown_chapter_is_named_with_those_that_there_are():
    done = run("benchmarks/compute_card.py", "99_nothing")
    assert done.returncode == 1
    assert "no chapter is called 99_nothing; there are: 01_" in done.stderr
