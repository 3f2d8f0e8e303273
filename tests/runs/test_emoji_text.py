"""The text-to-image runs: each stage trains on what it says; what is assembled draws, is saved and loaded again."""

import sys
from dataclasses import replace

import pytest
import torch

import diffusion_edu as de
from diffusion_edu import data
from diffusion_edu.pretrained import export_system
from diffusion_edu.runs import RUNS, Source, emoji_words
from diffusion_edu.runs.run import Run

COUNT = 12


@pytest.fixture(autouse=True)
def few(monkeypatch, few_emoji):
    """The training split shrunk to a dozen images: the captions of all take half a minute to encode."""
    for name in ("emoji", "emoji_latent", "emoji_words"):
        monkeypatch.setattr(sys.modules[f"diffusion_edu.runs.{name}"], "emoji", few_emoji)


def trained(name, folder) -> tuple[Run, torch.nn.Module]:
    """The run with two steps a stage, and what it assembles."""
    run = RUNS[name]
    for stage in run.stages:
        made = run.before(folder, stage)
        recipe = replace(stage.recipe, steps=2, batch_size=4, warmup=0, cooldown=0)
        fit = de.fit(
            stage.new(0), stage.data(Source(), made), recipe, stage.objective(made), directory=run.folder(folder, stage)
        )
        assert all(report.loss > 0 for report in fit)
    return run, run.assembled(folder)


@pytest.mark.parametrize("name", ["emoji", "emoji-latent"])
def test_a_run_trains_assembles_saves_and_draws(name, tmp_path):
    run, system = trained(name, tmp_path)
    prompts = ["a red apple, noto style", "cat"]
    drawn = system.generate(prompts, steps=2, seed=3)
    assert drawn.shape == (2, *system.shape)
    stages = {stage.name: run.folder(tmp_path, stage) for stage in run.stages}
    card = export_system(system, tmp_path / "weights.safetensors", stages, {"title": name})
    assert set(card["uses"]) == {"emoji-clip"}
    assert card["stages"].keys() == stages.keys()
    assert card["parameters"] < 6_000_000, "the frozen reader is not saved once more"
    again = de.load(tmp_path / "weights.safetensors")
    assert type(again) is type(system)
    assert (again.generate(prompts, steps=2, seed=3) - drawn).abs().mean() < 0.02  # weights rounded to half precision


def test_latents_of_the_training_split_are_normal_a_channel(tmp_path):
    run = RUNS["emoji-latent"]
    stage = run.stages[1]
    made = {"autoencoder": run.stages[0].new(0).eval().requires_grad_(False)}
    rows = stage.data(Source(), made)
    assert rows["mean"].shape == rows["std"].shape == (COUNT, 4, 16, 16)
    variance = rows["mean"].var(dim=(0, 2, 3)) + rows["std"].square().mean(dim=(0, 2, 3))
    assert torch.allclose(rows["mean"].mean(dim=(0, 2, 3)), torch.zeros(4), atol=1e-4)
    assert torch.allclose(variance, torch.ones(4), atol=1e-3)


def test_the_auto_encoder_is_trained_on_images_alone():
    """No caption reaches it, so its decoder needs none; those who denoise its latents read words."""
    stage = RUNS["emoji-latent"].stages[0]
    assert stage.data(Source(), {}).keys() == {"pixels"}
    assert {"tokens", "mask", "vec"} <= emoji_words.captions().keys()


def test_captions_hold_whole_ones_and_short_ones(few_emoji):
    rows = emoji_words.captions()
    phrasings = data.captions.PHRASINGS + emoji_words.SHORT
    assert rows["tokens"].shape[:2] == rows["mask"].shape[:2] == (COUNT, phrasings)
    plain = emoji_words.reader()([*few_emoji("train").captions])
    assert torch.allclose(rows["vec"][:, 0].float(), plain.vec, atol=5e-3)
    assert rows["mask"].sum(2)[:, -1].float().mean() < rows["mask"].sum(2)[:, 0].float().mean(), "the last are short"


def test_the_judge_is_another_clip_than_the_reader():
    judge, reader = RUNS["emoji-judge"].stages[0], RUNS["emoji-clip"].stages[0]
    assert judge.recipe.seed != reader.recipe.seed
    assert judge.config.channels != reader.config.channels
    assert judge.config.text.width != reader.config.text.width
    assert judge.config.embedding != reader.config.embedding


@pytest.mark.parametrize("name", ["emoji", "emoji-latent", "emoji-judge"])
def test_a_folder_is_refused_where_the_data_are_shipped(name, tmp_path):
    with pytest.raises(ValueError, match=f"--data must not be given with {name}"):
        RUNS[name].stages[0].data(Source(tmp_path), {})


def test_a_stage_whose_auto_encoder_changed_is_another_training():
    run = RUNS["emoji-latent"]
    one, two = ({"autoencoder": run.stages[0].new(seed).eval().requires_grad_(False)} for seed in (0, 1))
    assert not torch.equal(run.stages[1].data(Source(), one)["mean"], run.stages[1].data(Source(), two)["mean"])
