"""`diffusion-edu evaluate`: what it takes, what it says, and how it refuses."""

import json

import numpy as np
import pytest
from PIL import Image

import diffusion_edu as de
from diffusion_edu.cli import evaluating, main


@pytest.fixture(autouse=True)
def same_allocator(monkeypatch):
    monkeypatch.setattr(evaluating, "tune_malloc", lambda: False)


@pytest.fixture
def call(capsys):
    def run(*arguments):
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return run


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
    assert f"{b}, cut to 32 x 32" in out


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
    assert (found["pictures"], found["reference_pictures"]) == (12, 10_000)
    assert found["pictures_of"] == "fashion, ddim, 2 steps, eta 0"
    assert found["reference"] == "fashion-mnist, test split"
    drawn = de.load("fashion").generate(12, seed=5, steps=2)
    real = de.data.fashion_mnist("test").pixels
    net = de.feature_network("fashion-classifier")
    expected = de.compare(de.data.to_pixels(drawn), real, net, resamples=0)
    assert found["distance"] == pytest.approx(expected.distance.value, rel=1e-3)


def test_emoji_take_the_encoder_of_emoji_clip(call):
    code, out, err = call("evaluate", "emoji:test", "emoji:train", "--n", 100, "--resamples", 0)
    assert code == 0, err
    assert "emoji, test split\nagainst emoji, train split" in out
    assert "FD (emoji-clip)" in out and "100 against 4,936" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("no-folder", "fashion-mnist:test"), "no folder no-folder"),
        (("fashion-mnist:tset", "fashion-mnist:test"), "did you mean 'test'"),
        (("fashion", "fashion"), "REFERENCE must be a folder of pictures or a data set, got the weights 'fashion'"),
        (("emoji-clip", "fashion-mnist:test"), "loaded by load_clip()"),
        (("fashion", "fashion-mnist", "--n", "3"), "--n must be at least 4, got 3"),
        (("fashion", "fashion-mnist", "--network", "inseption"), "did you mean 'inception'"),
        (("fashion-mnist", "fashion-mnist", "--resamples", "3"), "resamples must be 0, or at least 20, got 3"),
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
