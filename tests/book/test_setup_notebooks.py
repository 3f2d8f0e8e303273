"""What is stored in the notebooks: every cell has run, in order, pictures can be read aloud, files are small."""

import json
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PICTURES = ("image/png", "image/jpeg", "image/svg+xml")
IGNORED = {"nbval-ignore-output", "nbval-skip"}
HOST_OR_HOME = re.compile(r"(?:/home/|/root/|/Users/|/tmp/|C:\\\\)\w")


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def code(path):
    cells = [c for c in read(path)["cells"] if c["cell_type"] == "code"]
    return [c for c in cells if "".join(c["source"]).strip()]


def tags(cell):
    return set(cell["metadata"].get("tags", []))


def test_the_table_of_contents_names_every_notebook():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    files = [entry["file"] for part in toc["parts"] for entry in part["chapters"]]
    named = [file for file in files if file.startswith("notebooks/")]
    assert named == [f"notebooks/{path.stem}" for path in NOTEBOOKS]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
class TestNotebook:
    def test_every_cell_has_run_in_order(self, path):
        counts = [cell["execution_count"] for cell in code(path)]
        assert counts and counts == list(range(1, len(counts) + 1))

    def test_no_error_is_stored_unless_it_is_meant(self, path):
        for cell in code(path):
            errors = [o for o in cell["outputs"] if o["output_type"] == "error"]
            assert not errors or "raises-exception" in tags(cell)

    def test_at_most_three_cells_are_left_out_of_the_comparison(self, path):
        left_out = [c for c in code(path) if tags(c) & IGNORED or "NBVAL_" in "".join(c["source"])]
        assert len(left_out) <= 3

    def test_every_picture_has_alternative_text(self, path):
        for number, cell in enumerate(code(path), 1):
            pictures = [o for o in cell["outputs"] if set(o.get("data", {})) & set(PICTURES)]
            if pictures and not any("text/html" in o.get("data", {}) for o in pictures):
                alt = cell["metadata"].get("mystnb", {}).get("image", {}).get("alt", "")
                assert len(alt) >= 15, f"code cell {number} shows a picture without alternative text"
            for output in cell["outputs"]:
                for tag in re.findall(r"<img\b[^>]*>", "".join(output.get("data", {}).get("text/html", ""))):
                    assert re.search(r'\balt="[^"]{15,}"', tag), f"code cell {number}: {tag[:80]}"

    def test_it_is_small_and_has_no_widget_state(self, path):
        assert path.stat().st_size < 1_000_000
        assert "widgets" not in read(path)["metadata"]

    def test_it_runs_in_the_plain_python_kernel_and_has_a_description(self, path):
        metadata = read(path)["metadata"]
        assert metadata["kernelspec"]["name"] == "python3"
        assert len(metadata["myst"]["html_meta"]["description"]) > 40

    def test_its_outputs_name_no_folder_of_one_machine(self, path):
        for cell in code(path):
            text = json.dumps([o.get("text", "") for o in cell["outputs"]])
            text += json.dumps([o.get("data", {}).get("text/plain", "") for o in cell["outputs"]])
            assert not HOST_OR_HOME.search(text), HOST_OR_HOME.search(text)
