"""Write constraints.txt: one version of everything for Python 3.10 and newer, with markers where Pythons differ.

Versions that are pinned already stay while they fit. Left out are PyTorch's CUDA libraries, which the build of PyTorch
that is installed asks for by itself.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "constraints.txt"
GPU = re.compile(r"^(nvidia|cuda|triton|pytorch-triton)[\w-]*==")
HEAD = """\
# The versions that the project is tested with, for every Python from 3.10 on. Written by `make constraints`.
"""


def main() -> None:
    """Resolve pyproject.toml with uv, keep the old pins where they fit, and write the file."""
    groups = [word for name in ("setup", "book", "node", "test") for word in ("--group", name)]
    command = [sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", "--all-extras", *groups, "--universal"]
    command += [
        "--python-version",
        "3.10",
        "--no-header",
        "--no-annotate",
        "--no-emit-index-url",
        "--no-emit-find-links",
    ]
    command += ["--index-strategy", "unsafe-best-match", "--quiet", "--output-file", str(FILE), *sys.argv[1:]]
    subprocess.run(command, cwd=ROOT, check=True)
    lines = FILE.read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if "==" in line and not line.startswith("#") and not GPU.match(line)]
    pins = [re.sub(r"(==[\w.]+)\+\w+", r"\1", line) for line in pins]  # torch==2.13.0, not one build of it
    FILE.write_text(HEAD + "\n".join(sorted(pins, key=str.lower)) + "\n", encoding="utf-8")
    print(f"{len(pins)} pins in {FILE.name}")


if __name__ == "__main__":
    main()
