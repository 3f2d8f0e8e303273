"""Measure what running a chapter costs, for the card at its top.

    python benchmarks/compute_card.py                       all chapters
    python benchmarks/compute_card.py 03_reparameterization

Each notebook runs in a kernel of its own, with an empty cache for downloads; the kernel says at the end how much CPU
time and memory it took. On a machine that is busy with other things the wall time is left out. Where PyTorch finds a
GPU, the run is filed under "gpu" and the CPU's numbers stay as they are. Nothing in a notebook is changed.
Results: benchmarks/compute/NAME.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
RESULTS = ROOT / "benchmarks/compute"

# runs in the kernel, after the notebook's last cell
REPORT = """
import json as _json, platform as _platform, resource as _resource, sys as _sys
_own, _others = (_resource.getrusage(w) for w in (_resource.RUSAGE_SELF, _resource.RUSAGE_CHILDREN))
_torch, _numpy = _sys.modules.get("torch"), _sys.modules.get("numpy")
_gpu = _torch.cuda.get_device_name() if _torch and _torch.cuda.is_available() else None
print(_json.dumps({
    "cpu_seconds": _own.ru_utime + _own.ru_stime + _others.ru_utime + _others.ru_stime,
    "peak_memory_bytes": _own.ru_maxrss * (1 if _sys.platform == "darwin" else 1024),
    "gpu": _gpu,
    "gpu_peak_memory_bytes": _torch.cuda.max_memory_allocated() if _gpu else None,
    "versions": {
        "Python": _platform.python_version(),
        **({"PyTorch": _torch.__version__.split("+")[0]} if _torch else {}),
        **({"NumPy": _numpy.__version__} if _numpy else {}),
    },
}))
"""


def processor() -> str:
    """The processor's name, as the system tells it."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def busy() -> bool:
    """True when other programs take so much of the machine that a wall time would say little about the chapter."""
    import psutil

    # The share of all cores, just now: a load average would count our own last chapter.
    return psutil.cpu_percent(interval=2) > 25


def run(path: Path) -> dict[str, Any]:
    """Run a copy of the notebook in memory; returns the kernel's report with wall time and bytes downloaded."""
    # Here: other benchmarks ask this file for the processor's name, where these may be missing.
    import nbformat
    from nbclient import NotebookClient

    crowded = busy()
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(REPORT))
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "XDG_CACHE_HOME": cache, "LOCALAPPDATA": cache}
        client = NotebookClient(notebook, timeout=1800, resources={"metadata": {"path": str(path.parent)}})
        began = time.monotonic()
        client.execute(env=environment)
        wall = time.monotonic() - began
        kept = [p for folder in Path(cache).glob("diffusion*edu*") for p in folder.rglob("*") if p.is_file()]
        downloaded = sum(p.stat().st_size for p in kept)
    text = "".join(output.get("text", "") for output in notebook.cells[-1].outputs if output.output_type == "stream")
    return {
        "wall_seconds": None if crowded else wall,
        "download_bytes": downloaded,
        **json.loads(text.strip().splitlines()[-1]),
    }


def file(name: str, measured: dict[str, Any]) -> Path:
    """Write the result, beside what was measured on another kind of device."""
    path = RESULTS / f"{name}.json"
    result = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    gpu, gpu_memory = measured.pop("gpu"), measured.pop("gpu_peak_memory_bytes")
    measured = {key: round(value, 1) if isinstance(value, float) else value for key, value in measured.items()}
    if gpu:
        result["gpu"] = {"name": gpu, "wall_seconds": measured["wall_seconds"], "peak_memory_bytes": gpu_memory}
    else:
        result |= measured | {"machine": {"processor": processor(), "cores": cores()}}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return path


def main() -> None:
    """Measure the chapters that the command line names, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = sorted(p.stem for p in NOTEBOOKS.glob("*.ipynb"))
    parser.add_argument("chapters", nargs="*", metavar="CHAPTER", help=f"one of: {', '.join(known)}")
    chapters = parser.parse_args().chapters or known
    unknown = [name for name in chapters if name not in known]
    if unknown:
        sys.exit(f"no chapter is called {unknown[0]}; there are: {', '.join(known)}")
    for name in chapters:
        measured = run(NOTEBOOKS / f"{name}.ipynb")
        seconds, memory = measured["cpu_seconds"], measured["peak_memory_bytes"] / 1e6
        print(
            f"{name}: {seconds:.0f} CPU seconds, {memory:.0f} MB -> {file(name, measured).relative_to(ROOT)}",
            flush=True,
        )


if __name__ == "__main__":
    main()
