"""`diffusion-edu evaluate`: what it takes, what it says, and how it refuses."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

import diffusion_edu as de
from diffusion_edu.cli import evaluating
from diffusion_edu.systems import PixelDiffusion, PixelDiffusionConfig
from diffusion_edu.systems.text import ClipText

FEW = 500


@pytest.fixture(autouse=True)
def few_garments(monkeypatch):
    """Fashion-MNIST with the first images of each split only: the network would look at ten thousand every time."""

    def fashion_mnist(split, **options):
        data = de.data.fashion_mnist(split, **options)
        return data._replace(pixels=data.pixels[:FEW], labels=data.labels[:FEW])

    monkeypatch.setattr(evaluating, "fashion_mnist", fashion_mnist)


@pytest.fixture
def folders(tmp_path):
    """Two folders of 40 grey pictures, of 32 x 32 and of 48 x 40."""
    random = np.random.default_rng(0)
    for name, shape in (("a", (32, 32)), ("b", (40, 48))):
        (tmp_path / name).mkdir()
        for index in range(40):
            Image.fromarray(random.integers(0, 255, shape, np.uint8)).save(tmp_path / name / f"{index:02}.png")
    return tmp_path / "a", tmp_path / "b"


def test_two_folders(call, folders):
    a, b = folders
    code, out, err = call("evaluate", a, b, "--network", "fashion-classifier", "--device", "cpu", "--resamples", "20")
    assert code == 0, err
    for words in ("FD (fashion-classifier)", "KD (fashion-classifier)", "95% interval", "floor", "40 against 40"):
        assert words in out, words
    assert f"against {b}: read 40 images of 40 files; 48 x 40 -> 32 x 32\n" in out
    assert f"resize: {b} 48 x 40 -> 32 x 32 (Lanczos, center); then none: images of 32 x 32 as they are" in out


def test_a_folder_against_itself_is_at_no_distance(call, folders):
    arguments = ("evaluate", folders[0], folders[0], "--network", "fashion-classifier", "--resamples", "0", "--json")
    code, out, err = call(*arguments)
    assert code == 0, err
    found = json.loads(out)
    assert found["distance"] < 1e-6
    assert found["interval_95"] is None
    assert found["pictures"] == found["reference_pictures"] == 40


def test_a_model_against_a_data_set_takes_the_network_of_the_data(call):
    code, out, err = call(
        *("evaluate", "fashion", "fashion-mnist:test", "--n", 12, "--steps", 2, "--seed", 5, "--resamples", 0, "--json")
    )
    assert code == 0, err
    found = json.loads(out)
    assert found["measure"] == "FD (fashion-classifier)"
    assert (found["pictures"], found["reference_pictures"]) == (12, FEW)
    assert found["pictures_of"] == "fashion, DDIM(eta=0.0), 2 steps"
    assert found["reference"] == "fashion-mnist, test split"
    drawn = de.load("fashion").generate(12, seed=5, steps=2)
    real = de.data.fashion_mnist("test").pixels[:FEW]
    net = de.feature_network("fashion-classifier")
    expected = de.compare(de.data.to_pixels(drawn), real, net, resamples=0)
    assert found["distance"] == pytest.approx(expected.distance.value, rel=1e-3)


def test_emoji_take_the_encoder_of_emoji_clip(call):
    code, out, err = call("evaluate", "emoji:train", "emoji:test", "--n", 100, "--resamples", 0)
    assert code == 0, err
    assert "emoji, train split\nagainst emoji, test split" in out
    assert "FD (emoji-clip)" in out and "100 against 480" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("no-folder", "fashion-mnist:test"), "no folder no-folder"),
        (("fashion-mnist:tset", "fashion-mnist:test"), "did you mean 'test'"),
        (
            ("fashion", "fashion"),
            "REFERENCE must be a folder of images, a data set or statistics, got the weights 'fashion'",
        ),
        (("emoji-clip", "fashion-mnist:test"), "that of a model that draws images, and it is a CLIP"),
        (("fashion", "fashion-mnist", "--n", "3"), "--n must be at least 4, got 3"),
        (("fashion", "fashion-mnist", "--network", "inseption"), "did you mean 'inception'"),
        (("fashion-mnist", "fashion-mnist", "--resamples", "3"), "--resamples (or 0) must be at least 20, got 3"),
    ],
)
def test_mistakes_are_told_in_one_line(call, arguments, message):
    code, out, err = call("evaluate", *arguments)
    assert code in (1, 2)
    assert message in err
    assert len(err.strip().splitlines()) == 1
    assert out == ""


def test_list_names_runs_weights_and_networks(call):
    out = call("list")[1]
    for name in ("emoji-clip", "fashion-classifier", "inception", "efficientnet"):
        assert name in out, name
    drawing = out.split("weights (diffusion-edu sample NAME)")[1].split("other weights")[0]
    assert "fashion " in drawing and "clip" not in drawing


@pytest.fixture
def reading(monkeypatch):
    """A random system that reads, and the texts that it was asked for, as weights of the package."""
    words = ClipText(de.load("emoji-clip"))
    unet = de.UNetConfig.tiny(token_dim=words.token_dim, vec_dim=words.vec_dim)
    made = {}

    class Listening(PixelDiffusion):
        def generate(self, prompt=None, n=None, **options):
            made.update(prompts=prompt, options=options)
            return torch.zeros(len(prompt), *self.shape)

    def loaded(size):
        system = Listening(PixelDiffusionConfig(unet, size), text=words)
        monkeypatch.setattr(evaluating, "load_drawing", lambda *_: system)
        monkeypatch.setattr(evaluating, "_is_weights", lambda source: source == "emoji-tiny")
        return made

    return loaded


def test_a_system_that_reads_draws_the_captions_that_it_is_compared_with(call, reading):
    made = reading(32)
    code, out, err = call("evaluate", "emoji-tiny", "emoji:test", "--resamples", 0, "--guidance", 3)
    assert code == 0, err
    assert tuple(made["prompts"]) == de.data.emoji("test").captions
    assert made["options"]["guidance"] == 3
    assert "480 texts, guidance 3" in out and "480 against 480" in out


def test_texts_are_drawn_in_turn_until_there_are_enough(call, reading):
    made = reading(64)
    arguments = ("--prompt", "a cat", "--prompt", "a dog", "--n", 5, "--resamples", 0, "--steps", 2)
    code, out, err = call("evaluate", "emoji-tiny", "emoji:test", *arguments)
    assert code == 0, err
    assert made["prompts"] == ["a cat", "a dog", "a cat", "a dog", "a cat"]
    assert "each 2 x 2 pixels as their mean" in out, "the network of the distance takes 32 x 32"


def test_texts_must_come_from_somewhere_and_go_to_a_system_that_reads(call, reading, folders):
    reading(32)
    code, _, err = call("evaluate", "emoji-tiny", folders[0], "--network", "emoji-clip", "--resamples", 0)
    assert code == 2 and "--prompt must be given" in err


def test_guidance_is_refused_for_a_system_that_does_not_read(call):
    code, _, err = call("evaluate", "fashion", "fashion-mnist:test", "--n", 4, "--steps", 1, "--guidance", 2)
    assert code == 2 and "--prompt, --negative and --guidance must be left out for fashion" in err


# ---- the size of images, statistics, and what is told before -------------------------------------------------


def distance(call, pictures, reference, *options):
    code, out, err = call("evaluate", pictures, reference, "--resamples", 0, "--json", *options)
    assert code == 0, err
    return json.loads(out)


@pytest.fixture
def fashion(tmp_path):
    """Sixty real images at their own size, and padded as the data set pads them."""
    for side in (28, 32):
        (tmp_path / str(side)).mkdir()
        for i, image in enumerate(de.data.fashion_mnist("test", size=side).pixels[:60]):
            de.data.to_image(image).save(tmp_path / str(side) / f"{i:02}.png")
    return tmp_path


def test_images_at_the_own_size_of_a_padded_data_set_are_padded_as_it_is(call, fashion):
    small, padded = (distance(call, fashion / side, "fashion-mnist:test") for side in ("28", "32"))
    assert small["distance"] == padded["distance"]
    how = "28 x 28 -> 32 x 32, padded with black as Fashion-MNIST is"
    assert small["resize"] == f"{fashion / '28'} {how}; then none: images of 32 x 32 as they are"
    assert small["pictures_of"] == f"{fashion / '28'}: read 60 images of 60 files; {how}"
    assert padded["resize"] == "none: images of 32 x 32 as they are"


def test_a_resize_is_named_where_nothing_says_how_to_pad(call, fashion):
    options = ("--network", "emoji-clip")
    found = distance(call, fashion / "28", fashion / "32", *options)
    assert found["resize"].startswith(f"{fashion / '28'} 28 x 28 -> 32 x 32 (Lanczos, center); then none")
    assert found["distance"] > 0
    asked = distance(call, fashion / "28", "fashion-mnist:test", "--size", 32)
    assert "28 x 28 -> 32 x 32 (Lanczos, center)" in asked["resize"], "a size that was asked for is obeyed"


def test_statistics_stand_in_for_the_reference(call, fashion, tmp_path):
    network = de.feature_network("fashion-classifier")
    stats = network.statistics(de.data.fashion_mnist("test").pixels[100:300])
    stats.save(tmp_path / "own.safetensors")
    np.savez(tmp_path / "theirs.npz", mu=stats.mean, sigma=stats.covariance)
    own = distance(call, fashion / "32", tmp_path / "own.safetensors")
    assert own["measure"] == "FD (fashion-classifier)", "its file names the network"
    assert own["reference_pictures"] == 200 and own["kernel"] is None
    theirs = distance(call, fashion / "32", tmp_path / "theirs.npz", "--network", "fashion-classifier")
    assert theirs["distance"] == pytest.approx(own["distance"], rel=1e-6)
    assert theirs["reference"] == f"the statistics {tmp_path / 'theirs.npz'}"
    small = distance(call, fashion / "28", tmp_path / "own.safetensors")
    assert small["distance"] == own["distance"], "padded, as what the network was trained on"


def test_mistakes_with_files_are_told(call, fashion, tmp_path):
    np.savez(tmp_path / "s.npz", mu=np.zeros(4), sigma=np.eye(4))
    image, stats = fashion / "28/00.png", tmp_path / "s.npz"
    for arguments, told in (
        ((image, fashion / "28"), f"IMAGES must be a folder of images, not a single one, got the file '{image}'"),
        ((fashion / "28", image), "REFERENCE must be a folder of images, not a single one"),
        ((stats, fashion / "28"), "IMAGES must be images: statistics, as"),
        ((fashion / "28", stats), "--network must be given: "),
        ((fashion / "28", stats, "--network", "fashion-classifier"), "REFERENCE must hold statistics of 128 features"),
        ((fashion / "28", fashion / "32", "--size", 0), "--size must be at least 1, got 0"),
        ((fashion / "28", fashion / "32", "--seed", -5), "--seed must be 0 or more"),
        ((fashion / "28", fashion / "32", "--batch-size", 0), "--batch-size must be at least 1, got 0"),
    ):
        code, out, err = call("evaluate", *arguments)
        assert (code, out) == (2, ""), arguments
        assert told in err and len(err.strip().splitlines()) == 1, err
