"""The adapter for pretrained CLIP weights, against transformers itself, on a small random network in a folder."""

import json
import math
import sys

import numpy as np
import pytest
import torch
import transformers
from PIL import Image
from safetensors.torch import load_file, save_file

import diffusion_edu as de
from diffusion_edu._errors import DataError
from diffusion_edu.systems.clip import clip_loss
from diffusion_edu.systems.openai_clip import MEAN, STD, PretrainedCLIP

TEXTS = ["a red apple", "A  blue  hat", "a " * 40, "b"]
TEXT = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}
VISION = {**TEXT, "image_size": 40, "patch_size": 8}


def write_clip(folder, **changes):
    """A network with random weights and a tokenizer of single letters, as files."""
    start, end = "<|startoftext|>", "<|endoftext|>"
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = [*letters, *(f"{letter}</w>" for letter in letters), "re", "red</w>", start, end]
    ids = {word: i for i, word in enumerate(words)}
    (folder / "vocab.json").write_text(json.dumps(ids))
    (folder / "merges.txt").write_text("#version: 0.2\nr e\nre d</w>\n")
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "CLIPTokenizer"}))
    ends = {"bos_token_id": ids[start], "eos_token_id": ids[end], "pad_token_id": ids[end]}
    text = {**TEXT, "vocab_size": len(words), "max_position_embeddings": 12, **ends}
    config = transformers.CLIPConfig(
        text_config=text, vision_config=VISION, projection_dim=10, logit_scale_init_value=3.0, **changes
    )
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        model = transformers.CLIPModel(config)
        for p in model.parameters():  # its own start is so small that all pictures look alike
            torch.nn.init.normal_(p, std=0.3) if p.ndim > 1 else None
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="module")
def ours(folder):
    return PretrainedCLIP.load(folder)


@pytest.fixture(scope="module")
def theirs(folder):
    return transformers.CLIPModel.from_pretrained(folder).eval()


def pixels(height=32, width=32):
    shape = (4, 3, height, width)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(height))


def processor(side):
    """Transformers' own preparation, which wants Pillow alone."""
    kind = getattr(transformers, "CLIPImageProcessorPil", None) or transformers.CLIPImageProcessor
    return kind(size={"shortest_edge": side}, crop_size={"height": side, "width": side})


@pytest.mark.parametrize(("height", "width"), [(32, 32), (64, 48), (40, 90), (40, 40)])
def test_pictures_are_prepared_as_transformers_does(ours, height, width):
    """Enlarged, reduced, cut. Theirs is rounded to whole grey values after each direction, hence no black or white."""
    given = pixels(height, width) // 2 + 64
    pictures = [Image.fromarray(np.asarray(p.permute(1, 2, 0))) for p in given]
    wanted = processor(40)(pictures, return_tensors="pt")["pixel_values"]
    found = ours.prepared(de.data.to_x0(given))
    assert found.shape == (4, 3, 40, 40)
    assert (found - wanted).abs().max() < 2 / 255 / 0.26
    assert (found - wanted).abs().mean() < 0.4 / 255 / 0.26


def test_enlarging_makes_nothing_whiter_than_white(ours):
    x0 = torch.ones(1, 3, 20, 20)
    x0[..., ::2] = -1
    ends = [((value - torch.tensor(MEAN)) / torch.tensor(STD)).reshape(3, 1) for value in (0.0, 1.0)]
    found = ours.prepared(x0).flatten(2)[0]
    assert torch.allclose(found.amin(1, keepdim=True), ends[0])
    assert torch.allclose(found.amax(1, keepdim=True), ends[1])


@torch.no_grad()
def test_embeddings_and_scores_are_those_of_transformers(ours, theirs, folder):
    x0 = de.data.to_x0(pixels())
    tokens = transformers.AutoTokenizer.from_pretrained(folder)(
        TEXTS, padding=True, truncation=True, max_length=12, return_tensors="pt"
    )
    answer = theirs(pixel_values=ours.prepared(x0), **tokens)
    image, text = ours.encode_image(x0), ours.encode_text(TEXTS)
    assert image.shape == text.shape == (4, 10)
    assert torch.allclose(image, answer.image_embeds, atol=1e-6)
    assert torch.allclose(text, answer.text_embeds, atol=1e-6)
    assert torch.allclose(ours.log_scale.exp() * image @ text.T, answer.logits_per_image, atol=1e-4)
    for mine, features in (
        (image, theirs.get_image_features(pixel_values=ours.prepared(x0))),
        (text, theirs.get_text_features(**tokens)),
    ):
        features = getattr(features, "pooler_output", features)
        assert torch.allclose(mine, features / features.norm(dim=1, keepdim=True), atol=1e-6)
        assert features.norm(dim=1).sub(1).abs().min() > 0.01, "theirs are not of length 1"
        assert mine[1:].sub(mine[:1]).abs().max() > 0.05, "a network that sees no difference proves nothing"


@torch.no_grad()
def test_our_loss_is_theirs(ours, theirs, folder):
    x0 = de.data.to_x0(pixels())
    tokens = transformers.AutoTokenizer.from_pretrained(folder)(TEXTS, padding=True, truncation=True, max_length=12)
    tokens = {name: torch.tensor(rows) for name, rows in tokens.items()}
    wanted = theirs(pixel_values=ours.prepared(x0), **tokens, return_loss=True).loss
    found = clip_loss(ours.encode_image(x0), ours.encode_text(TEXTS), ours.log_scale)
    assert ours.log_scale.item() == pytest.approx(3.0)
    assert found.item() == pytest.approx(wanted.item(), rel=1e-5)


def test_a_text_alone_is_what_it_is_among_others(ours):
    """Padding is not read; small letters and one space; the end of a long text is cut off."""
    with torch.no_grad():
        together = ours.encode_text(TEXTS)
        assert torch.allclose(ours.encode_text(TEXTS[:1]), together[:1], atol=1e-6)
        assert torch.allclose(ours.encode_text(["a blue hat", "a " * 30]), together[1:3], atol=1e-6)


def test_it_is_frozen_but_pictures_get_a_gradient(ours):
    x0 = de.data.to_x0(pixels()).requires_grad_()
    (ours.encode_image(x0) @ ours.encode_text(["red"]).T).sum().backward()
    assert x0.grad.abs().sum() > 0
    assert not any(p.requires_grad for p in ours.parameters())
    assert not ours.model.training


@pytest.mark.parametrize(
    "x0", [torch.zeros(3, 8, 8), torch.zeros(1, 1, 8, 8), torch.zeros(0, 3, 8, 8), torch.zeros(1, 3, 8, 8).byte()]
)
def test_pictures_of_another_kind_are_named(ours, x0):
    with pytest.raises(ValueError, match=r"x0 must be \(B, 3, H, W\) floats in \[-1, 1\], got '?torch"):
        ours.encode_image(x0)


@pytest.mark.parametrize(("texts", "error"), [("red", TypeError), ([b"red"], TypeError), ([], ValueError)])
def test_texts_of_another_kind_are_named(ours, texts, error):
    with pytest.raises(error, match="texts must be"):
        ours.encode_text(texts)


def test_what_is_no_whole_clip_is_refused(tmp_path, folder):
    with pytest.raises(DataError, match=r"no CLIP could be read from .*nothing"):
        PretrainedCLIP.load(tmp_path / "nothing")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(DataError, match="must hold a CLIP, got a model of the type 'bert'"):
        PretrainedCLIP.load(tmp_path)
    part = write_clip(tmp_path)
    tensors = load_file(part / "model.safetensors")
    del tensors["visual_projection.weight"]
    save_file(tensors, part / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(DataError, match=r"lack visual_projection\.weight"):
        PretrainedCLIP.load(part)


def test_without_the_library_it_says_what_to_install(monkeypatch, folder):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ImportError, match=r"pip install 'diffusion-edu\[clip\]'"):
        PretrainedCLIP.load(folder)


def test_the_temperature_that_was_learned_is_kept(ours):
    assert ours.log_scale.exp().item() == pytest.approx(math.e**3, rel=1e-5)
