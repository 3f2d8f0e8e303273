"""The run `emoji-dalle`: each stage trains on what it says; what is assembled is measured, saved, loaded, and draws."""

import shutil
import sys
from dataclasses import replace

import pytest
import torch

import diffusion_edu as de
from diffusion_edu import data, pretrained
from diffusion_edu.pretrained import export_system
from diffusion_edu.randomness import seeded
from diffusion_edu.runs import RUNS, Source, emoji_dalle, emoji_latent
from diffusion_edu.systems import LatentDiffusion

COUNT = 12
RUN = RUNS["emoji-dalle"]
PRIOR, CODES, DECODER = RUN.stages


@pytest.fixture(autouse=True, scope="module")
def few(few_emoji, tmp_path_factory):
    """A dozen images of each split, and an untrained `emoji-latent` in a folder of weights of its own."""
    folder = tmp_path_factory.mktemp("weights")
    for suffix in (".json", ".safetensors"):
        shutil.copy(pretrained.WEIGHTS / f"emoji-clip{suffix}", folder)
    clip = emoji_dalle.reader().clip
    latent = seeded(lambda: LatentDiffusion(emoji_latent.CONFIG, {"emoji-clip": clip}), 0)
    latent.shift.fill_(0.5), latent.scale.fill_(2.0)
    export_system(latent, folder / "emoji-latent.safetensors", {}, {})
    with pytest.MonkeyPatch.context() as patch:
        for name in ("emoji_dalle", "emoji_words"):
            patch.setattr(sys.modules[f"diffusion_edu.runs.{name}"], "emoji", few_emoji)
        patch.setattr(pretrained, "WEIGHTS", folder)
        emoji_dalle.painter.cache_clear()
        yield
    emoji_dalle.painter.cache_clear()


def test_the_run_trains_assembles_saves_and_draws(tmp_path):
    for stage in RUN.stages:
        recipe = replace(stage.recipe, steps=2, batch_size=4, warmup=0, cooldown=0)
        made = RUN.before(tmp_path, stage)
        folder = RUN.folder(tmp_path, stage)
        fit = de.fit(stage.new(0), stage.data(Source(), made), recipe, stage.objective(made), directory=folder)
        assert all(report.loss > 0 for report in fit)
    system = RUN.assembled(tmp_path)
    found = RUN.measure(system)
    assert found["images"] == COUNT
    assert all(-1 <= value <= 1 for value in found["cosine_to_the_true_embedding"].values())
    folders = {stage.name: RUN.folder(tmp_path, stage) for stage in RUN.stages}
    card = export_system(system, tmp_path / "weights.safetensors", folders, {"title": "emoji-dalle"})
    assert set(card["uses"]) == {"emoji-clip", "emoji-latent"}
    assert card["weights"]["bytes"] < 10_000_000, "neither the reader nor the auto-encoder is saved once more"
    again = de.load(tmp_path / "weights.safetensors")
    assert again.config == system.config
    told = system.embed("cat", 2)
    assert (again.decode(told, steps=2) - system.decode(told, steps=2)).abs().mean() < 0.02, "rounded to half precision"
    for prior in ("diffusion", "codes", "none"):
        assert again.generate(["a red apple, noto style", "cat"], steps=2, prior=prior).shape == (2, 3, 64, 64)


def test_the_priors_learn_what_the_clip_sees(few_emoji):
    rows = PRIOR.data(Source(), {})
    images = few_emoji("train", size=32).pixels
    seen = emoji_dalle.reader().clip.encode_image(data.to_x0(images))
    assert torch.cosine_similarity(rows["embedding"], seen).min() > 0.99
    assert rows["embedding"].square().mean().item() == pytest.approx(1, abs=1e-4)
    codes = CODES.data(Source(), {})
    assert codes["codes"].shape == (COUNT, 32) and codes["tokens"].shape == rows["tokens"].shape
    back = emoji_dalle.fitted_codes().decode(codes["codes"])
    assert torch.cosine_similarity(back, rows["embedding"]).min() > 0.99


def test_the_decoder_learns_the_latents_of_the_shipped_auto_encoder(few_emoji):
    rows = DECODER.data(Source(), {})
    system, pixels = emoji_dalle.painter(), few_emoji("train", size=64).pixels
    assert torch.allclose(rows["mean"], system.before(data.to_x0(pixels)), atol=1e-4)
    std = system.autoencoder.encode(data.to_x0(pixels)).std
    assert torch.allclose(rows["std"], 2 * std, rtol=1e-4), "the scale, and not the shift"
    assert torch.equal(rows["vec"], emoji_dalle.embeddings()) and set(rows) == {"mean", "std", "vec"}


@pytest.mark.parametrize("stage", RUN.stages, ids=lambda stage: stage.name)
def test_a_folder_is_refused(stage, tmp_path):
    with pytest.raises(ValueError, match="--data must not be given with emoji-dalle"):
        stage.data(Source(tmp_path), {})
