"""The benchmarks page: every table comes from a file that a benchmark wrote, and what was not measured is not shown."""

import json
import re
import sys
from pathlib import Path

import pytest
from docutils import nodes
from docutils.utils import new_document
from loading import load_file

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "book/benchmarks.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def made():
    sys.path.insert(0, str(ROOT / "book/_ext"))
    yield load_file("book/_ext/benchmark_tables.py")
    sys.path.remove(str(ROOT / "book/_ext"))


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


def test_what_was_not_measured_is_not_shown(made, tmp_path, monkeypatch):
    monkeypatch.setattr(made, "RESULTS", tmp_path)
    assert {name: made.tables(name) for name in made.MAKERS} == {name: [] for name in made.MAKERS}
    for name in ("gpu", "cpu"):
        (tmp_path / f"{name}.json").write_text('{"parts": {}}')
        assert made.tables(name) == []


def test_a_section_without_a_table_goes_and_others_stay(made):
    document = new_document("page")
    for name, table in (("first", True), ("second", False), ("third", None)):
        section = nodes.section(ids=[name])
        section += nodes.title("", name)
        section += [nodes.table()] if table else [made.nothing()] if table is False else [nodes.table(), made.nothing()]
        document += section
    made.drop_empty(None, document)
    assert [section["ids"] for section in document.findall(nodes.section)] == [["first"], ["third"]]
    assert list(document.findall(made.nothing)) == []


def test_the_table_says_what_the_file_says(made, tmp_path, monkeypatch):
    monkeypatch.setattr(made, "RESULTS", tmp_path)
    row = {"seconds": 0.1234, "pictures_per_second": 81.04, "times_faster_than_base": 2.5, "lowest": 2.0}
    row |= {"highest": 3.0, "peak_mib": 1234.5, "parameters": 35_746_307, "flops_per_picture": 37.3e9}
    one = {"size": "paper", "batch": 8, "rounds": 9, "base": "other fp32", "rows": {"mine": row}, "machine": {}}
    (tmp_path / "training_step.json").write_text(json.dumps({"paper": one}))
    (table,) = made.tables("training_step")
    assert table.rows == [
        ["mine", "123", "81.0", "2.50 (2.00 to 3.00)", "1,234", "35.7", "37.3"],
    ]
    units = ("", "ms", "images/s", "", "MiB", "millions", "GFLOPs")
    assert all(unit in title for unit, title in zip(units, table.head, strict=True))


@pytest.mark.parametrize("name", ["training_step", "sampler_overhead", "frechet", "cost", "cpu"])
def test_a_unit_stands_in_the_head_and_not_in_each_cell(made, name):
    for table in made.tables(name):
        for column in list(zip(*table.rows))[1:]:
            assert not all(re.search(r"\d [a-zµ]*s$|\d (MiB|G|M)$", cell) for cell in column), (table.caption, column)


def test_parts_of_the_gpu_script_come_alive_one_by_one(made, tmp_path, monkeypatch):
    monkeypatch.setattr(made, "RESULTS", tmp_path)
    peak = {"bf16_flops": 7.9e14, "fp32_flops": 5e13, "tf32_flops": 4e14, "copy_bytes": 3e12}
    judged = {"distance": 9.26, "interval_95": [9.0, 9.5], "kernel": {"value": 0.004}, "floor": {"distance": 3.1}}
    train = {"ours": {"seconds": 1500, "steps": 15000, **judged}, "lucidrains": {"seconds": 0, "failed": "no memory"}}
    (tmp_path / "gpu.json").write_text(
        json.dumps({"machine": {"device": "X"}, "parts": {"peak": peak, "train": train}})
    )
    first, trained = made.tables("gpu")
    assert first.rows[0] == ["bf16 product", "790.0 TFLOP/s"] and "X" in first.caption
    assert trained.rows[0] == ["diffusion_edu", "25 min, 15,000 steps", "9.3 (9.0 to 9.5)", "0.0040", "3.1"]
    assert [row[:2] for row in trained.rows[1:]] == [["denoising-diffusion-pytorch", "no memory"]]
