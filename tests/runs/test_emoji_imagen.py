"""The run `emoji-imagen`: its stages train on what they say, and what is assembled draws, is saved and loaded again."""

import sys
from dataclasses import replace

import pytest
import torch

import diffusion_edu as de
from diffusion_edu._errors import DataError
from diffusion_edu.cli import main
from diffusion_edu.data.emoji import halved
from diffusion_edu.pretrained import export_system
from diffusion_edu.runs import RUNS, Source, emoji_imagen

COUNT = 12
RUN = RUNS["emoji-imagen"]


def test_the_stages_need_nothing_of_each_other(tmp_path):
    """So several processes may train them at once: none waits for a checkpoint of another."""
    for stage in RUN.stages:
        assert RUN.before(tmp_path, stage) == {}


@pytest.fixture
def few(monkeypatch, few_emoji):
    """The training split shrunk to a dozen images, and an encoder of the right sizes in place of the extra's."""
    asked = []

    def encoder(texts):
        asked.extend(texts)
        mask = torch.arange(9) < torch.tensor([[min(len(text) // 4, 9)] for text in texts])
        codes = torch.tensor([[ord(c) for c in f"{text:<9}"[:9]] for text in texts]).float() / 100
        tokens = (codes[:, :, None] * torch.arange(384) / 50).sin()
        return de.Cond(vec=tokens.mean(1) * 2, tokens=tokens, mask=mask)

    for name in ("emoji_imagen", "emoji_words"):
        monkeypatch.setattr(sys.modules[f"diffusion_edu.runs.{name}"], "emoji", few_emoji)
    monkeypatch.setattr(emoji_imagen, "sentence_text", lambda: encoder)
    emoji_imagen._states.cache_clear()
    yield asked
    emoji_imagen._states.cache_clear()


def trained(folder):
    """The run with two steps a stage, and what it assembles."""
    for stage in RUN.stages:
        made = RUN.before(folder, stage)
        recipe = replace(stage.recipe, steps=2, batch_size=2, warmup=0, cooldown=0)
        rows, own = stage.data(Source(), made), RUN.folder(folder, stage)
        assert all(step.loss > 0 for step in de.fit(stage.new(0), rows, recipe, stage.objective(made), directory=own))
    return RUN.assembled(folder)


def test_the_run_trains_assembles_saves_and_draws(few, tmp_path):
    system = trained(tmp_path)
    for name, network in zip(("base", "up32", "up64"), (system.base, *system.up)):
        stage = next(stage for stage in RUN.stages if stage.name == name)
        state = stage.trained(tmp_path / name).state_dict()
        assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items()), name
    prompts = ["a red apple, noto style", "a cat"]  # of the shipped states: here is no encoder
    drawn = system.generate(prompts, steps=2, seed=3, stages=True)
    assert [tuple(images.shape) for images in drawn] == [(2, 3, side, side) for side in (16, 32, 64)]
    folders = {stage.name: RUN.folder(tmp_path, stage) for stage in RUN.stages}
    card = export_system(system, tmp_path / "weights.safetensors", folders, {"title": RUN.name})
    assert card["weights"]["bytes"] < 15e6 and card["uses"] == {}
    again = de.load(tmp_path / "weights.safetensors")
    assert (again.generate(prompts, steps=2, seed=3) - drawn[-1]).abs().mean() < 0.02  # rounded to half precision


def test_each_stage_is_told_the_images_of_the_size_before(few, few_emoji):
    large = few_emoji("train", 64).pixels
    middle, small = halved(large), halved(halved(large))
    base, up32, up64 = (stage.data(Source(), {}) for stage in RUN.stages)
    assert torch.equal(base["pixels"], small) and torch.equal(up32["small"], small)
    assert torch.equal(up32["pixels"], middle) and torch.equal(up64["small"], middle)
    assert torch.equal(up64["pixels"], large) and "tokens" not in up64
    assert torch.equal(base["tokens"], up32["tokens"])


def test_each_caption_is_read_once_for_all_stages(few):
    rows, *_ = [stage.data(Source(), {}) for stage in RUN.stages]
    texts = emoji_imagen.phrasings()
    assert len(few) == len({text.lower() for row in texts for text in row})
    assert rows["tokens"].shape[:2] == (COUNT, len(texts)) and rows["tokens"].dtype == torch.float16


def test_the_weights_together_are_below_15_megabytes():
    with torch.device("meta"):
        networks = [stage.network(stage.config) for stage in RUN.stages]
    assert sum(2 * p.numel() for network in networks for p in network.parameters()) < 15e6


def test_without_the_extra_it_says_what_to_install(monkeypatch, few, tmp_path, capsys):
    def missing():
        raise ImportError("pip install 'diffusion-edu[sentences]'")

    monkeypatch.setattr(emoji_imagen, "sentence_text", missing)
    with pytest.raises(DataError, match=r"diffusion-edu\[sentences\]"):
        RUN.stages[0].data(Source(), {})
    assert main(["train", "emoji-imagen", "--stage", "base", "--out", str(tmp_path), "--device", "cpu"]) == 1
    assert "pip install 'diffusion-edu[sentences]'" in capsys.readouterr().err
    RUN.stages[2].data(Source(), {})  # which reads no text


def test_a_folder_is_refused(tmp_path):
    for stage in RUN.stages:
        with pytest.raises(ValueError, match="--data must not be given with emoji-imagen"):
            stage.data(Source(tmp_path), {})
