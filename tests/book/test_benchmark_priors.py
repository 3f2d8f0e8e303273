"""benchmarks/priors.py: the whole of it with small random networks, and what its numbers mean."""

import json
import re
import sys
from pathlib import Path

import pytest
import torch
from loading import load_file

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

import priors  # noqa: E402
from text_to_image import sources  # noqa: E402
from text_to_image.parts import Bench  # noqa: E402
from text_to_image.record import Record  # noqa: E402
from text_to_image.sets import Sets  # noqa: E402

SMALL = ["--tiny", "--n", "6", "--choose", "2", "--spread", "3", "--seeds", "2", "--steps", "1"]
SETTINGS = {"n": 6, "choose_n": 2, "spread_n": 3, "seeds": 4, "steps": 1, "seed": 0}


@pytest.fixture(scope="module")
def study():
    source = sources.Trial()
    return priors.Study(source.subject(priors.SYSTEM).system, Bench(Sets(6), source.eyes(), SETTINGS))


@pytest.mark.slow
def test_the_whole_command_goes_on_where_it_was_and_makes_whole_tables(tmp_path, monkeypatch, capsys):
    assert priors.main([*SMALL, "--out", str(tmp_path)]) == 0
    path = tmp_path / "priors.json"
    whole = json.loads(path.read_text())
    assert list(whole["routes"]) == list(priors.ROUTES)
    assert whole["routes"]["true"]["cosine"]["value"] == pytest.approx(1)
    assert {name for name, one in whole["routes"].items() if one["spread"] is None} == {
        *("true", "quantized", "text", "codes_likeliest")
    }
    del whole["routes"]["codes_2"], whole["variations"]
    path.write_text(json.dumps(whole))
    capsys.readouterr()
    assert priors.main([*SMALL, "--out", str(tmp_path)]) == 0
    told = capsys.readouterr().out.splitlines()
    assert [line.rsplit(": ", 1)[0] for line in told] == ["routes: codes_2", "variations"]
    again = json.loads(path.read_text())
    assert again["routes"]["codes_4"] == whole["routes"]["codes_4"]

    monkeypatch.syspath_prepend(str(ROOT / "book/_ext"))
    made = load_file("book/_ext/benchmark_tables.py")
    monkeypatch.setattr(made, "RESULTS", tmp_path)
    tables = made.tables("priors")
    assert len(tables) == 3
    for table in tables:
        assert table.rows and {len(row) for row in table.rows} == {len(table.head)}
        assert all(isinstance(cell, str) and cell for row in table.rows for cell in row)


def test_a_record_measures_once_and_begins_anew_with_other_settings(tmp_path, capsys):
    path, here = tmp_path / "one.json", {"settings": {"n": 1}, "command": "a"}

    def fail():
        pytest.fail("it was measured before")

    for what in ("a", "b"):
        Record(path, here, ["settings"]).part(["routes", what], lambda: {"value": 1})
    again = Record(path, here | {"command": "b"}, ["settings"])
    assert again.part(["routes", "a"], fail)["value"] == 1 and list(again.all["routes"]) == ["a", "b"]
    assert again.all["command"] == "b"
    assert "routes" not in Record(path, {"settings": {"n": 2}, "command": "a"}, ["settings"]).all
    assert "made with other settings: begun anew" in capsys.readouterr().out


def test_a_route_of_the_true_image_needs_no_text_and_others_no_image(study, monkeypatch):
    true, quantized = (study.embed(priors.ROUTES[name], name, 0) for name in ("true", "quantized"))
    codes = study.system.codes
    assert torch.equal(true, study.true) and torch.equal(codes.encode(true), codes.encode(quantized))
    assert not torch.equal(true, quantized)
    texts = study.bench.sets.held_out.texts
    assert torch.equal(study.embed(priors.ROUTES["text"], "text", 0), study.system.text(texts).vec)
    asked = []
    monkeypatch.setattr(study.system, "embed", lambda texts, n, **options: asked.append(options))
    study.embed(priors.ROUTES["codes_4"], "codes_4", 0)
    study.embed(priors.ROUTES["codes_likeliest"], "codes_likeliest", 0)
    study.embed(priors.ROUTES["diffusion_2"], "diffusion_2", 0)
    assert [tuple(one.values()) for one in asked] == [
        ("codes", 0, 4.0, 1.0),
        ("codes", 0, 1.0, 0.0),
        ("diffusion", 0, 2.0, 1.0),
    ]


def test_spread_of_known_embeddings(study, monkeypatch):
    """Two of four seeds along the true embedding, two at a right angle to it: of six pairs two are alike."""
    true = torch.nn.functional.normalize(study.true[:3], dim=1)
    other = torch.nn.functional.normalize(
        torch.randn(true.shape, generator=torch.Generator().manual_seed(0)) @ torch.eye(true.shape[1]), dim=1
    )
    other = torch.nn.functional.normalize(other - (other * true).sum(1, keepdim=True) * true, dim=1)
    drawn = torch.stack([true, other, 2 * true, other], dim=1).flatten(0, 1)
    monkeypatch.setattr(priors.Study, "embed", lambda self, *_, **options: drawn)
    found = priors.spread(study, "codes_1")
    assert found["pairs"]["value"] == pytest.approx(1 / 3, abs=1e-4) and found["pairs"]["n"] == 3
    assert found["sd_within"] == pytest.approx((1 / 3) ** 0.5, abs=1e-4)
    assert found["sd_between"] == pytest.approx(0, abs=1e-4)


def test_the_described_file_has_the_keys_that_are_written():
    about = priors.__doc__
    for name in ("true", "quantized", "text", "diffusion_W", "codes_W", "codes_likeliest"):
        assert re.search(rf"^    {name} +\S", about, re.M), name
    for name in ("real", "decoder", "routes", "variations", "weights", "settings"):
        assert re.search(rf"^    {name} +\S", about, re.M), name


def test_it_says_that_there_is_no_such_system(monkeypatch, capsys):
    monkeypatch.setattr(sources.Trial, "names", lambda self: ["emoji"])
    assert priors.main(SMALL) == 1 and "emoji-dalle does not come" in capsys.readouterr().out
