"""The set-up files agree with each other: conda with pip, pins with requirements, no address in any of them."""

import ast
import json
import re
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base"}
PYTHONS = ("3.10", "3.11", "3.12", "3.13")


def requirements(*parts):
    """Requirements of the package ("package"), of an extra or of a dependency group, by name."""
    tables = {
        "package": PROJECT["project"]["dependencies"],
        **PROJECT["project"]["optional-dependencies"],
        **PROJECT["dependency-groups"],
    }
    found = [Requirement(line) for part in parts for line in tables[part]]
    return {canonicalize_name(one.name): one for one in found}


def pins():
    """Every pin of constraints.txt: name -> requirements (one for each range of Pythons)."""
    found = {}
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            pin = Requirement(line)
            found.setdefault(canonicalize_name(pin.name), []).append(pin)
    return found


def test_conda_environment_is_what_the_package_asks_for():
    lines = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    conda = {}
    for line in lines:
        if isinstance(line, str):
            name, _, rest = re.match(r"([\w.-]+)((>=|<|=|$).*)", line).group(1, 3, 2)
            conda[name] = rest
    wanted = {CONDA_NAMES.get(n, n): str(r.specifier) for n, r in requirements("package", "notebooks").items()}
    python = conda.pop("python")
    assert python.split(",")[0] == PROJECT["project"]["requires-python"]
    conda.pop("pip")
    assert conda == wanted
    assert {"pip": ["-e ."]} in lines


@pytest.mark.parametrize("python", PYTHONS)
def test_every_requirement_is_pinned_on_every_python(python):
    environment = {
        "python_version": python, "python_full_version": python + ".9", "sys_platform": "linux", "os_name": "posix",
        "platform_machine": "x86_64", "implementation_name": "cpython", "platform_python_implementation": "CPython",
    }  # fmt: skip
    known = pins()
    for name, wanted in requirements("package", "notebooks", "setup", "book", "node", "test").items():
        here = [p for p in known.get(name, []) if p.marker is None or p.marker.evaluate(environment)]
        assert len(here) == 1, f"{name} has {len(here)} pins for Python {python}"
        (pin,) = here
        (exact,) = pin.specifier
        assert exact.operator == "==" and wanted.specifier.contains(exact.version, prereleases=True), str(pin)


def test_pins_leave_the_gpu_libraries_to_pytorch():
    assert not [name for name in pins() if name.startswith(("nvidia", "cuda", "triton"))]


def test_requirements_of_the_package_are_ranges():
    for one in requirements("package", "notebooks").values():
        assert {s.operator for s in one.specifier} == {">="}, f"{one} would change what a hosted notebook has"


def test_no_set_up_file_names_a_host():
    for name in (
        "constraints.txt",
        "package.json",
        ".npmrc",
        "environment.yml",
        "Makefile",
        "pyproject.toml",
        ".ci/run",
        ".github/workflows/ci.yml",
        ".pre-commit-config.yaml",
    ):
        assert not re.search(r"https?://|file://", (ROOT / name).read_text(encoding="utf-8")), name
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))
    parts = {path: part for path, part in lock["packages"].items() if path}
    assert parts
    for path, part in parts.items():
        assert "resolved" not in part and part["integrity"].startswith("sha512-"), path


def test_the_workflow_runs_the_commands_of_the_readme_on_two_pythons():
    job = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))["jobs"]["test"]
    first = re.search(r"```bash\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)[1]
    promised = re.findall(r"(?m)^(make \w+)", first)
    assert promised and [step["run"] for step in job["steps"] if "run" in step] == promised
    pythons = job["strategy"]["matrix"]["python"]
    assert len(set(pythons)) >= 2 and set(pythons) <= set(PYTHONS)
    assert PROJECT["project"]["requires-python"] == ">=" + min(pythons, key=PYTHONS.index)


def test_package_and_citation_have_one_version():
    cff = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    version = PROJECT["project"]["version"]
    assert str(cff["version"]) == version
    assert f"\n## {version}\n" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"diffusion_edu-{version}-" in (ROOT / "book/how-to-run.md").read_text(encoding="utf-8")


def test_old_pythons_can_read_the_check_that_turns_them_away():
    text = (ROOT / "tools/check_python.py").read_text(encoding="utf-8")
    tree = ast.parse(text, feature_version=(3, 4))
    modern = (ast.JoinedStr, ast.NamedExpr, ast.AnnAssign)
    assert not [node for node in ast.walk(tree) if isinstance(node, modern)]
