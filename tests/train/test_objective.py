"""Another objective under the same loop: what it is fed, and that its runs resume to the same bits too."""

from dataclasses import dataclass, replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import diffusion_edu as de
from diffusion_edu import files
from diffusion_edu.files import CheckpointError
from diffusion_edu.nn import new_unet
from diffusion_edu.train.checkpoint import CHECKPOINT
from diffusion_edu.train.objective import translated

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

    def __call__(self, model, batch, draw):
        noise = draw.normal(*batch["pixels"].shape[1:])
        return F.mse_loss(model(batch["pixels"] + self.width * noise), batch["words"] / 200)


def fit(model, objective=None, recipe=RECIPE, things=None, **options):
    things = data() if things is None else things
    return de.fit(model, things, recipe, objective or Noisy(), device="cpu", **options)


def test_named_tensors_are_indexed_together_and_only_pictures_are_touched():
    seen = []

    def watch(model, batch, draw):
        seen.append(batch)
        return Noisy()(model, batch, draw)

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
    (a, meta_a), (b, meta_b) = (files.read(tmp_path / name / CHECKPOINT) for name in ("whole", "cut"))
    assert a.keys() == b.keys()
    assert [name for name in a if not torch.equal(a[name], b[name])] == []
    assert meta_a == meta_b
    assert meta_a["objective"] == {"class": "Noisy", "width": 0.1}
    assert set(meta_a["data"]) == {"pixels", "words", "small"}


def test_denoising_is_the_diffusion_loss():
    """Bit for bit: an objective that calls the loss with the generator of the step trains the same weights."""
    schedule, pixels = de.NoiseSchedule.linear(50), data()["pixels"]
    config = de.UNetConfig(in_channels=1, channels=(8,), blocks=1, attention_levels=())

    def named(model, batch, draw):
        return de.diffusion_loss(model, batch, schedule, "v", draw.generator)

    runs = []
    for objective in (de.Denoising(schedule, "v"), named):
        model = new_unet(config, 0)
        list(de.fit(model, pixels, RECIPE, objective, device="cpu"))
        runs.append(model.state_dict())
    assert [name for name in runs[0] if not torch.equal(runs[0][name], runs[1][name])] == []


class Listening(nn.Module):
    """Remembers what it was told."""

    def __init__(self):
        super().__init__()
        self.weight, self.seen = nn.Parameter(torch.ones(())), []

    def forward(self, x_t, t, cond=None):
        self.seen.append(cond)
        return self.weight * x_t


@dataclass(frozen=True)
class Told(de.Denoising):
    """A conditional objective says what its x_0 and its condition are, and nothing else."""

    def read(self, batch, draw):
        return batch["pixels"], de.Cond(vec=batch["words"].float() + 1)


@pytest.mark.parametrize("drop", [0.0, 0.25, 1.0])
def test_conditions_travel_with_their_images_and_are_dropped_by_sample(drop):
    model, count = Listening(), 200
    list(fit(model, Told(de.NoiseSchedule.linear(50), drop=drop), replace(RECIPE, steps=count)))
    vec = torch.cat([cond.vec for cond in model.seen])
    dropped = (vec == 0).all(1)
    assert vec.shape == (count * 4, 3)
    assert torch.equal(vec[~dropped][:, 1], vec[~dropped][:, 0] + 100), "the words of one thing stay together"
    assert abs(dropped.float().mean() - drop) <= 5 * (drop * (1 - drop) / len(vec)) ** 0.5


def test_what_denoising_cannot_read_is_named():
    schedule = de.NoiseSchedule.linear(50)
    with pytest.raises(TypeError, match=r"batch must be one tensor, got \['pixels', 'small', 'words'\]: a subclass"):
        list(fit(Scorer(), de.Denoising(schedule)))
    with pytest.raises(ValueError, match=r"drop must be 0 where nothing is told to the network, got 0\.5"):
        list(de.fit(Listening(), data()["pixels"], RECIPE, de.Denoising(schedule, drop=0.5), device="cpu"))
    for options, words in (
        ({"target": "epsilon"}, "'epsilon'"),
        ({"weight": "snr"}, "weight must be one of uniform, min-snr, got 'snr'; did you mean 'min-snr'"),
        ({"drop": -0.1}, "drop must be between 0 and 1, got -0.1"),
    ):
        with pytest.raises(ValueError, match=words):
            de.Denoising(schedule, **options)


def test_mirrors_need_images():
    with pytest.raises(ValueError, match="flip must be False where nothing in the data is an image"):
        fit(Scorer(), things={"latents": torch.zeros(4, 4, 8, 8)})


def old_words(objective):
    """A checkpoint's description as version 0.1 wrote it."""
    recipe = {"steps": 4, "kind": "v"}
    return {"format": 1, "recipe": recipe, "kind": "v", "schedule": None, "step": 4, **objective}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"schedule": {"name": "cosine", "T": 9}}, {"class": "Denoising", "schedule": {"name": "cosine", "T": 9},
         "target": "v", "drop": 0.0, "weight": "uniform"}),
        ({"objective": "Contrast(shift=2)"}, {"class": "Contrast", "shift": 2}),
        ({"objective": "Made(a=(1, 2), b='x')"}, {"class": "Made", "a": (1, 2), "b": "x"}),
        ({"objective": "test.<locals>.named"}, "test.<locals>.named"),
        ({"objective": "named"}, "named"),
    ],
)  # fmt: skip
def test_descriptions_of_older_files_are_read(before, after):
    new = translated(old_words(before))
    assert new == {"format": 2, "recipe": {"steps": 4}, "step": 4, "objective": after}
    assert translated(new) == new


@pytest.mark.parametrize(
    ("objective", "things", "words"),
    [
        (Noisy(0.2), data(), ["objective", "'width': 0.1", "'width': 0.2"]),
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
