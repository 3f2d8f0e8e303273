"""A training that is given minutes ends in time, its rate falls at the end, and what the clock said stands."""

import time
from dataclasses import replace

import pytest
import torch
from torch import nn

import diffusion_edu as de
from diffusion_edu import files
from diffusion_edu.train import checkpoint, loop
from diffusion_edu.train.checkpoint import CHECKPOINT

# A second a step by the clock below: a quarter of the time belongs to the falling rate.
RECIPE = de.Recipe(
    steps=4000, batch_size=2, rate=1.0, warmup=0, cooldown=1000, minutes=1, log_every=5, checkpoint_every=10
)
DATA = torch.zeros(4, 1, 2, 2, dtype=torch.uint8)


class Clock:
    """Stands in for the time: so many seconds pass in each training step, and none elsewhere."""

    def __init__(self, monkeypatch, seconds=1.0):
        self.now, self.seconds = 0.0, seconds
        advance = loop._Training._advance

        def watched(training):
            self.now += self.seconds
            return advance(training)

        monkeypatch.setattr(loop._Training, "_advance", watched)
        monkeypatch.setattr(time, "perf_counter", lambda: self.now)


class Point(nn.Module):
    def __init__(self):
        super().__init__()
        self.at = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return self.at + x


def objective(model, batch, draw):
    return model(batch + draw.normal(1, 2, 2)).square().mean()


def fit(recipe=RECIPE, **options):
    return de.fit(Point(), DATA, recipe, objective, device="cpu", **options)


def test_the_run_ends_in_time_and_its_rate_falls_at_the_end(monkeypatch, tmp_path):
    Clock(monkeypatch)
    reports = list(fit(directory=tmp_path))
    assert [r.step for r in reports] == list(range(5, 61, 5))
    assert [r.rate for r in reports] == pytest.approx([1.0] * 9 + [11 / 15, 6 / 15, 1 / 15])
    assert files.read(tmp_path / CHECKPOINT)[1]["pace"] == {"steps": 60, "cooldown": 15}
    assert list(fit(directory=tmp_path)) == [], "it is done"


def cut_and_resumed(tmp_path, clock, stop, seconds):
    """The run left alone, and the one that was given up at a step and resumed where a step takes so many seconds."""
    list(fit(directory=tmp_path / "whole"))
    for report in fit(directory=tmp_path / "cut"):
        if report.step == stop:
            break
    decided = files.read(tmp_path / "cut" / CHECKPOINT)[1]["pace"] is not None
    assert decided == (stop >= 45)
    clock.seconds = seconds
    reports = list(fit(directory=tmp_path / "cut"))
    (a, meta), (b, after) = (files.read(tmp_path / name / CHECKPOINT) for name in ("whole", "cut"))
    return reports, [n for n in a if not torch.equal(a[n], b[n])], after["pace"], meta["pace"]


@pytest.mark.parametrize("seconds", [1.0, 0.1])
@pytest.mark.parametrize("stop", [45, 50])
def test_what_the_clock_decided_stands_when_the_run_is_resumed(monkeypatch, tmp_path, stop, seconds):
    """Also where the second sitting is ten times faster: where the end was known already, it stays."""
    _, differ, after, before = cut_and_resumed(tmp_path, Clock(monkeypatch), stop, seconds)
    assert differ == [], "bit for bit the run that nobody stopped"
    assert after == before == {"steps": 60, "cooldown": 15}


def test_what_compiling_takes_says_nothing_of_the_pace(monkeypatch):
    """Two steps of 20 s, in which a GPU would compile, then one of a tenth each: all of the minute is used."""
    clock = Clock(monkeypatch, 20.0)
    monkeypatch.setattr(torch, "compile", lambda model: model)
    reports = []
    for report in fit(replace(RECIPE, compile=True, log_every=1)):
        clock.seconds = 20.0 if report.step < 2 else 0.1
        reports.append(report)
    assert 195 <= reports[-1].step <= 203, "40 s for two, 20 s for two hundred"
    falling = [r.step for r in reports[5:] if r.rate < 1]
    assert len(falling) == pytest.approx(reports[-1].step / 4, abs=3), "a quarter of the steps, as the recipe says"
    assert clock.now == pytest.approx(60, abs=0.2)


@pytest.mark.parametrize("stop", [20, 40, 45, 50])
def test_a_slower_sitting_ends_in_time_too(monkeypatch, tmp_path, stop):
    """Ten times slower: what was decided would take twice the time, so it is cut, and the rate falls all the same."""
    clock = Clock(monkeypatch)
    reports, _, after, _ = cut_and_resumed(tmp_path, clock, stop, 10.0)
    last = reports[-1]
    assert stop < last.step == after["steps"] < 60
    assert 60 <= stop + 10 * (last.step - stop) < 70, "it ends with the step in which the minute is over"


@pytest.mark.parametrize(("seconds", "steps"), [(0.5, 6), (1.0, 3), (2.0, 1), (3.0, 1), (60.0, 1)])
def test_a_limit_below_a_report_holds_within_a_step(monkeypatch, tmp_path, seconds, steps):
    """Three seconds: `--minutes 0.05`, which a report every 50 steps would see a quarter of an hour late."""
    Clock(monkeypatch, seconds)
    recipe = replace(RECIPE, minutes=0.05, cooldown=0, log_every=50, checkpoint_every=500)
    reports = list(fit(recipe, directory=tmp_path))
    assert [r.step for r in reports] == [steps]
    assert files.read(tmp_path / CHECKPOINT)[1]["step"] == steps, "and what was done is kept"


def test_more_minutes_take_a_run_up_again_at_its_full_rate(monkeypatch, tmp_path):
    Clock(monkeypatch)
    list(fit(directory=tmp_path))
    reports = list(fit(replace(RECIPE, minutes=2), directory=tmp_path))
    assert (reports[0].step, reports[0].rate) == (65, 1.0)
    assert reports[-1].step == 120 and reports[-1].rate == pytest.approx(1 / 30)
    assert [r.step for r in fit(replace(RECIPE, minutes=None, steps=125, cooldown=0), directory=tmp_path)] == [125]


def test_all_processes_take_the_word_of_the_first(monkeypatch):
    """As if the first of two processes had found 33 steps."""
    Clock(monkeypatch)
    other = replace(RECIPE, steps=33, cooldown=7)
    monkeypatch.setattr("diffusion_edu.processes.gathered", lambda value: [other, value])
    assert [r.step for r in fit()][-1] == 33


@pytest.mark.parametrize(
    ("changes", "step", "seconds", "expected"),
    [
        ({}, 40, 40.0, None),  # a later step can still say
        ({}, 44, 44.0, None),
        ({}, 45, 45.0, (60, 15)),
        ({}, 50, 50.0, (60, 10)),  # late: a shorter fall, and the end in time
        ({}, 5, 500.0, (5, 0)),  # over
        ({"cooldown": 0}, 59, 59.0, None),
        ({"cooldown": 0}, 60, 60.0, (60, 0)),
        ({"cooldown": 0}, 3, 0.0, None),  # a clock that stands still
        ({"cooldown": 4000}, 5, 5.0, (60, 60)),  # a rate that always falls
        ({"steps": 40, "cooldown": 10}, 30, 30.0, None),  # the steps end before the time
        ({"steps": 70, "cooldown": 20}, 52, 52.0, (60, 10)),  # the fall had begun at step 50
        ({"steps": 60, "cooldown": 15}, 50, 50.5, None),  # a part of a step too late
        ({"steps": 60, "cooldown": 15}, 50, 60.0, (50, 5)),  # over in the fall
        ({"minutes": None}, 45, 4500.0, None),
    ],
)
def test_how_many_steps_there_is_room_for(changes, step, seconds, expected):
    recipe = replace(RECIPE, **changes).in_time(step, seconds)
    assert (recipe and (recipe.steps, recipe.cooldown)) == expected


def test_what_may_change_between_sittings_is_what_the_recipe_has():
    assert set(checkpoint.FREE) < set(RECIPE.to_dict())
