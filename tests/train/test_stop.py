"""A training that is asked to stop does so after the step it is in, keeps all of it, and goes on as if nothing was."""

from dataclasses import replace

import pytest
import torch
from torch import nn

import diffusion_edu as de
from diffusion_edu import files
from diffusion_edu.train.checkpoint import CHECKPOINT

RECIPE = de.Recipe(steps=9, batch_size=2, warmup=0, precision="fp32", log_every=50, checkpoint_every=500)
DATA = torch.zeros(4, 1, 2, 2, dtype=torch.uint8)


class Point(nn.Module):
    def __init__(self):
        super().__init__()
        self.at = nn.Parameter(torch.zeros(1))
        self.off = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return self.at + self.off + x


def objective(model, batch, draw):
    return model(batch + draw.normal(1, 2, 2)).square().mean()


def fit(model=None, recipe=RECIPE, **options):
    return de.fit(model or Point(), DATA, recipe, objective, device="cpu", **options)


class After:
    """Answers True from the n-th time of asking on."""

    def __init__(self, n):
        self.n, self.asked = n, 0

    def __call__(self):
        self.asked += 1
        return self.asked >= self.n


@pytest.mark.parametrize("stop", [1, 4, 8])
def test_it_ends_with_the_step_long_before_a_report_and_nothing_is_lost(tmp_path, stop):
    list(fit(directory=tmp_path / "whole"))
    asked = After(stop)
    reports = list(fit(directory=tmp_path / "cut", stop=asked))
    assert [r.step for r in reports] == [stop] and asked.asked == stop, "asked once after every step"
    assert files.read(tmp_path / "cut" / CHECKPOINT)[1]["step"] == stop
    assert [r.step for r in fit(directory=tmp_path / "cut")] == [9]
    (a, meta), (b, after) = (files.read(tmp_path / name / CHECKPOINT) for name in ("whole", "cut"))
    assert [n for n in a if not torch.equal(a[n], b[n])] == []
    assert meta == after


def test_a_stop_in_the_step_of_a_report_makes_one_report(tmp_path):
    recipe = replace(RECIPE, log_every=3)
    reports = list(fit(recipe=recipe, directory=tmp_path, stop=lambda: (tmp_path / "metrics.jsonl").exists()))
    assert [r.step for r in reports] == [3]


def test_one_process_that_is_asked_stops_all(monkeypatch):
    told = []
    monkeypatch.setattr("diffusion_edu.processes.agree", lambda flag: told.append(flag) or len(told) == 2)
    assert [r.step for r in fit(stop=lambda: False)] == [2], "by the word of another"
    assert told == [False, False]


def test_a_network_that_is_frozen_as_load_gives_it_is_trained():
    model = Point().requires_grad_(False)
    list(fit(model))
    assert model.at.item() != 0 and model.off.item() != 0
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_a_part_that_its_owner_froze_stays_as_it_is():
    model = Point()
    model.off.requires_grad_(False)
    list(fit(model))
    assert model.at.item() != 0 and model.off.item() == 0


def test_a_shipped_model_can_be_trained_further():
    """The report behind it: element 0 of tensors does not require grad."""
    fashion = de.load("fashion")
    before = {name: value.clone() for name, value in fashion.unet.state_dict().items()}
    pixels = de.data.fashion_mnist("test").pixels[:4]
    recipe = de.Recipe(steps=1, batch_size=2, warmup=0, log_every=1, precision="fp32")
    list(de.fit(fashion.unet, pixels, recipe, de.Denoising(fashion.schedule), device="cpu"))
    changed = [name for name, value in fashion.unet.state_dict().items() if not torch.equal(value, before[name])]
    assert len(changed) > 0.9 * len(before)
