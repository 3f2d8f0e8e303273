"""`diffusion-edu sample`: every mistake is told before the first image is drawn; images by themselves, with a list."""

import json
import os

import numpy as np
import pytest
import torch
from PIL import Image

import diffusion_edu as de
from diffusion_edu.cli import sampling
from diffusion_edu.cli.options import Sample
from diffusion_edu.data import pixels, to_pixels


@pytest.fixture
def nothing_drawn(monkeypatch):
    def generate_part(*arguments, **options):
        pytest.fail("it was drawn before the mistake was told")

    monkeypatch.setattr(sampling, "generate_part", generate_part)


@pytest.mark.usefixtures("nothing_drawn")
@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (["--out", "x"], 2, "--out must be a file name with the ending of an image format, such as .png, got 'x'"),
        (["--out", ""], 1, "--out must be a file, got the folder ."),
        (["--out", "x.docx"], 2, "--out must be a file name with the ending of an image format"),
        (["--out", "x.xbm"], 2, "--out must be a file name with the ending of an image format"),  # of two colors only
        (["--out", "folder"], 1, "--out must be a file, got the folder folder"),
        (["--out", "file.txt/x.png"], 1, "--out must lie in a folder, got file.txt/x.png, and file.txt is a file"),
        (["--columns", 0], 2, "--columns must be at least 1, got 0"),
        (["--scale", 0], 2, "--scale must be at least 1, got 0"),
        (["--scale", 100_000], 2, "--scale must be at most 500 for 32 x 32 pixels as PNG, got 100000"),
        (["--scale", 501, "--out", "x.webp"], 2, "--scale must be at most 500 for 32 x 32 pixels as WEBP"),
        (["--n", 40, "--columns", 40, "--scale", 13, "--out", "x.webp"], 2, "at most 12 for 1358 x 32 pixels as WEBP"),
        (["--n", 0], 2, "--n must be at least 1"),
        (["--batch-size", 0], 2, "--batch-size must be at least 1, got 0"),
        (["--seed", -1], 2, "--seed must be 0 or more and below 2^64, got -1"),
        (["--seed", 2**64], 2, "--seed must be 0 or more and below 2^64, got 18446744073709551616"),
        (["--seed", 2**64 - 1, "--n", 2], 2, "at most 2^64 - 2, as each image has its own, got 18446744073709551615"),
        (["--seed", 10**23], 2, "--seed must be"),
        (["--device", "meta"], 2, "--device must be a device of this machine, got 'meta' (it holds no numbers)"),
        (["--separate", "folder"], 2, "--separate must be a new or an empty folder, got folder, which holds something"),
        (["--separate", "file.txt"], 2, "--separate must be a folder, got the file file.txt"),
        (["--separate", "new", "--scale", 10**6], 2, "--scale must be at most"),
        (["--sampler", "dpm"], 2, "sampler must be one of"),
        (["--prior", "codes"], 2, "--prior belongs to a model with priors, such as emoji-dalle; fashion has none"),
        (["--prior-guidance", "3"], 2, "--prior-guidance belongs to a model with priors"),
    ],
)
def test_every_mistake_is_told_before_an_image_is_drawn(call, tmp_path, monkeypatch, options, code, told):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pixels, "MAX_VALUES", 500**2 * 32 * 32)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/old.png").write_text("")
    (tmp_path / "file.txt").write_text("")
    before = sorted(tmp_path.rglob("*"))
    found, out, err = call("sample", "fashion", "--n", 1, "--columns", 1, "--device", "cpu", *options)
    assert (found, out) == (code, "")
    assert told in err and len(err.strip().splitlines()) == 1
    assert sorted(tmp_path.rglob("*")) == before, "nothing was written"


@pytest.mark.usefixtures("nothing_drawn")
def test_a_folder_that_may_not_be_written_is_told_before(call, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # as for a user without the right to; root has it
    code, _, err = call("sample", "fashion", "--out", tmp_path / "new/x.png", "--device", "cpu")
    assert code == 1 and f"--out must be where you may write, got {tmp_path / 'new/x.png'}" in err


def drawn(call, *options):
    code, out, err = call("sample", "fashion", "--n", 3, "--steps", 1, "--seed", 7, "--device", "cpu", *options)
    assert code == 0, err
    return out


def test_images_are_written_by_themselves_with_a_list_of_their_seeds(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "drawn"
    assert drawn(call, "--separate", folder, "--scale", 1) == f"{folder / 'index.jsonl'}\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["drawn"], "and no picture of all of them"
    index = [json.loads(line) for line in (folder / "index.jsonl").read_text().splitlines()]
    assert index == [{"file": f"{i}.png", "seed": 7 + i} for i in range(3)]
    expected = de.data.to_pixels(de.load("fashion").generate(3, seed=7, steps=1))
    read = de.data.ImageFolder(folder, channels=1).load()
    assert (read.pixels.int() - expected.int()).abs().max() <= 1
    assert str(read.reading).startswith("read 3 images of 4 files; left out 1 (1 .jsonl)")


def test_both_are_written_where_both_are_asked_for(call, tmp_path):
    out = drawn(call, "--separate", tmp_path / "drawn", "--out", tmp_path / "all.png", "--scale", 3, "--columns", 3)
    assert out.splitlines() == [str(tmp_path / "drawn/index.jsonl"), str(tmp_path / "all.png")]
    sizes = [Image.open(tmp_path / name).size for name in ("drawn/0.png", "all.png")]
    assert sizes == [(96, 96), (3 * (3 * 32 + 4), 96)]


def test_the_list_holds_the_text_of_each_image(tmp_path):
    options = Sample("x", prompt=("a cat", "ein Löwe"), n=2, seed=1)
    sampling._save_separate(tmp_path / "new", torch.zeros(4, 3, 8, 8), options)
    lines = (tmp_path / "new/index.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [(row["seed"], row["prompt"]) for row in map(json.loads, lines)]
    assert texts == [(1, "a cat"), (2, "a cat"), (3, "ein Löwe"), (4, "ein Löwe")]


@pytest.mark.usefixtures("nothing_drawn")
@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--prior", "arrow"], "--prior must be one of diffusion, codes, none, got 'arrow'"),
        (["--prior-guidance", "nan"], "--prior-guidance must be a finite number, got nan"),
    ],
)
def test_a_mistake_in_the_prior_is_told_before_an_image_is_drawn(call, tmp_path, options, told):
    out = tmp_path / "x.png"
    found, _, err = call("sample", "emoji-dalle", "--prompt", "a cat", "--out", out, "--device", "cpu", *options)
    assert found == 2 and told in err and not out.exists()


def test_the_prior_that_is_asked_for_is_the_one_that_draws(call, tmp_path):
    """The image is that of `generate` with the same words; another prior draws another one."""
    system = de.load("emoji-dalle")
    for prior in ("codes", "none"):
        folder = tmp_path / prior
        words = ("--prompt", "a cat", "--n", 1, "--steps", 2, "--scale", 1, "--device", "cpu", "--separate", folder)
        found, _, err = call("sample", "emoji-dalle", *words, "--prior", prior, "--prior-guidance", 3)
        assert found == 0, err
        image = np.asarray(Image.open(folder / "0.png"))
        own = system.generate(["a cat"], 1, prior=prior, prior_guidance=3.0, steps=2, sampler=de.DDIM(), seed=0)
        assert np.array_equal(image, to_pixels(own)[0].permute(1, 2, 0).numpy())
