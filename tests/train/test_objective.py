"""Another objective under the same loop: what it is fed, and that its runs resume to the same bits too."""

from dataclasses import dataclass, replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import diffusion_edu as de
from diffusion_edu.train import CheckpointError, checkpoint, new_unet
from diffusion_edu.train.loop import CHECKPOINT

RECIPE = de.Recipe(
    steps=7, batch_size=4, rate=1e-2, warmup=2, flip=True, precision="fp32", log_every=1, checkpoint_every=3
)
COUNT = 10


def data(seed=0):
    """Entry i of every tensor is about thing i: its number is in the pixels and in the words."""
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randint(0, 256, (COUNT, 1, 4, 4), dtype=torch.uint8, generator=generator)
    pixels[:, 0, 0, :] = torch.arange(COUNT, dtype=torch.uint8)[:, None]
    words = torch.arange(COUNT)[:, None] + torch.arange(3) * 100
    return {"pixels": pixels, "words": words, "small": pixels[:, :, :2].clone()}


class Scorer(nn.Module):
    """Pictures in, one number a word out."""

    def __init__(self, seed=0):
        super().__init__()
        with torch.random.fork_rng([]):
            torch.manual_seed(seed)
            self.linear = nn.Linear(16, 3)
        self.dropout = nn.Dropout(0.2)

    def forward(self, x):
        return self.linear(self.dropout(x.flatten(1)))


@dataclass(frozen=True)
class Noisy:
    """A regression with noise from the generator of the step."""

    width: float = 0.1

    def __call__(self, model, batch, generator):
        noise = torch.randn(batch["pixels"].shape, generator=generator)
        return F.mse_loss(model(batch["pixels"] + self.width * noise), batch["words"] / 200)


def fit(model, objective=None, recipe=RECIPE, things=None, **options):
    things = data() if things is None else things
    return de.fit(model, None, things, recipe, objective=objective or Noisy(), device="cpu", **options)


def test_named_tensors_are_indexed_together_and_only_pictures_are_touched():
    seen = []

    def watch(model, batch, generator):
        seen.append(batch)
        return Noisy()(model, batch, generator)

    list(fit(Scorer(), watch, replace(RECIPE, steps=15)))
    things, visits = data(), []
    for batch in seen:
        assert batch["words"].dtype == torch.int64
        for pixels, words, small in zip(batch["pixels"], batch["words"], batch["small"]):
            i = words[0].item()
            visits.append(i)
            assert torch.equal(words, things["words"][i])
            straight = de.data.to_x0(things["pixels"][i])
            mirrored = torch.equal(pixels, straight.flip(2))
            assert mirrored or torch.equal(pixels, straight)
            own = de.data.to_x0(things["small"][i])
            assert torch.equal(small, own.flip(2) if mirrored else own), "pictures of one thing are mirrored together"
    assert sorted(visits) == sorted(list(range(COUNT)) * 6)


def test_training_lowers_another_loss():
    losses = [step.loss for step in fit(Scorer(), recipe=replace(RECIPE, steps=150, flip=False, log_every=50))]
    assert losses[-1] < losses[0] / 3


@pytest.mark.parametrize("stop", [1, 3, 5])
def test_another_objective_resumes_to_the_same_bits(tmp_path, stop):
    """Trap 25: noise of the objective, dropout, mirrors and the order of the data, from another random start."""
    list(fit(Scorer(), directory=tmp_path / "whole"))
    for step in fit(Scorer(), directory=tmp_path / "cut"):
        if step.step == stop:
            break
    assert [s.step for s in fit(Scorer(4), directory=tmp_path / "cut")] == list(range(stop + 1, 8))
    (a, meta_a), (b, meta_b) = (checkpoint.read(tmp_path / name / CHECKPOINT) for name in ("whole", "cut"))
    assert a.keys() == b.keys()
    assert [name for name in a if not torch.equal(a[name], b[name])] == []
    assert meta_a == meta_b
    assert meta_a["objective"] == "Noisy(width=0.1)"
    assert set(meta_a["data"]) == {"pixels", "words", "small"}


def test_the_diffusion_loss_as_an_objective_is_the_default():
    """Bit for bit: naming the objective changes nothing but the name."""
    schedule, pixels = de.NoiseSchedule.linear(50), data()["pixels"]
    config = de.UNetConfig(in_channels=1, channels=(8,), blocks=1, attention_levels=())

    def named(model, batch, generator):
        return de.diffusion_loss(model, batch, schedule, "eps", generator)

    runs = []
    for objective in (None, named):
        model = new_unet(config, 0)
        list(de.fit(model, schedule, pixels, RECIPE, objective=objective, device="cpu"))
        runs.append(model.state_dict())
    assert [name for name in runs[0] if not torch.equal(runs[0][name], runs[1][name])] == []


def test_conditions_travel_with_their_pictures():
    """What a conditional diffusion run needs: the words of a picture reach the network with it."""
    schedule, seen = de.NoiseSchedule.linear(50), []

    class Listening(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(()))

        def forward(self, x_t, t, cond=None):
            seen.append(cond.vec)
            return self.weight * x_t

    def conditional(model, batch, generator):
        cond = de.Cond(vec=batch["words"].float())
        return de.diffusion_loss(model, batch["pixels"], schedule, "eps", generator, cond=cond)

    list(fit(Listening(), conditional))
    assert len(seen) == 7
    assert all(vec.shape == (4, 3) for vec in seen)


@pytest.mark.parametrize(
    ("objective", "things", "words"),
    [
        (Noisy(0.2), data(), ["objective", "Noisy(width=0.1)", "Noisy(width=0.2)"]),
        (Noisy(), data(1), ["data", "sha256"]),
        (Noisy(), {**data(), "more": torch.zeros(COUNT)}, ["data", "more"]),
    ],
)
def test_a_checkpoint_of_another_objective_or_other_data_is_refused(tmp_path, objective, things, words):
    list(fit(Scorer(), directory=tmp_path))
    with pytest.raises(CheckpointError) as caught:
        fit(Scorer(), objective, things=things, directory=tmp_path)
    for word in ["another run", *words]:
        assert word in str(caught.value)


def test_data_differ_by_any_bit_of_any_tensor(tmp_path):
    list(fit(Scorer(), directory=tmp_path))
    changed = data()
    changed["words"][7, 1] += 1
    with pytest.raises(CheckpointError, match="its data is"):
        fit(Scorer(), things=changed, directory=tmp_path)


@pytest.mark.parametrize(
    ("things", "error", "message"),
    [
        ({}, ValueError, "one length N >= 1, got {}"),
        ({"a": torch.zeros(3), "b": torch.zeros(4)}, ValueError, r"got \{'a': 3, 'b': 4\}"),
        ({"a": torch.zeros(())}, ValueError, r"got \{'a': 0\}"),
        ({"a": [1, 2]}, TypeError, r"data must hold tensors, got \{'a': 'list'\}"),
        (torch.zeros(4, 1, 4, 4), TypeError, "data must be uint8 pixels"),
    ],
)
def test_data_that_do_not_fit_are_named_at_the_call(things, error, message):
    with pytest.raises(error, match=message):
        fit(Scorer(), things=things)


@pytest.mark.parametrize("things", [data(), data()["pixels"]])
def test_what_the_default_objective_cannot_use_is_named(things):
    schedule = de.NoiseSchedule.linear(50) if isinstance(things, dict) else None
    with pytest.raises(ValueError, match="objective must be given where schedule is None or data are named tensors"):
        de.fit(Scorer(), schedule, things, RECIPE)
