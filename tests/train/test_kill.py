"""A run that is killed, really killed, and resumed ends in the same bits."""

from argparse import Namespace

import pytest
from loading import load_file


@pytest.fixture(scope="module")
def script():
    return load_file("benchmarks/kill_resume.py")


@pytest.mark.slow
def test_a_run_killed_at_random_moments_equals_one_left_alone(script, monkeypatch, capsys):
    """Trap 25, with SIGKILL: weights, average, optimiser and reports, with dropout and flips."""
    start = script.start

    def here(directory, *length):  # the one that nobody kills needs no process of its own
        if directory.name != "whole":
            return start(directory, *length)
        script.train(directory, *length)
        return Namespace(wait=lambda: 0)

    monkeypatch.setattr(script, "start", here)
    result = script.experiment(kills=2, steps=40, every=3, seed=3)
    assert result["differences"] == []
    assert [row["finished"] for row in result["kills"]] == [False, False]
    assert all(row["from"] <= row["saved"] <= row["killed_at"] for row in result["kills"])
    assert result["kills"][-1]["saved"] > 0, "the last run had something to resume"
    script.show(result)
    assert "equal bit for bit" in capsys.readouterr().out


def test_the_comparison_sees_a_single_bit(script, tmp_path):
    import torch

    from diffusion_edu import files

    for name, bump in (("one", 0.0), ("other", 1e-7)):
        files.write(tmp_path / name / script.CHECKPOINT, {"w": torch.tensor([1.0 + bump])}, {"step": 1})
        (tmp_path / name / script.METRICS).write_text('{"step": 1, "loss": 0.5, "pictures_per_second": 3}\n')
    assert script.differences(tmp_path / "one", tmp_path / "other") == ["w"]
    assert script.differences(tmp_path / "one", tmp_path / "one") == []
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / script.CHECKPOINT).write_bytes((tmp_path / "one" / script.CHECKPOINT).read_bytes())
    (tmp_path / "copy" / script.METRICS).write_text('{"step": 1, "loss": 0.6, "pictures_per_second": 9}\n')
    assert script.differences(tmp_path / "one", tmp_path / "copy") == ["reports"]
