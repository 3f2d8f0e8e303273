"""The benchmarks page: every table comes from a file that a benchmark wrote, and what was not measured says so."""

import importlib.util
import json
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "book/benchmarks.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def made():
    spec = importlib.util.spec_from_file_location("loaded_benchmark_tables", ROOT / "book/_ext/benchmark_tables.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def texts(tables):
    return [" ".join(cell for row in table.rows for cell in row) for table in tables]


def test_the_page_has_each_table_once_under_the_command_that_made_it(made):
    named = re.findall(r"```\{benchmark\} (\w+)", PAGE)
    assert sorted(named) == sorted(made.MAKERS)
    for script in re.findall(r"python (benchmarks/\w+\.py)", PAGE):
        assert (ROOT / script).is_file()


@pytest.mark.parametrize("name", ["training_step", "sampler_overhead", "frechet", "cost", "profile", "cpu"])
def test_each_stored_result_makes_whole_tables(made, name):
    tables = made.tables(name)
    for table in tables:
        assert table.rows and table.caption and all(table.head)
        assert {len(row) for row in table.rows} == {len(table.head)}
        assert all(isinstance(cell, str) and cell for row in table.rows for cell in row)
    assert not any(made.ABSENT in text for text in texts(tables))


def test_what_was_not_measured_says_so(made, tmp_path, monkeypatch):
    monkeypatch.setattr(made, "RESULTS", tmp_path)
    for name in made.MAKERS:
        assert all(cell for table in made.tables(name) for cell in table.head), "a column without a name"
        assert all(made.ABSENT in text for text in texts(made.tables(name)))


def test_the_table_says_what_the_file_says(made, tmp_path, monkeypatch):
    monkeypatch.setattr(made, "RESULTS", tmp_path)
    row = {"seconds": 0.1234, "pictures_per_second": 81.04, "times_faster_than_base": 2.5, "lowest": 2.0}
    row |= {"highest": 3.0, "peak_mib": 1234.5, "parameters": 35_746_307, "flops_per_picture": 37.3e9}
    one = {"size": "paper", "batch": 8, "rounds": 9, "base": "other fp32", "rows": {"mine": row}, "machine": {}}
    (tmp_path / "training_step.json").write_text(json.dumps({"paper": one}))
    (table,) = made.tables("training_step")
    assert table.rows == [
        ["mine", "123 ms", "81.0", "2.50 (2.00 to 3.00)", "1,234 MiB", "35.7 M", "37.3 G"],
    ]


def test_parts_of_the_gpu_script_come_alive_one_by_one(made, tmp_path, monkeypatch):
    monkeypatch.setattr(made, "RESULTS", tmp_path)
    peak = {"bf16_flops": 7.9e14, "fp32_flops": 5e13, "tf32_flops": 4e14, "copy_bytes": 3e12}
    judged = {"distance": 9.26, "interval_95": [9.0, 9.5], "kernel": {"value": 0.004}, "floor": {"distance": 3.1}}
    train = {"ours": {"seconds": 1500, "steps": 15000, **judged}, "lucidrains": {"seconds": 0, "failed": "no memory"}}
    (tmp_path / "gpu.json").write_text(
        json.dumps({"machine": {"device": "X"}, "parts": {"peak": peak, "train": train}})
    )
    first, step, worth, trained = made.tables("gpu")
    assert first.rows[0] == ["bf16 product", "790.0 TFLOP/s"] and "X" in first.caption
    assert made.ABSENT in texts([step])[0] and made.ABSENT in texts([worth])[0]
    assert trained.rows[0] == ["diffusion_edu", "25 min, 15,000 steps", "9.3 (9.0 to 9.5)", "0.0040", "3.1"]
    assert trained.rows[1][1] == made.ABSENT and trained.rows[2][1] == "no memory"
