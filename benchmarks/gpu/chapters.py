"""The part `notebooks`: every chapter is run on this machine, kept, and compared with what is stored."""

from __future__ import annotations

import argparse
import importlib.util
import json
import time
from typing import Any

from . import pack
from .options import words_of
from .processes import Child
from .results import Budget, Results
from .wheels import ROOT

NEEDED = ("nbformat", "nbclient", "ipykernel")


def run(arguments: argparse.Namespace, results: Results, seconds: float) -> None:
    """Several at once, each in a process with a kernel of its own; the slowest, by what is known of them, first."""
    part = results.part("notebooks")
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise ImportError(f"the chapters need {', '.join(missing)}")
    rows = part.setdefault("rows", {})
    names = arguments.chapters or sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
    waiting = [name for name in sorted(names, key=cost, reverse=True) if "failed" in rows.get(name, {"failed": ""})]
    budget, running = Budget(seconds, 6.0), {}
    (arguments.work / "notebooks").mkdir(parents=True, exist_ok=True)
    with open(arguments.work / "notebooks.log", "ab") as log:
        while (waiting or running) and budget.left() > 0:
            while waiting and len(running) < arguments.at_once:
                name = waiting.pop(0)
                words = [*words_of(arguments), "--job", "notebook", name]
                running[name] = Child(words, budget.left(), log, threads=2)
            for name in [name for name, child in running.items() if not child.running]:
                file(arguments, part, name, running.pop(name).process.returncode)
                results.save()
            time.sleep(0.2)
    for name in running:
        file(arguments, part, name, None)
    for name in waiting:
        rows[name] = {"failed": "no time was left for it"}
    part["done"] = not any("failed" in rows[name] for name in names)
    results.save()  # before the rest is stopped, which may take longer than this process has
    for child in running.values():
        child.stop()


def cost(name: str) -> float:
    """Seconds that a chapter is known to take."""
    path = ROOT / f"benchmarks/compute/{name}.json"
    return json.loads(path.read_text()).get("cpu_seconds", 0.0) if path.is_file() else 0.0


def file(arguments: argparse.Namespace, part: dict[str, Any], name: str, code: int | None) -> None:
    """Keep what one chapter came to, and pack all that are there."""
    told = arguments.work / f"notebooks/{name}.json"
    row = json.loads(told.read_text()) if told.is_file() else {}
    if code != 0 and "failed" not in row:
        row["failed"] = "its time was over" if code is None else f"it ended with code {code}: see log.txt"
    part["rows"][name] = row
    done = sorted((arguments.work / "notebooks").glob("*.ipynb"))
    part["left_out"] = pack.pack(arguments.out, "notebooks", {f"notebooks/{path.name}": path for path in done})


def job(arguments: argparse.Namespace, name: str) -> int:
    """One chapter, in a process of its own."""
    import nbformat
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    runner = load_runner()
    source, folder = ROOT / f"notebooks/{name}.ipynb", arguments.work / "notebooks"
    started = time.monotonic()
    row: dict[str, Any] = {}
    try:
        notebook, _ = runner.run(source, max(1, int(arguments.seconds)))
        size = runner.store(folder / source.name, notebook)
        stored = nbformat.read(source, as_version=4)
        row = {"changed_cells": changed(stored.cells, notebook.cells), "bytes": size}
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        row = {"failed": str(error).strip().splitlines()[-1][:300]}
    row["seconds"] = round(time.monotonic() - started, 1)
    (folder / f"{name}.json").write_text(json.dumps(row))
    return 1 if "failed" in row else 0


def load_runner() -> Any:
    """tools/run_notebooks.py, which knows how the outputs of a chapter are kept."""
    spec = importlib.util.spec_from_file_location("run_notebooks", ROOT / "tools/run_notebooks.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def changed(stored: list[Any], now: list[Any]) -> list[int]:
    """Numbers of the cells whose text is another one; what is drawn is left to the eye."""
    return [index for index, (a, b) in enumerate(zip(stored, now)) if texts(a) != texts(b)]


def texts(cell: Any) -> list[str]:
    """What a cell prints and shows, as text."""
    outputs = [output for output in cell.get("outputs", []) if output.get("name") != "stderr"]
    return ["".join(o.get("text", "")) or "".join(o.get("data", {}).get("text/plain", "")) for o in outputs]
