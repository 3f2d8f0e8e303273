"""Build the book, warnings as errors, and check that every page of the table of contents is there.

python tools/build_book.py [--root FOLDER]
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import js
import plain_notebook
import yaml
from lighten import lighten

ROOT = Path(__file__).resolve().parent.parent


def pages(root: Path) -> list[str]:
    """Every page that _toc.yml names, and those of the reference, the root first."""
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    found = [toc["root"]]

    def walk(node: object) -> None:
        if isinstance(node, dict):
            if "file" in node:
                found.append(node["file"])
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk({key: value for key, value in toc.items() if key != "root"})
    if "book/api" in found:  # the pages of the packages stand under the list of names: book/_ext/api_pages.py
        at = found.index("book/api") + 1
        found[at:at] = sorted(f"book/{path.stem}" for path in (root / "book").glob("api-*.md"))
    return found


def build(root: Path) -> Path:
    """Run Jupyter Book; returns the folder of the site, or ends with the reason.

    Each build starts from nothing: what stands under an equation depends on files that Sphinx does not watch.
    """
    node = js.find_node()
    if node is None:
        sys.exit("the book's formulas need Node.js: run `make book`, which finds or fetches it")
    shutil.rmtree(root / "_build", ignore_errors=True)
    # -n: a reference that leads nowhere is a warning; -W: a warning fails, after all have been shown
    run = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()"]
    command = [*run, "build", str(root), "-W", "-n", "--keep-going", "-q"]
    environment = {**os.environ, "NODE": node, "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    site = root / "_build/html"
    missing = [page for page in pages(root) if not (site / f"{page}.html").is_file()]
    if done.returncode or missing:
        gone = f" These pages are missing: {', '.join(missing)}." if missing else ""
        sys.exit(f"{done.stdout}\nThe book did not build (exit code {done.returncode}): see above.{gone}")
    return site


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=ROOT, help="folder that holds _config.yml")
    root = parser.parse_args().root.resolve()
    began = time.monotonic()
    site = build(root)
    lighten(site)
    plain_notebook.write(site / "plain", root)
    size = sum(p.stat().st_size for p in site.rglob("*") if p.is_file())
    print(f"{len(pages(root))} pages, {size / 1e6:.1f} MB, {time.monotonic() - began:.0f} s")
