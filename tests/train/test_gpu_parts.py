"""The parts of benchmarks/gpu.py, each by itself: models and chapters, the measuring of speed, CIFAR-10, the table."""

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import diffusion_edu as de
from diffusion_edu import cli
from diffusion_edu.runs import RUNS

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import peers
from gpu import chapters, cifar10, models, options, pictures, speed
from gpu import results as results_module
from gpu.table import table

# ---- models and chapters ---------------------------------------------------------------------------------


def test_every_training_of_the_book_has_its_share_and_its_numbers_for_a_gpu():
    names = models.names()
    assert {"fashion", "emoji-clip", "fashion-classifier"} <= set(names) and not set(names) & set(models.OTHERS)
    assert set(models.OTHERS) <= set(RUNS), "a name that is no longer there"
    for name in names:
        for stage in RUNS[name].stages:
            large = replace(stage.recipe, **stage.gpu)
            assert large.batch_size > stage.recipe.batch_size and large.rate > stage.recipe.rate, (name, stage.name)
    rows = models.lanes(names, 2)
    assert len(rows) == 2 and sorted(name for row in rows for name in row) == sorted(names)


class Ended:
    """A process that ends at once with a code."""

    running = False

    def __init__(self, words, seconds, log, threads):
        self.name, self.seconds = words[words.index("model") + 1], seconds
        self.process = argparse.Namespace(returncode=0 if self.name != "failing" else 3)
        Ended.all.append(self)


def test_a_model_of_three_stages_gets_three_times_the_time_and_that_of_one_that_fails(tmp_path, monkeypatch):
    Ended.all = []
    monkeypatch.setattr(models, "weight", {"large": 3, "failing": 3, "small": 1, "last": 2}.__getitem__)
    monkeypatch.setattr(models, "Child", Ended)
    monkeypatch.setattr(models.time, "sleep", lambda seconds: None)
    assert models.lanes(["small", "large", "failing", "last"], 2) == [["large", "last"], ["failing", "small"]]
    words = ["--device", "cpu", "--at-once", "2", "--out", str(tmp_path / "out"), "--work", str(tmp_path)]
    asked = options.parse("", ["models"], [*words, "--models", "small", "large", "failing", "last"])
    results = results_module.Results(tmp_path / "out", {}, "cpu")
    models.run(asked, results, 105.0)
    given = {child.name: child.seconds for child in Ended.all}
    assert given == pytest.approx({"large": 60.0, "last": 100.0, "failing": 75.0, "small": 100.0}, rel=0.05)
    rows = results.parts["models"]["rows"]
    assert rows["failing"] == {"exit_code": 3, "finished": False, "said": "it ended with code 3: see log.txt"}
    assert not results.done("models")


class Endless(Ended):
    """One that would go on for ever, and is asked to stop."""

    running = True

    def stop(self):
        file = json.loads(Endless.results.path.read_text())
        Endless.told.append(file["parts"])


def test_what_is_known_is_kept_before_the_rest_is_stopped(tmp_path, monkeypatch):
    Ended.all, Endless.told = [], []
    Endless.results = results_module.Results(tmp_path / "out", {}, "cpu")
    monkeypatch.setattr(models, "Child", Endless)
    monkeypatch.setattr(chapters, "NEEDED", ())  # no chapter runs here
    monkeypatch.setattr(chapters, "Child", lambda words, *more, **named: Endless(["model", words[-1]], *more, **named))
    where = ["--device", "cpu", "--out", str(tmp_path / "out"), "--work", str(tmp_path)]
    asked = options.parse("", ["models"], [*where, "--models", "emoji-clip", "--chapters", "04_x", "05_y"])
    left = iter([9.0, 9.0])  # when the first one is started; then nothing
    monkeypatch.setattr(chapters, "Budget", lambda *_: argparse.Namespace(left=lambda: next(left, 0.0)))
    models.run(asked, Endless.results, 0.0)
    chapters.run(asked, Endless.results, 9.0)
    first, second = Endless.told
    assert first["models"]["rows"]["emoji-clip"]["said"] == "its time was over"
    assert {row["failed"] for row in second["notebooks"]["rows"].values()} == {
        "its time was over",
        "no time was left for it",
    }


def test_each_stage_is_trained_for_its_share(tmp_path, monkeypatch):
    """Two stages, of which the first takes longer than it should: the second gets what is left."""
    now, said = 0.0, []
    stages = [argparse.Namespace(name=name) for name in ("one", "two")]
    run = argparse.Namespace(stages=stages, folder=lambda folder, stage: folder / stage.name)

    def train(words):
        nonlocal now
        said.append(words)
        now += 60.0
        return 0

    monkeypatch.setitem(models.RUNS, "toy", run)
    monkeypatch.setattr(cli, "main", train)
    monkeypatch.setattr(results_module.time, "monotonic", lambda: now)
    asked = argparse.Namespace(work=tmp_path, device="cuda", data=None, tiny=False, seconds=120.0)
    assert models.job(asked, "toy") == 0
    assert [words[words.index("--stage") + 1] for words in said] == ["one", "two"]
    assert [float(words[words.index("--minutes") + 1]) for words in said] == pytest.approx([50 / 60, 40 / 60], abs=1e-3)
    assert all("--gpu" in words for words in said)
    assert json.loads((tmp_path / "toy.json").read_text())["seconds"] == 120.0


def test_a_chapter_whose_words_changed_is_named_by_its_cells():
    def cell(text, data="a plot"):
        outputs = [{"name": "stdout", "text": text}, {"data": {"text/plain": data, "image/png": text}}]
        return {"outputs": [*outputs, {"name": "stderr", "text": str(time.time())}]}

    stored = [cell("1"), cell("2"), {"source": "words"}, cell("3")]
    now = [cell("1"), cell("other"), {"source": "words"}, cell("3", "another plot")]
    assert chapters.changed(stored, stored) == [] and chapters.changed(stored, now) == [1, 3]


def test_chapters_without_their_tools_are_told_as_not_run(monkeypatch):
    monkeypatch.setattr(chapters.importlib.util, "find_spec", lambda name: None if name == "ipykernel" else 1)
    with pytest.raises(ImportError, match="the chapters need ipykernel"):
        chapters.run(argparse.Namespace(), argparse.Namespace(part=lambda name: {}), 1.0)


# ---- speed -----------------------------------------------------------------------------------------------


def test_the_arithmetic_of_a_training_picture_is_three_times_forward():
    model = de.UNet(peers.our_config("tiny"))
    rows = de.nn.trace.trace_modules(model, torch.zeros(1, 3, 32, 32), torch.ones(1, dtype=torch.long))
    assert speed.training_flops("tiny") == 3 * sum(row.flops for row in rows)


def test_each_row_differs_from_the_best_in_what_it_says(monkeypatch):
    monkeypatch.setattr(speed, "has_bf16", lambda device: True)
    rows = speed.settings(torch.device("cuda"), compiled=True)
    best = rows.pop("all of them")
    assert best == speed.FASTEST
    changed = {name: [key for key in best if best[key] != row[key]] for name, row in rows.items()}
    assert changed.pop("none of them") == list(best)
    assert changed == {
        "without bf16": ["bf16"],
        "without channels-last": ["channels_last"],
        "without compile": ["compile"],
        "with CUDA graphs": ["compile"],
        "without the fused optimiser": ["fused"],
        "average weight by weight": ["foreach"],
    }


def test_on_a_processor_compiling_is_a_row_of_its_own():
    rows = speed.settings(torch.device("cpu"), compiled=True)
    assert [name for name, row in rows.items() if row["compile"]] == ["with compile"]
    assert "with compile" not in speed.settings(torch.device("cpu"), compiled=False)


@pytest.mark.parametrize("switch", ["bf16", "channels_last", "fused", "foreach"])
def test_a_step_runs_with_each_switch_on_and_off(switch):
    off = {"bf16": False, "channels_last": False, "compile": None, "fused": False, "foreach": False}
    for value in (False, True):
        speed.step_of("tiny", 2, torch.device("cpu"), {**off, switch: value})()


class Fake:
    """A worker that answers with these seconds, then fails."""

    def __init__(self, name, *seconds):
        self.name, self.seconds, self.asked = name, list(seconds), 0

    def ask(self, steps):
        self.asked += 1

    def answer(self, end=None):
        if not self.seconds:
            raise RuntimeError("out of memory")
        return {"seconds": self.seconds.pop(0)}

    def close(self):
        self.asked = None


def test_rounds_are_in_turn_after_one_to_warm_up():
    crew = [Fake("good", 9, 1, 2), Fake("bad"), Fake("later", 9, 3)]
    done, failed = speed.interleaved(crew, 2, 1)
    assert done == {"good": [{"seconds": 1}, {"seconds": 2}], "later": [{"seconds": 3}]}
    assert failed == {"bad": "out of memory"} and all(one.asked is None for one in crew)
    late = [Fake("slow", 9, 1, 2)]
    assert speed.interleaved(late, 2, 1, seconds=0.0)[0] == {"slow": [{"seconds": 1}]}, "the first round always is"


def test_a_row_is_told_in_words_or_in_shares():
    assert speed.row_of(None, "out of memory", 4, 10, 1e3) == {"failed": "out of memory"}
    row = speed.row_of([{"seconds": 1.0, "peak_mib": 5}, {"seconds": 3.0, "peak_mib": 7}], None, 4, 10, 1e3)
    assert row["seconds"] == 2.0 and row["pictures_per_second"] == 2.0 and row["peak_mib"] == 7
    assert row["share_of_bf16_peak"] == 2.0 * 10 / 1e3


def test_more_rows_may_be_asked_for_later():
    asked = argparse.Namespace(device="cpu", compiled=False, tiny=False, batch=4, batches=[2])
    rows = speed.settings(torch.device("cpu"), compiled=False)
    have = {"rows": {key: {"seconds": 1} for key in rows}, "batches": {}, "done": True}
    assert speed.missing(asked, argparse.Namespace(part=lambda name: have)) == ["2"]
    asked.tiny, have["rows"] = True, {}
    assert speed.missing(asked, argparse.Namespace(part=lambda name: have)) == ["all of them", "none of them", "2"]


def test_shares_need_the_peak_and_it_is_measured_once(tmp_path, monkeypatch):
    results = results_module.Results(tmp_path, {}, "cpu")
    results.part("peak")["said"] = "stopped after 3 s"
    asked = argparse.Namespace(device="cpu", tiny=True)
    assert speed.peak_of(asked, results) == results.parts["peak"]["bf16_flops"] > 0
    assert results.done("peak") and "said" not in results.parts["peak"]
    monkeypatch.setattr(speed, "do_peak", lambda *_: pytest.fail("it is there"))
    speed.peak_of(asked, results)


# ---- CIFAR-10 --------------------------------------------------------------------------------------------


def test_the_clock_starts_at_the_first_tick_and_ends_with_the_call(monkeypatch):
    now = 100.0
    monkeypatch.setattr(cifar10.time, "perf_counter", lambda: now)
    clock = cifar10.Clock(seconds=10, left=60)
    now = 140.0  # compiling
    assert not clock.tick() and clock.spent == 0
    now = 149.0
    assert not clock.tick() and clock.spent == 9
    now = 151.0
    assert clock.tick() and clock.spent == 11
    short = cifar10.Clock(seconds=1000, left=5)
    assert not short.tick()
    now = 156.0
    assert short.tick(), "the call is over before the training is"


def test_half_of_the_pictures_can_be_carried(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "ROWS", 6)
    made = pictures.synthetic(6, 3)
    rows = made.movedim(1, 3).reshape(6, 32 * 32, 3).numpy()
    for number in (1, 4):
        pictures.Image.fromarray(rows).save(tmp_path / f"data_batch_{number}.png")
    train, test, told = pictures.pictures(tmp_path, 0)
    assert torch.equal(train, torch.cat([made, made])) and torch.equal(test, train)
    assert told == "12 of CIFAR-10's 50,000 pictures"
    pictures.Image.fromarray(rows[:3]).save(tmp_path / "data_batch_4.png")
    with pytest.raises(OSError, match=r"data_batch_4.png must be 1024 x 6 pixels, got 1024 x 3"):
        pictures.pictures(tmp_path, 0)


def test_synthetic_pictures_are_the_same_every_time_and_no_two_alike():
    made = pictures.synthetic(20, 0)
    assert made.shape == (20, 3, 32, 32) and torch.equal(made, pictures.synthetic(20, 0))
    assert len(torch.unique(made.flatten(1), dim=0)) == 20 and made.float().std() > 30


def test_everything_is_told_in_the_table():
    machine = {"device": "it", "torch": "2"}
    found = {
        "peak": {"done": False, "said": "RuntimeError: no"},
        "tests": {"passed": 3, "failed": {"one": "assert"}, "skipped": {}},
        "worth": {"rows": {"a": {"failed": "out of memory"}}, "batches": {}},
        "train": {"ours": {"seconds": 12.0}, "lucidrains": {"seconds": 0.0, "failed": "No module"}, "done": False},
        "models": {"rows": {"m": {"finished": False, "said": "its time was over"}}},
        "notebooks": {"rows": {"01": {"failed": "NameError"}, "02": {"seconds": 3.0, "changed_cells": [4]}}},
    }
    told = table({"machine": machine, "parts": found})
    for words_of_it in ("out of memory", "12 s of training so far", "No module", "3 passed, 1 failed", "one: assert"):
        assert words_of_it in told
    for words_of_it in ("its time was over", "NameError", "text changed: 4", "peak: RuntimeError: no"):
        assert words_of_it in told
