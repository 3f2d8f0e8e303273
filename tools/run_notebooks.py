"""Run chapters from top to bottom and store their outputs in place: the same bytes on every run.

    python tools/run_notebooks.py [notebooks/02_forward_noising.ipynb ...]      # default: every chapter

Left out of the file: times of execution, the state of widgets and the random ids of their views, the version of Python,
and what cells wrote to stderr (shown here instead). A cell that fails leaves the file as it was.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parent.parent
MOST_BYTES = 1_000_000
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
VIEW = "application/vnd.jupyter.widget-view+json"


def run(path: Path, timeout: int) -> tuple[NotebookNode, str]:
    """The executed notebook, cleaned, and what its cells wrote to stderr."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
        record_timing=False,
        store_widget_state=False,
    )
    client.execute()
    return notebook, clean(notebook)


def clean(notebook: NotebookNode) -> str:
    """Drop what differs from run to run or from machine to machine; returns the text of stderr."""
    told: list[str] = []
    # Words about the book (its description for search engines) stay; what editors add does not.
    kept = {name: notebook.metadata[name] for name in ("myst", "jupytext") if name in notebook.metadata}
    notebook.metadata = NotebookNode({"kernelspec": KERNEL, "language_info": {"name": "python"}, **kept})
    for cell in notebook.cells:
        for name in ("execution", "collapsed", "scrolled", "trusted"):
            cell.metadata.pop(name, None)
        if cell.cell_type != "code":
            continue
        outputs: list[NotebookNode] = []
        for output in cell.outputs:
            if output.output_type == "stream" and output.name == "stderr":
                told.append(output.text)
                continue
            if output.output_type == "stream" and outputs and outputs[-1].output_type == "stream":
                outputs[-1].text += output.text  # how a kernel cuts its text depends on time
                continue
            if "data" in output:
                output.data.pop(VIEW, None)
            outputs.append(output)
        cell.outputs = outputs
    return "".join(told)


def store(path: Path, notebook: NotebookNode) -> int:
    """Write the file whole or not at all; returns its size."""
    text = nbformat.writes(notebook, version=4).rstrip("\n") + "\n"
    beside = path.with_suffix(".ipynb.new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)
    return len(text.encode())


def main() -> int:
    """Run each notebook; the exit code is the number of those that failed or are too big."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", type=Path)
    parser.add_argument("--timeout", type=int, default=300, help="seconds that one cell may take")
    options = parser.parse_args()
    wrong = 0
    for path in [p.resolve() for p in options.notebooks] or sorted((ROOT / "notebooks").glob("*.ipynb")):
        began = time.monotonic()
        try:
            notebook, told = run(path, options.timeout)
        except CellExecutionError as error:
            print(f"{path.name}: {error}", file=sys.stderr)
            wrong += 1
            continue
        size = store(path, notebook)
        print(f"{path.name}: {time.monotonic() - began:.0f} s, {size / 1000:.0f} kB")
        if told:
            print(f"  its stderr, not stored:\n{told}", file=sys.stderr)
        if size > MOST_BYTES:
            print(f"  more than {MOST_BYTES} bytes: make its figures or widgets smaller", file=sys.stderr)
            wrong += 1
    return wrong


if __name__ == "__main__":
    sys.exit(main())
