"""Training on the other device: the losses of the CPU, runs that go on from one to the other, and the fast paths."""

import contextlib
import functools
import warnings
from dataclasses import replace

import pytest
import torch

import diffusion_edu as de
from diffusion_edu import cli
from diffusion_edu.cli import grids
from diffusion_edu.nn import new_unet
from diffusion_edu.runs import RUNS, emoji_clip, folder
from diffusion_edu.runs import fashion_classifier as classifier
from diffusion_edu.train.machine import MachineWarning, has_bf16

pytestmark = pytest.mark.filterwarnings("ignore:TF32 acceleration on top of oneDNN")
LINEAR = de.NoiseSchedule.linear(50)
DATA = torch.randint(0, 256, (20, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
RECIPE = de.Recipe(
    steps=6, batch_size=8, rate=1e-3, warmup=2, flip=True, precision="fp32", log_every=1, checkpoint_every=3
)


# Two levels, one of them with attention: the device that is not there takes its time for each operation.
SHAPE = de.UNetConfig(in_channels=3, channels=(16, 32), blocks=1, attention_levels=(1,))


def unet():
    return new_unet(SHAPE, 0)


def losses(device, recipe=RECIPE, target="eps", **options):
    return [step.loss for step in de.fit(unet(), DATA, recipe, de.Denoising(LINEAR, target), device=device, **options)]


@functools.cache
def of_the_cpu(run):
    """The curve that the others are compared with."""
    return run("cpu")


def test_a_run_is_the_same_curve(other):
    here = of_the_cpu(losses)
    with other.work() as device:
        assert losses(device) == pytest.approx(here, rel=1e-3)
        other_run = losses(device, replace(RECIPE, steps=2), target="v")
        assert other_run != pytest.approx(here[:2], rel=1e-3), "another run is another curve"


def test_a_run_goes_on_on_the_other_device_and_comes_back(other, tmp_path):
    """Saved on the CPU, gone on elsewhere, saved there, and ended on the CPU; a change of device is told."""
    here = of_the_cpu(losses)

    def told():
        if other.device.type == "cpu":
            return contextlib.nullcontext()
        return pytest.warns(MachineWarning, match="goes on elsewhere")

    got = losses("cpu", replace(RECIPE, steps=2), directory=tmp_path)
    with told(), other.work() as device:
        got += losses(device, replace(RECIPE, steps=4), directory=tmp_path)
    with told():
        got += losses("cpu", directory=tmp_path)
    assert got == pytest.approx(here, rel=2e-3)
    assert de.load(tmp_path).generate(1, steps=2).isfinite().all()


@pytest.mark.filterwarnings("ignore::diffusion_edu.train.machine.MachineWarning")
@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_is_close_and_its_weights_are_single(other_kernels, precision):
    here = of_the_cpu(losses)
    with other_kernels.work() as device:
        model = unet()
        run = de.fit(model, DATA, replace(RECIPE, precision=precision), de.Denoising(LINEAR), device=device)
        got = [step.loss for step in run]
        assert got == pytest.approx(here, rel=0.02) and got != here
        assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_auto_is_half_precision_where_that_is_fast(other_kernels):
    with other_kernels.work() as device, warnings.catch_warnings():
        warnings.simplefilter("error", MachineWarning)
        run = losses(device, replace(RECIPE, precision="auto"))
        exact = losses(device)
    assert (run == exact) != (has_bf16(device) or device.type == "cuda")


def test_a_compiled_run_is_the_same_curve(other_kernels, monkeypatch):
    """On a GPU compiled in earnest; on the CPU without the last stage, which needs a compiler at hand."""
    if other_kernels.device.type == "cpu":
        real = torch.compile
        monkeypatch.setattr(torch, "compile", lambda model: real(model, backend="aot_eager"))
    here = losses("cpu", replace(RECIPE, steps=3))
    with other_kernels.work() as device, warnings.catch_warnings():
        warnings.simplefilter("error", MachineWarning)  # "going on without it" would be no test
        assert losses(device, replace(RECIPE, steps=3, compile=True)) == pytest.approx(here, rel=2e-3)


def clip_run(device):
    pixels = de.data.emoji("train").pixels[:24]
    data = {
        "pixels": pixels,
        "ids": torch.randint(1, 50, (24, 3, 8), generator=torch.Generator().manual_seed(0)),
        "group": torch.arange(24) // 2,
    }
    recipe = replace(emoji_clip.RECIPE, steps=3, batch_size=8, cooldown=0, warmup=0, precision="fp32", log_every=1)
    model = emoji_clip.new_clip(0)
    return [s.loss for s in de.fit(model, data, recipe, emoji_clip.OBJECTIVE, device=device)]


def classifier_run(device):
    test = de.data.fashion_mnist("test")
    data = {"pixels": test.pixels[:64], "label": test.labels[:64]}
    recipe = replace(classifier.RECIPE, steps=3, batch_size=16, cooldown=0, warmup=0, precision="fp32", log_every=1)
    model = classifier.new_classifier(0)
    return [s.loss for s in de.fit(model, data, recipe, classifier.OBJECTIVE, device=device)]


@pytest.mark.parametrize("run", [clip_run, classifier_run])
def test_the_other_objectives_are_the_same_curves(other, run):
    here = of_the_cpu(run)
    with other.work() as device:
        assert run(device) == pytest.approx(here, rel=2e-3)


def test_the_command_line_trains_draws_and_evaluates(other, tmp_path, monkeypatch, capsys):
    """From pictures in a folder to weights, a sheet and a distance."""
    recipe = replace(RECIPE, precision="auto", steps=3)
    monkeypatch.setitem(RUNS, "folder", folder.folder_run(SHAPE, recipe))
    monkeypatch.setattr(grids, "STEPS", 3)
    for index, picture in enumerate(DATA):
        de.data.save_grid(tmp_path / f"pictures/{index}.png", de.data.to_x0(picture[None]), scale=2)
    run, sheet = str(tmp_path / "run"), tmp_path / "sheet.png"
    with other.work() as device:
        where = ("--device", str(device))
        assert cli.main(["train", "folder", "--data", str(tmp_path / "pictures"), "--out", run, *where]) == 0
        assert cli.main(["sample", run, "--n", "4", "--steps", "3", "--out", str(sheet), *where]) == 0
        told = ["evaluate", run, str(tmp_path / "pictures"), "--network", "emoji-clip", "--n", "8", "--steps", "2"]
        assert cli.main([*told, "--resamples", "0", *where]) == 0
    assert sheet.is_file() and "emoji-clip" in capsys.readouterr().out
    card = de.cards.read_card(tmp_path / "run/weights.safetensors")
    assert (torch.cuda.get_device_name() if other.device.type == "cuda" else other.device.type) in card["device"]
