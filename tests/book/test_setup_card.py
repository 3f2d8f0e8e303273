"""The compute card: measured by running the notebook; what was not measured is not shown."""

import json
from pathlib import Path

import nbformat
import pytest
from loading import load_file

ROOT = Path(__file__).resolve().parents[2]


measure = load_file("benchmarks/compute_card.py")
card = load_file("book/_ext/compute_card.py")

BUSY = """
import os, time
from pathlib import Path
kept = b"x" * 80_000_000
began = time.process_time()
while time.process_time() - began < 0.5:
    pass
folder = Path(os.environ["XDG_CACHE_HOME"]) / "diffusion_edu"
folder.mkdir()
_ = (folder / "data.gz").write_bytes(b"y" * 12_345)
"""


def test_a_busy_machine_gives_no_wall_time(tmp_path, monkeypatch):
    path = tmp_path / "01_short.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 + 1")]), path)
    monkeypatch.setattr(measure, "busy", lambda: True)
    result = measure.run(path)
    assert result["wall_seconds"] is None and result["cpu_seconds"] > 0
    names = [name for name, _ in card.facts(result)]
    assert "peak memory" in names and "time on a CPU" not in names


def test_the_kernels_time_memory_and_downloads_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(measure, "busy", lambda: False)
    path = tmp_path / "01_busy.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(BUSY)]), path)
    before = path.read_bytes()
    result = measure.run(path)
    assert 0.5 <= result["cpu_seconds"] < 60
    assert result["wall_seconds"] >= 0.5
    assert 80e6 < result["peak_memory_bytes"] < 2e9
    assert result["download_bytes"] == 12_345
    assert path.read_bytes() == before


def test_a_gpu_run_leaves_the_cpus_numbers(tmp_path, monkeypatch):
    monkeypatch.setattr(measure, "RESULTS", tmp_path)
    base = {"cpu_seconds": 1.23, "peak_memory_bytes": 5, "download_bytes": 0, "versions": {}}
    measure.file("x", {**base, "wall_seconds": 2.0, "gpu": None, "gpu_peak_memory_bytes": None})
    measure.file("x", {**base, "wall_seconds": 0.5, "gpu": "Some GPU", "gpu_peak_memory_bytes": 7})
    result = json.loads((tmp_path / "x.json").read_text())
    assert result["wall_seconds"] == 2.0 and result["cpu_seconds"] == 1.2
    assert result["gpu"] == {"name": "Some GPU", "wall_seconds": 0.5, "peak_memory_bytes": 7}
    assert ("time on a CPU", "2.0 s") in card.facts(result)
    assert ("time on a GPU (Some GPU)", "0.5 s") in card.facts(result)


def test_what_was_not_measured_is_not_shown():
    assert card.facts({}) == []
    assert card.facts({"download_bytes": 0, "gpu": {}}) == [("download", "none")]


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda p: p.stem)
def test_every_chapter_was_measured_on_a_cpu(path):
    result = json.loads((measure.RESULTS / f"{path.stem}.json").read_text(encoding="utf-8"))
    assert result["wall_seconds"] is None or result["wall_seconds"] > 0
    assert result["cpu_seconds"] > 0 and result["peak_memory_bytes"] > 0
    assert result["download_bytes"] >= 0 and result["machine"]["cores"] >= 1 and result["versions"]["PyTorch"]
