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
    subprocess.run(build, check=True)
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
    assert "diffusion_edu/py.typed" in wheel, "the classifier says Typed: type checkers ask for this file"
    for ending in (".gz", ".safetensors", ".json", ".mjs"):
        assert any(name.startswith("diffusion_edu/") and name.endswith(ending) for name in wheel), ending
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in wheel)
    assert any(name.startswith("diffusion_edu/data/") and "LICENSE" in name for name in wheel)


def run(*arguments, **environment):
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True)


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


def test_the_lowest_versions_are_those_of_the_requirements(tmp_path):
    file = tmp_path / "constraints.txt"
    assert run("tools/lowest.py", str(file), "--keep", "torch").returncode == 0
    lines = file.read_text().splitlines()
    assert "tyro==0.9.14" in lines and "numpy==1.26" in lines
    assert next(line for line in lines if line.startswith("torch==")) in (ROOT / "constraints.txt").read_text()
    assert run("tools/lowest.py", str(file), "--keep").returncode == 0
    assert "torch==2.4" in file.read_text().splitlines()
    wrong = run("tools/lowest.py", str(file), "--keep", "nothing")
    assert wrong.returncode != 0 and "--keep must name a dependency" in wrong.stderr


def test_a_browser_that_was_found_is_written_down_and_one_that_went_is_forgotten(tmp_path):
    note = tmp_path / ".browser"
    code = (
        "import sys; sys.path.insert(0, 'tools'); import find_browser as f; from pathlib import Path;"
        f"f.NOTE = Path({str(note)!r}); f._works = lambda path: True;"
    )
    browser = tmp_path / "chromium"
    browser.write_text("")
    browser.chmod(0o755)
    plain = {"CHROMIUM": "", "PATH": str(tmp_path)}
    done = run("-c", code + "f.install(); print(f.find())", **plain)
    assert done.stdout.splitlines()[-1] == note.read_text() == str(browser), done.stderr
    assert run("-c", code + "print(f.find())", CHROMIUM="", PATH="").stdout.splitlines()[-1] == str(browser)
    browser.unlink()
    gone = run("-c", code + "f.APPLICATIONS = (); f._playwrights = lambda: None; print(f.find())", CHROMIUM="", PATH="")
    assert gone.stdout.splitlines()[-1] == "None"


def test_a_browser_is_found_while_playwright_runs(tmp_path):
    """Playwright's own is asked for in another process: it cannot run twice in one."""
    code = (
        "import sys; sys.path.insert(0, 'tools'); import find_browser as f; f.NOTE = None; f.APPLICATIONS = ();"
        "from playwright.sync_api import sync_playwright\n"
        "with sync_playwright(): print('found', f.find())"
    )
    done = run("-c", code, CHROMIUM="", PATH=str(tmp_path), PLAYWRIGHT_BROWSERS_PATH=str(tmp_path))
    assert done.stdout == "found None\n", done.stderr
