"""`diffusion-edu train folder`: images of the reader's own, of any size, and a way on from every refusal."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import diffusion_edu as de
from diffusion_edu import files
from diffusion_edu.cli import grids, training
from diffusion_edu.cli.options import Evaluate, Sample, Train, at_home
from diffusion_edu.nn import AutoEncoder, AutoEncoderConfig
from diffusion_edu.runs import RUNS
from diffusion_edu.systems import Reconstruct
from diffusion_edu.train import loop
from diffusion_edu.train.checkpoint import CHECKPOINT

pytestmark = pytest.mark.usefixtures("tiny_folder")
STEPS = 6  # of the tiny run


def command(data, out, *more):
    return ("train", "folder", "--data", data, "--out", out, "--device", "cpu", *more)


# ---- whose images ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("out", ["runs/folder", "."])
def test_a_run_below_its_own_data_goes_on_and_never_sees_its_grids(call, pictures, out):
    run = command(pictures, pictures / out, "--samples-every", 1)
    code, _, err = call(*run, "--steps", 1)
    assert code == 0, err
    assert (pictures / out / "samples/0000001.png").is_file()
    code, _, err = call(*run, "--steps", 2)
    assert code == 0, err
    assert "read 5 images of" in err
    assert files.read(pictures / out / CHECKPOINT)[1]["data"]["shape"] == [5, 3, 32, 32]
    other = pictures.parent / "other"
    assert call(*command(pictures, other, "--samples-every", 0))[0] == 0
    assert files.read(other / CHECKPOINT)[1]["data"]["shape"] == [5, 3, 32, 32], "nor does another run"


def test_one_line_says_what_became_of_the_files(call, pictures, tmp_path):
    (pictures / "notes.heic").write_text("")
    err = call(*command(pictures, tmp_path / "run"))[2]
    assert "read 5 images of 6 files; left out 1 (1 .heic); 50 x 40 -> 32 x 32\n" in err


def test_white_can_be_said(call, tmp_path):
    (tmp_path / "deep").mkdir()
    for i in range(4):
        Image.fromarray(np.full((32, 32), 65535 * i / 3, np.float32)).save(tmp_path / f"deep/{i}.tif")
    err = call(*command(tmp_path / "deep", tmp_path / "a"))[2]
    assert "3 beyond black or white: 1.tif: 1,024 of 1,024 values outside 0..1 clipped" in err
    code, _, err = call(*command(tmp_path / "deep", tmp_path / "b", "--white", 65535))
    assert code == 0 and "beyond" not in err


# ---- size, channels, network -----------------------------------------------------------------------------


def test_size_and_channels_are_those_that_were_asked_for(call, pictures, tmp_path):
    code, _, err = call(*command(pictures, tmp_path / "run", "--size", 16, "--channels", 1))
    assert code == 0, err
    assert "50 x 40 -> 16 x 16" in err
    system = de.load(tmp_path / "run")
    assert system.shape == (1, 16, 16) and system.generate(1, steps=1).shape == (1, 1, 16, 16)
    card = (tmp_path / "run/weights.json").read_text()
    assert "diffusion-edu train folder --size 16 --channels 1" in card


@pytest.mark.parametrize("model", ["small", "base", "paper"])
def test_the_network_is_the_one_that_was_asked_for(call, pictures, tmp_path, monkeypatch, model):
    seen = []

    def fit(network, *_, **__):
        seen.append(network)
        raise ValueError("enough")

    monkeypatch.setattr(training, "fit", fit)
    monkeypatch.setattr(training, "EMA", lambda *_: type("None", (), {"model": None}))
    monkeypatch.setattr("diffusion_edu.cli.training.Grids", lambda *_: None)
    call(*command(pictures, tmp_path / "run", "--model", model, "--channels", 1, "--size", 64))
    assert seen[0].config == getattr(de.UNetConfig, model)(in_channels=1)


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("folder", ["--size", 30], "size must be a multiple of 4 for this network, got 30"),
        ("folder", ["--size", 0], "size must be a multiple of 4"),
        ("folder", ["--size", 36, "--model", "paper"], "size must be a multiple of 8"),
        ("folder", ["--channels", 2], "channels must be 1 or 3, got 2"),
        ("folder", ["--model", "huge"], "small"),
        ("fashion", ["--size", 64], "--size belongs to the recipe folder: fashion has its own"),
        ("emoji", ["--channels", 1], "--channels belongs to the recipe folder: emoji has its own"),
        ("folder", ["--minutes", "nan"], "--minutes must be positive, got nan"),
        ("folder", ["--minutes", "inf"], "--minutes must be positive, got inf"),
        ("folder", ["--seed", -1], "--seed must be 0 or more and below 2^64, got -1"),
        ("folder", ["--seed", 2**64], "--seed must be 0 or more and below 2^64"),
        ("folder", ["--device", "meta"], "--device must be a device of this machine, got 'meta'"),
    ],
)
def test_what_cannot_be_is_told_before_anything_is_made(call, pictures, tmp_path, name, options, told):
    code, _, err = call("train", name, "--data", pictures, "--out", tmp_path / "run", *options)
    assert code == 2 and told in err
    assert not (tmp_path / "run").exists()


# ---- the way on ------------------------------------------------------------------------------------------


def test_another_batch_is_refused_and_the_way_that_is_named_leads_on(call, pictures, tmp_path):
    run = tmp_path / "run"
    assert call(*command(pictures, run))[0] == 0
    for changed, words in ((("--batch-size", 2), "batch_size 4 -> 2"), (("--rate", 1e-5), "rate 0.0005 -> 1e-05")):
        code, _, err = call(*command(pictures, run, *changed))
        assert code == 1 and words in err
        assert f"A new run can begin with these weights: --from {run} --out ANOTHER-FOLDER" in err
    code, _, err = call(*command(pictures, tmp_path / "next", "--batch-size", 2, "--from", run))
    assert code == 0, err


def test_a_stage_can_be_begun_from_though_nothing_can_be_drawn_with_it(tmp_path):
    coder = AutoEncoder(AutoEncoderConfig.tiny())
    data = {"pixels": torch.zeros(4, 3, 8, 8, dtype=torch.uint8)}
    recipe = de.Recipe(steps=1, batch_size=2, warmup=0, ema_decay=0.0)
    list(de.fit(coder, data, recipe, Reconstruct(), directory=tmp_path))
    other = AutoEncoder(AutoEncoderConfig.tiny())
    training._begin_from(other, str(tmp_path))
    assert all(torch.equal(a, b) for a, b in zip(coder.state_dict().values(), other.state_dict().values()))
    with pytest.raises(ValueError, match="--from must hold a AutoEncoder of the same shape"):
        training._begin_from(AutoEncoder(AutoEncoderConfig.tiny(latent_channels=4)), str(tmp_path))


def test_fewer_steps_than_were_done_are_refused(call, pictures, tmp_path):
    assert call(*command(pictures, tmp_path / "run", "--steps", 4))[0] == 0
    card = (tmp_path / "run/weights.json").read_text()
    code, _, err = call(*command(pictures, tmp_path / "run", "--steps", 2))
    assert code == 2 and f"--steps must be at least 4, as {tmp_path / 'run'} has done so many already, got 2" in err
    assert (tmp_path / "run/weights.json").read_text() == card
    assert call(*command(pictures, tmp_path / "run", "--steps", 4))[0] == 0, "and the folder is free"


def test_a_folder_in_use_is_one_line(call, pictures, tmp_path):
    held = de.fit(
        de.UNet(de.UNetConfig.tiny(channels=(8,), attention_levels=())),
        torch.zeros(2, 3, 8, 8, dtype=torch.uint8),
        de.Recipe(steps=1, batch_size=2),
        de.Denoising(de.NoiseSchedule.linear(100)),
        directory=tmp_path / "run",
    )
    code, _, err = call(*command(pictures, tmp_path / "run"))
    assert code == 1
    last = err.strip().splitlines()[-1]
    assert last.startswith(f"diffusion-edu: error: {tmp_path / 'run'} is in use by another training run")
    list(held)


# ---- a stop ----------------------------------------------------------------------------------------------


def signalled(monkeypatch, at, kind):
    """The signal comes in the middle of a step, as a Ctrl-C does; no report is due in all of the run."""
    advance = loop._Training._advance

    def interrupted(run):
        if run.step + 1 == at:
            os.kill(os.getpid(), kind)
        return advance(run)

    monkeypatch.setattr(loop._Training, "_advance", interrupted)
    return lambda: monkeypatch.setattr(loop._Training, "_advance", advance)


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_comes_with_the_step_that_it_met_and_nothing_is_lost(call, pictures, tmp_path, monkeypatch, kind):
    assert call(*command(pictures, tmp_path / "whole"))[0] == 0
    restore = signalled(monkeypatch, 3, kind)
    code, _, err = call(*command(pictures, tmp_path / "cut"))
    assert code == 128 + kind
    assert "stopping after this step" in err
    assert f"stopped at step 3 of {STEPS}; the same command goes on from there" in err
    assert files.read(tmp_path / "cut" / CHECKPOINT)[1]["step"] == 3
    restore()
    assert call(*command(pictures, tmp_path / "cut"))[0] == 0
    a, b = (files.read(tmp_path / name / CHECKPOINT)[0] for name in ("whole", "cut"))
    assert [name for name in a if not torch.equal(a[name], b[name])] == []


def test_a_stop_while_a_grid_is_drawn_gives_the_grid_up_and_begins_no_step(call, pictures, tmp_path, monkeypatch):
    sample, drawn = grids.sample, []

    def interrupted(*arguments, **options):
        for step in sample(*arguments, **options):
            drawn.append(step)
            os.kill(os.getpid(), signal.SIGINT)
            yield step

    monkeypatch.setattr(grids, "sample", interrupted)
    (stage,) = RUNS["folder"].stages
    stage = replace(stage, recipe=replace(stage.recipe, log_every=2))
    monkeypatch.setitem(RUNS, "folder", replace(RUNS["folder"], stages=(stage,)))
    code, _, err = call(*command(pictures, tmp_path / "run", "--samples-every", 2))
    assert code == 130 and len(drawn) == 1
    assert f"stopped at step 2 of {STEPS}" in err
    assert files.read(tmp_path / "run" / CHECKPOINT)[1]["step"] == 2
    assert not (tmp_path / "run/samples").exists()


def test_an_interrupt_before_the_first_step_is_a_word(call, pictures, tmp_path, monkeypatch):
    def load(folder):
        raise KeyboardInterrupt

    monkeypatch.setattr("diffusion_edu.data.ImageFolder.load", load)
    assert call(*command(pictures, tmp_path / "run")) == (130, "", "diffusion-edu: interrupted\n")


# ---- paths -----------------------------------------------------------------------------------------------


def test_a_tilde_that_no_shell_saw_is_the_readers_own_folder(monkeypatch):
    monkeypatch.setenv("HOME", "/home/reader")
    train = at_home(Train("folder", out=Path("~/run"), data=Path("~/images"), start="~/old"))
    assert (train.out, train.data) == (Path("/home/reader/run"), Path("/home/reader/images"))
    assert (train.recipe, train.start) == ("folder", "/home/reader/old")
    sample = at_home(Sample("~/run", out=Path("~/x.png"), prompt=("~ a wave",)))
    assert (sample.name, sample.out, sample.prompt) == ("/home/reader/run", Path("/home/reader/x.png"), ("~ a wave",))
    assert at_home(Evaluate("~/a", "~/b")).reference == "/home/reader/b"
