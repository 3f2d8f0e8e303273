"""benchmarks/cascade.py: the whole of it with small random networks, and what its numbers mean."""

import json
import re
import sys
from pathlib import Path

import pytest
import torch
from loading import load_file

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

from cascade import augmentation, command, parts  # noqa: E402
from text_to_image import sources  # noqa: E402
from text_to_image.parts import Bench  # noqa: E402
from text_to_image.sets import Sets  # noqa: E402

SMALL = ["--tiny", "--n", "5", "--few", "2", "--sweep", "2", "--steps", "1", "--train-steps", "2", "--batch-size", "2"]
SETTINGS = {"n": 5, "few": 2, "sweep_n": 2, "steps": 1, "seed": 0, "guidance": 2.0}


@pytest.fixture(scope="module")
def study():
    source = sources.Trial()
    return parts.Study(source.subject(command.SYSTEM).system, Bench(Sets(5), source.eyes(), SETTINGS))


@pytest.mark.slow
def test_the_whole_command_goes_on_where_it_was_and_makes_whole_tables(tmp_path, monkeypatch, capsys):
    folders = ["--out", str(tmp_path), "--work", str(tmp_path / "work")]
    assert command.main("about", [*SMALL, *folders, "--only", "trained"]) == 0
    assert not (tmp_path / "cascade.json").exists(), "a training alone needs no system"
    assert "step 2 of 2" in capsys.readouterr().out
    assert command.main("about", [*SMALL, *folders]) == 0
    told = capsys.readouterr().out
    assert "step 2 of 2" not in told, "what was trained is not trained again"
    path = tmp_path / "cascade.json"
    whole = json.loads(path.read_text())
    assert [set(whole["levels"]["true"]), set(whole["augmentation"]["runs"])] == [
        {"up32", "up64"},
        {"clean-0", "noised-0"},
    ]
    levels = {name: [p["level"] for p in points] for name, points in whole["augmentation"]["runs"].items()}
    assert levels == {"clean-0": [0], "noised-0": [0, 50]}
    assert all(run["core_seconds"] > 0 for run in whole["trained"]["runs"].values())
    del whole["thresholding"]
    path.write_text(json.dumps(whole))
    assert command.main("about", [*SMALL, *folders]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("thresholding: ")

    monkeypatch.syspath_prepend(str(ROOT / "book/_ext"))
    made = load_file("book/_ext/benchmark_tables.py")
    monkeypatch.setattr(made, "RESULTS", tmp_path)
    tables = made.tables("cascade")
    assert len(tables) == 6
    for table in tables:
        assert table.rows and {len(row) for row in table.rows} == {len(table.head)}
        assert all(isinstance(cell, str) and cell for row in table.rows for cell in row)


def test_errors_have_their_size_are_the_same_each_time_and_none_is_none():
    pixels = torch.full((4, 3, 16, 16), 128, dtype=torch.uint8)
    assert torch.equal(parts.erred(pixels, 0.0), pixels)
    for error in (0.05, 0.1):
        noised = parts.erred(pixels, error)
        assert torch.equal(noised, parts.erred(pixels, error))
        assert (noised.double() - 128).std().item() / 127.5 == pytest.approx(error, rel=0.1)


def test_saturation_counts_both_ends():
    pixels = torch.tensor([0, 255, 254, 1], dtype=torch.uint8).reshape(1, 1, 2, 2)
    assert parts.saturated(pixels).tolist() == [0.5]


def test_psnr_is_taken_of_each_error_and_is_endless_for_the_true_image(study):
    small, large = study.true(32)[:2], study.true(64)[:2]
    asked = []

    def perfect(given):
        asked.append(given)
        return large.float() / 127.5 - 1

    found = parts.psnrs(perfect, small, large)
    assert list(found) == ["0", "0.02", "0.05", "0.1"] and found["0"]["value"] == 100
    assert torch.equal(asked[0], small) and not torch.equal(asked[1], small)


def test_the_mean_of_drawings_is_taken_of_drawings_with_seeds_of_their_own(study, monkeypatch):
    seeds = []
    large = {to: study.true(to)[: SETTINGS["few"]].float() / 127.5 - 1 for to in (32, 64)}

    def upscale(small, texts, *, to, seed, **rest):
        seeds.append(seed)
        noise = torch.randn(large[to].shape, generator=torch.Generator().manual_seed(seed))
        return (0.5 * large[to] + 0.05 * noise).clamp(-1, 1)

    monkeypatch.setattr(study.system, "upscale", upscale, raising=False)
    found = parts.draws(study)["true"]
    assert seeds == 2 * [SETTINGS["few"] * k for k in range(parts.DRAWS[-1])]
    for told in found.values():
        means = [one["psnr"]["value"] for one in told["draws"]]
        assert [one["count"] for one in told["draws"]] == list(parts.DRAWS)
        assert means == sorted(means), "what differs between drawings averages out"
        assert told["bicubic"]["value"] > told["bilinear"]["value"], "of images that are smooth in most places"


def test_only_no_threshold_leaves_values_beyond_one(study, monkeypatch):
    monkeypatch.setattr(parts, "SCALES", (8.0,))
    points = {point["clip"]: point for point in parts.thresholding(study)["points"]}
    assert {name: point["beyond"]["value"] > 0 for name, point in points.items()} == {
        "dynamic": False,
        "static": False,
        "none": True,
    }
    assert points["static"]["saturated"]["value"] > points["dynamic"]["saturated"]["value"]


def test_each_training_has_its_levels_and_all_else_in_common(monkeypatch, tmp_path):
    asked = []

    def train(model, data, recipe, objective, folder):
        asked.append((model.state_dict(), recipe, objective, folder.name))
        return {"loss": 0.0, "core_seconds": 0.0}

    monkeypatch.setattr(augmentation, "train", train)
    found = augmentation.trained(augmentation.TINY, augmentation.recipe(4, 2), [0, 1], tmp_path)
    assert [one[3] for one in asked] == ["clean-0", "noised-0", "clean-1", "noised-1"] == list(found["runs"])
    assert [one[2].most_level for one in asked] == [0, 300, 0, 300]
    assert asked[0][1] == asked[1][1] and asked[0][1] != asked[2][1]
    assert all(torch.equal(a, b) for a, b in zip(asked[0][0].values(), asked[1][0].values()))
    assert not all(torch.equal(a, b) for a, b in zip(asked[0][0].values(), asked[2][0].values()))


def test_the_described_file_has_the_keys_that_are_written():
    about = (ROOT / "benchmarks/cascade.py").read_text(encoding="utf-8").split('"""')[1]
    for name in (*command.PARTS, "settings", "weights", "real"):
        assert re.search(rf"^    {name} +\S", about, re.M), name
