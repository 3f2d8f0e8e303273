"""The Makefile installs what its tests need, and the source distribution holds what they read.

A target whose tests open a browser depends on what installs one.
"""

import json
import os
import re
import shlex
import subprocess
import sys
import tarfile
from pathlib import Path
from types import SimpleNamespace

import dealing
import pytest

ROOT = Path(__file__).resolve().parents[2]
BROWSER, NODE, MODULES = ".venv/.set-up/browser", ".venv/.set-up/node", "node_modules/.set-up"
# What a fixture of a test needs, by the stamp of what installs it.
NEEDS = {"chromium": BROWSER, "node": NODE}
COLLECT = """
import json, os, pytest

def pytest_collection_finish(session):
    rows = [[item.nodeid, sorted(item.fixturenames)] for item in session.items]
    with open(os.environ["COLLECTED"], "w") as file:
        json.dump(rows, file)
"""


def run_make(*words):
    """What GNU make says; it runs nothing (-n)."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(["make", "-n", *words], cwd=ROOT, env=environment, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def prerequisites():
    """Target -> all that it needs, and what that needs."""
    direct = {}
    for line in run_make("-pq").splitlines():
        found = re.match(r"^([\w./-]+):(?!=)\s*(.*)$", line)
        if found:
            direct.setdefault(found[1], set()).update(found[2].replace("|", " ").split())

    def everything(target, seen=None):
        seen = set() if seen is None else seen
        for part in direct.get(target, ()):
            if part not in seen:
                seen.add(part)
                everything(part, seen)
        return seen

    assert {"unit", "site", "check", "lowest"} <= direct.keys()
    return {target: everything(target) for target in direct}


@pytest.fixture(scope="module")
def distribution(tmp_path_factory):
    """The source distribution of this tree, unpacked."""
    folder = tmp_path_factory.mktemp("sdist")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (file,) = folder.glob("*.tar.gz")
    with tarfile.open(file) as archive:
        archive.extractall(folder, filter="data") if hasattr(tarfile, "data_filter") else archive.extractall(folder)
    return folder / file.name.removesuffix(".tar.gz")


@pytest.fixture(scope="module")
def collected(distribution, tmp_path_factory):
    """(test, its fixtures) of all tests, as they are collected in the source distribution."""
    folder = tmp_path_factory.mktemp("collected")
    (folder / "noted.py").write_text(COLLECT)
    paths = os.pathsep.join([str(folder), str(distribution / "src")])
    environment = {**os.environ, "COLLECTED": str(folder / "rows.json"), "PYTHONPATH": paths}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "noted", "-p", "no:cacheprovider", "--collect-only", "tests"]
    done = subprocess.run(command, cwd=distribution, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((folder / "rows.json").read_text())


def runs():
    """Target -> (the paths, and the ignored ones, that its pytest is called with)."""
    found = {}
    for target in ("check", "unit", "site", "lowest"):
        (line,) = [line for line in run_make("-B", target).replace("\\\n", " ").splitlines() if "-m pytest" in line]
        words = shlex.split(line)
        paths = [word for word in words if word.startswith("tests")]
        ignored = [word.removeprefix("--ignore=") for word in words if word.startswith("--ignore=")]
        marks = next((words[i + 1] for i, word in enumerate(words) if word == "-m" and words[i + 1] != "pytest"), "")
        found[target] = (paths, ignored, marks)
    return found


def under(test, paths):
    return any(test == path or test.startswith((path + "/", path + "::")) for path in paths)


def test_the_source_distribution_can_be_tested(distribution, collected):
    assert len({test.split("::")[0] for test, _ in collected}) >= len(list((ROOT / "tests").rglob("test_*.py")))
    for name in ("Makefile", "nbval_sanitize.cfg", "_toc.yml", "package-lock.json", "tools/once.py", ".ci/run"):
        assert (distribution / name).is_file(), name
    settings = (".cff", ".cfg", ".json", ".md", ".mjs", ".toml", ".txt", ".yaml", ".yml")
    wanted = {path.name for path in ROOT.iterdir() if path.suffix in settings}
    assert wanted - {path.name for path in distribution.iterdir()} == set()
    chapters = {path.name for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert chapters == {path.name for path in (distribution / "notebooks").glob("*.ipynb")}


def test_a_target_that_opens_a_browser_or_runs_node_installs_it(prerequisites, collected):
    asked = {target: set() for target in runs()}
    for target, (paths, ignored, marks) in runs().items():
        for test, fixtures in collected:
            if under(test, paths) and not under(test, ignored):
                needs = {NEEDS[name] for name in fixtures if name in NEEDS}
                asked[target] |= needs - ({BROWSER} if "not browser" in marks else set())
        assert asked[target] <= prerequisites[target], target
    assert asked["unit"] == {BROWSER, NODE} and BROWSER in asked["site"], "the fixtures are no longer seen"
    assert MODULES in prerequisites["site"]


def test_every_test_is_run_by_unit_or_by_site(collected):
    parts = runs()
    for test, _ in collected:
        assert [under(test, parts[t][0]) and not under(test, parts[t][1]) for t in ("unit", "site")].count(True) == 1, (
            test
        )


def test_nobody_starts_a_browser_of_his_own(collected):
    """Else a test could open one that no fixture tells of."""
    starts = re.compile(r"sync_playwright\(|async_playwright\(|\.launch\(")
    # The fixture itself, this text, and a test of the finder beside a Playwright that opens nothing.
    allowed = {"chromium.py", Path(__file__).name, "test_setup_tools.py"}
    files = [path for path in (ROOT / "tests").rglob("*.py") if path.name not in allowed]
    assert [str(path) for path in files if starts.search(path.read_text(encoding="utf-8"))] == []
    marked = [test for test, fixtures in collected if "chromium" in fixtures]
    assert len(marked) > 50


def test_what_looks_at_one_page_runs_in_one_process(collected):
    """Else two browsers would look at it."""
    assert {dealing.scope_of(test).split("/")[0] for test, fixtures in collected if "visit" in fixtures} == {
        "book",
        "notebooks",
    }
    scopes = {dealing.scope_of(test) for test, _ in collected}
    assert {"notebooks/05_unet", "unet-explorer", "x-t-explorer", "tests/nn/test_unet.py"} <= scopes
    assert not [scope for scope in scopes if re.search(r"\b(light|dark)\b|\]", scope)], "these are parts of a page"


def test_the_check_in_between_and_the_ci_run_what_make_test_runs(prerequisites):
    direct = re.search(r"(?m)^test: (.*?)  ##", (ROOT / "Makefile").read_text(encoding="utf-8"))[1].split()
    ci = re.search(r"parts=\((set-up .*?)\)", (ROOT / ".ci/run").read_text(encoding="utf-8"))[1].split()
    assert set(direct) < set(ci) and set(ci) - set(direct) == {"set-up"}
    assert {"lint"} <= prerequisites["check"]


def test_nothing_is_set_up_outside_the_lock():
    """Every recipe of a stamp goes through tools/once.py; the check of Python alone comes before."""
    rules = re.findall(
        r"(?m)^(\S*(?:\.set-up\S*|\$\(SET_UP\)/\w+|\.built)):.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text()
    )
    assert len(rules) >= 8
    for stamp, recipe in rules:
        lines = recipe.replace("\\\n", " ").strip().splitlines()
        outside = [line.strip() for line in lines if not line.strip().startswith("@$(ONCE)")]
        assert outside in ([], ["@$(PYTHON) tools/check_python.py"]), stamp


def test_the_tests_are_dealt_out_by_these_scopes(pytestconfig, monkeypatch):
    shared = pytestconfig.pluginmanager.get_plugin(str(ROOT / "tests/conftest.py"))
    monkeypatch.setattr(dealing, "scheduler", lambda config, log: log)
    asked = {way: SimpleNamespace(getvalue={"dist": way}.get) for way in ("loadfile", "load")}
    assert shared.pytest_xdist_make_scheduler(asked["loadfile"], "ours") == "ours"
    assert shared.pytest_xdist_make_scheduler(asked["load"], "ours") is None
    for target in ("unit", "site", "check"):
        assert "-n 2 --dist loadfile" in run_make("-B", target), target


def test_a_test_that_ends_its_process_fails_once_and_the_others_go_on(tmp_path):
    """So ends one that hangs (faulthandler_exit_on_timeout)."""
    (tmp_path / "pytest.ini").touch()
    (tmp_path / "conftest.py").write_text(
        "import dealing\ndef pytest_xdist_make_scheduler(config, log):\n    return dealing.scheduler(config, log)\n"
    )
    for name, ends in (("a", "import os; os._exit(1)"), ("b", "pass")):
        code = f"def test_first(): pass\ndef test_ends(): {ends}\ndef test_last(): pass\n"
        (tmp_path / f"test_{name}.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and "1 failed, 5 passed" in done.stdout, done.stdout + done.stderr
    assert "crashed while running 'test_a.py::test_ends'" in done.stdout


def test_long_scopes_are_dealt_out_before_those_of_many_quick_tests():
    def test(nodeid, *fixtures, mark=""):
        return SimpleNamespace(nodeid=nodeid, fixturenames=fixtures, get_closest_marker=lambda name: name == mark)

    quick = [test(f"tests/test_a.py::test[{k}]") for k in range(9)]
    page = [test(f"tests/book/browser/test_b.py::test_{k}[book/x]", "visit", "opened") for k in range(9)]
    lab = [test("tests/book/browser/test_lab.py::test", "opened_lab", "chromium")]
    slow = [test("tests/test_c.py::test", mark="slow"), test("tests/test_c.py::test_other")]
    mixed = [item for row in zip(quick, page) for item in row] + lab + slow
    dealing.longest_first(mixed)
    assert mixed == [*slow, *lab, *page, *quick]
