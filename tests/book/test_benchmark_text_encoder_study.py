"""benchmarks/text_encoder_study.py: the whole of it with small random networks, and several processes at one file."""

import json
import sys
from pathlib import Path

import pytest
from filelock import FileLock
from loading import load_file

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

from text_encoder_study import cells, command  # noqa: E402

SMALL = ["--tiny", "--n", "5", "--steps", "1", "--images", "8", "--batch-size", "4"]


def folders(path):
    return ["--out", str(path), "--work", str(path / "work")]


def test_cells_are_merged_and_what_is_done_is_not_done_again(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cells, "SCALES", (1.0, 2.0))
    asked = [*SMALL, *folders(tmp_path)]
    assert command.main("about", [*asked, "--cell", "sentence:small:0"]) == 0
    assert command.main("about", [*asked, "--cell", "random:large:1", "clip:small:0"]) == 0
    told = capsys.readouterr().out
    assert "step 2 of 2" in told and "remaining: clip:small:0" in told
    path = tmp_path / command.RESULT
    whole = json.loads(path.read_text())
    assert list(whole["cells"]) == ["clip:small:0", "sentence:small:0", "random:large:1"], "in the study's order"
    assert [cell["words"]["token"] for cell in whole["cells"].values()] == [8, 16, 8]
    one = whole["cells"]["random:large:1"]
    assert one["images"] == 8 and one["channels"] == [12, 12] and one["core_seconds"]["training"] > 0
    assert [point["guidance"] for point in one["points"]] == [1.0, 2.0]

    assert command.main("about", [*asked, "--cell", "sentence:small:0"]) == 0
    assert capsys.readouterr().out == "" and json.loads(path.read_text())["cells"] == whole["cells"]
    assert command.main("about", [*asked, "--list", "--corners", "2"]) == 0
    done, left = capsys.readouterr().out.splitlines()
    assert done == "done: clip:small:0, sentence:small:0, random:large:1"
    assert len(left.split(", ")) == len(cells.CELLS) + len(cells.CORNERS) - 3

    monkeypatch.syspath_prepend(str(ROOT / "book/_ext"))
    made = load_file("book/_ext/benchmark_tables.py")
    monkeypatch.setattr(made, "RESULTS", tmp_path)
    tables = made.tables("text_encoder_study")
    assert len(tables) == 3 and len(tables[0].rows) == 4
    for table in tables:
        assert table.rows and {len(row) for row in table.rows} == {len(table.head)}
        assert all(isinstance(cell, str) and cell for row in table.rows for cell in row)


def test_a_cell_that_another_process_holds_is_left_to_it(tmp_path, capsys):
    (tmp_path / "work").mkdir()
    with FileLock(tmp_path / "work/clip-small-0.lock"):
        assert command.main("about", [*SMALL, *folders(tmp_path), "--cell", "clip:small:0"]) == 0
    assert capsys.readouterr().out == "clip:small:0: another process is at it\n"
    assert not (tmp_path / command.RESULT).exists()


def test_merging_keeps_what_was_written_meanwhile_and_other_settings_begin_anew(tmp_path, capsys):
    first, second = (command.Study(command.parsed("", [*SMALL, *folders(tmp_path)])) for _ in range(2))
    here = first.here({"name": "judge"})
    first.merged(here, "clip:small:0", {"points": []})
    second.merged(here, "random:small:0", {"points": []})
    assert list(json.loads(first.path.read_text())["cells"]) == ["random:small:0", "clip:small:0"]
    other = command.Study(command.parsed("", [*SMALL[:-1], "2", *folders(tmp_path)]))
    assert other.merged(other.here({"name": "judge"}))["cells"] == {}
    assert "made with other settings: begun anew" in capsys.readouterr().out
    assert first.merged(first.here({"name": "another"}))["cells"] == {}


def test_an_estimate_trains_nothing_and_names_each_cell(tmp_path, capsys):
    words = ["--cell", "random:small:0", "random:small:1", "clip:large:0", "--estimate"]
    assert command.main("about", [*SMALL, *folders(tmp_path), *words]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[0] for line in lines] == ["random:small:0", "random:small:1", "clip:large:0", "all"]
    assert lines[0].split(": ")[1] == lines[1].split(": ")[1]
    assert list(tmp_path.rglob("*.safetensors")) == [] and not (tmp_path / command.RESULT).exists()


def test_cells_and_corners_are_each_once_and_a_wrong_name_is_refused(capsys):
    names = [cell.name for cell in (*cells.CELLS, *cells.CORNERS)]
    assert len(set(names)) == len(names) == 9 + 8
    assert {name.rsplit(":", 1)[0] for name in names[9:]} == {
        *("random:small", "random:large", "sentence:small", "sentence:large")
    }
    for wrong in ("clip:small", "clip:huge:0", "t5:small:0", "clip:small:x"):
        with pytest.raises(SystemExit):
            command.parsed("", ["--cell", wrong])
        assert "must be ENCODER:SIZE:SEED" in capsys.readouterr().err


def test_all_cells_have_one_recipe_but_for_the_seed():
    plan = cells.Plan()
    assert plan.recipe(0).to_dict() | {"seed": 1} == plan.recipe(1).to_dict()
    recipe = plan.recipe(0)
    assert recipe.steps == plan.images // plan.batch_size and recipe.cooldown == recipe.steps // 2


def test_the_sentence_encoder_is_left_out_where_it_is_not_installed(monkeypatch, capsys):
    from text_encoder_study import readers

    def absent():
        raise ImportError

    monkeypatch.setattr(readers, "encoder_folder", absent)
    study = command.Study(command.parsed("", []))
    assert {cell.encoder for cell in study.cells} == {"random", "clip"}
    assert "pip install" in capsys.readouterr().out
