"""The run `emoji-clip` in its smallest form: its data, its start, its report, and the way back from its files."""

import json
from dataclasses import replace

import pytest
import torch

import diffusion_edu as de
from diffusion_edu import files
from diffusion_edu.data import captions
from diffusion_edu.files import CheckpointError
from diffusion_edu.nn import TextEncoderConfig
from diffusion_edu.pretrained import load_as
from diffusion_edu.runs import emoji_clip
from diffusion_edu.systems import CLIP, emoji_tokenizer
from diffusion_edu.systems.clip import CLIPConfig
from diffusion_edu.systems.text import encode_texts
from diffusion_edu.train.checkpoint import CHECKPOINT

SMALL = replace(emoji_clip.CONFIG, channels=(8, 16), text=TextEncoderConfig.small(width=16, depth=1))
SHORT = replace(emoji_clip.RECIPE, steps=3, batch_size=8, cooldown=0, precision="fp32", log_every=1)


@pytest.fixture(scope="module")
def data():
    return emoji_clip.training_data(3, 2)


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    model, folder = emoji_clip.new_clip(0, SMALL), tmp_path_factory.mktemp("run")
    options = {"directory": folder, "device": "cpu"}
    losses = [step.loss for step in de.fit(model, data, SHORT, emoji_clip.OBJECTIVE, **options)]
    assert len(losses) == 3
    return folder / CHECKPOINT


def test_the_data_are_pictures_phrasings_and_groups(data):
    source, tokenizer = de.data.emoji("train"), emoji_tokenizer()
    assert torch.equal(data["pixels"], source.pixels)
    assert data["ids"].shape[:2] == (len(source.captions), 3 + 2)
    assert data["ids"].shape[2] <= emoji_clip.CONFIG.text.length
    short = list(zip(*map(captions.short_texts, source.names, source.keywords)))
    for k, texts in enumerate((source.captions, source.described(0), source.described(1), short[0], short[1])):
        ids = tokenizer.encode(texts[77:78])[0][0]
        row = data["ids"][77, k]
        assert torch.equal(row[: len(ids)], ids)
        assert not row[len(ids) :].any()
    same = [source.captions[i] == source.captions[0] for i in range(50)]
    assert (data["group"][:50] == data["group"][0]).tolist() == same


def test_short_texts_are_names_and_keywords():
    name, keywords = "red apple", ["apple", "fruit", "food"]
    texts = captions.short_texts(name, keywords)
    assert len(texts) == captions.SHORT_FORMS
    assert texts[:2] == ["a red apple", "red apple"]
    for text in texts[2:]:
        words = text.split(", ")
        assert 1 <= len(words) <= 2 and len(set(words)) == len(words) and set(words) <= set(keywords)
    assert captions.short_texts(name, keywords) == texts
    assert captions.short_texts("grapes", []) == ["grapes"] * captions.SHORT_FORMS


@pytest.mark.parametrize(
    ("options", "words"),
    [((0, 0), "phrasings must be at least 1, got 0"), ((1, 6), "short must be in 0..5, got 6"), ((1, -1), "got -1")],
)
def test_bad_numbers_of_texts_are_named(options, words):
    with pytest.raises(ValueError, match=words):
        emoji_clip.training_data(*options)


def test_the_start_is_a_function_of_the_seed():
    before = torch.random.get_rng_state()
    one, again, other = (emoji_clip.new_clip(seed, SMALL).image_out.weight for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_run_comes_back_from_its_checkpoint(run):
    model = de.load(run)
    tensors = files.under_prefix("ema", files.read(run)[0])
    assert model.config == SMALL
    assert not model.training
    assert not any(p.requires_grad for p in model.parameters())
    assert all(torch.equal(value, tensors[name]) for name, value in model.state_dict().items())


def test_the_report_is_of_the_held_out_pictures_and_is_json():
    """A network that was never trained is near chance in all of it."""
    report = json.loads(json.dumps(emoji_clip.report(emoji_clip.new_clip(0, SMALL).eval())))
    assert report["pictures"] == 480
    assert report["retrieval"]["image_to_text_chance"]["1"] == pytest.approx(1 / 480)
    assert report["retrieval"]["image_to_text"]["5"] < 0.06
    assert report["zero_shot"]["style"]["most_frequent"] == pytest.approx(1 / 3)
    assert 0 <= report["zero_shot"]["group"]["accuracy"] <= 1
    assert abs(report["clip_score"]["true"] - report["clip_score"]["other"]) < 10


def test_files_without_a_clip_are_refused(tmp_path, run):
    tensors, meta = files.read(run)
    with pytest.raises(ValueError, match="name must be that of a CLIP, and it is a PixelDiffusion, got 'fashion'"):
        load_as("fashion", CLIP)
    files.write(tmp_path / "unet.safetensors", tensors, {**meta, "model": {"class": "Net", "config": {}}})
    with pytest.raises(CheckpointError, match="holds no network that this version can build"):
        load_as(tmp_path / "unet.safetensors", CLIP)
    other = {"class": "CLIP", "config": CLIPConfig.tiny().to_dict()}
    files.write(tmp_path / "other.safetensors", tensors, {**meta, "model": other})
    with pytest.raises(CheckpointError, match="does not fit its own description"):
        load_as(tmp_path / "other.safetensors", CLIP)


def test_classes_are_described_by_the_names_of_the_training_split():
    data, phrases = de.data.emoji("train"), emoji_clip.class_captions()
    assert sorted(phrases["style"]) == sorted(data.classes)
    assert sorted(phrases["group"]) == sorted(set(data.groups))
    names = set(data.names)
    assert all(len(texts) == len(names) for texts in phrases["style"].values())
    assert sum(map(len, phrases["group"].values())) == 3 * len(names)
    assert set(data.captions) <= {text for texts in phrases["style"].values() for text in texts}
    assert all(text.endswith("noto style") for text in phrases["style"]["noto"])
    assert "a red apple, noto style" in phrases["group"]["food-drink"]


def test_texts_are_read_in_parts_of_any_size():
    model = emoji_clip.new_clip(0, SMALL).eval()
    texts = ["a red apple, noto style", "a dog", "x", "grapes, fluent style", "a cat in noto style"]
    ids, mask = emoji_tokenizer().encode(texts)
    with torch.no_grad():
        expected = model.encode_text(ids, mask)
    for size in (1, 2, 5, 512):
        assert torch.allclose(encode_texts(model, texts, size), expected, atol=1e-5)


def test_many_phrases_find_classes_that_the_texts_lie_near(monkeypatch):
    """With pictures that are the mean of their class's phrases the report must be right about all of them."""
    model = emoji_clip.new_clip(0, SMALL).eval()
    data, phrases = de.data.emoji("test"), emoji_clip.class_captions()
    mean = {group: encode_texts(model, texts).mean(0) for group, texts in phrases["group"].items()}
    monkeypatch.setattr(model, "encode_image", lambda x0: torch.stack([mean[g] for g in data.groups]))
    assert emoji_clip.report(model)["zero_shot"]["group"]["accuracy_with_many_phrases"] == 1.0
