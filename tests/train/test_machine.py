"""What depends on the machine: fakes stand for GPUs that are not here."""

import math
import subprocess
import sys
import warnings
from dataclasses import replace

import pytest
import torch
from torch import nn

import diffusion_edu as de
from diffusion_edu import files
from diffusion_edu.systems.clip import clip_loss
from diffusion_edu.train import machine
from diffusion_edu.train.machine import MachineWarning, best_device, best_precision, pick_precision

CPU, CUDA, MPS = (torch.device(name) for name in ("cpu", "cuda", "mps"))
DENOISING = de.Denoising(de.NoiseSchedule.linear(50))
DATA = torch.randint(0, 256, (10, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
RECIPE = de.Recipe(steps=4, batch_size=4, rate=1e-2, warmup=0, precision="fp32", log_every=1, checkpoint_every=2)


@pytest.fixture
def gpu(monkeypatch):
    """gpu(7, 5): the machine has a GPU of that compute capability."""

    def has(*capability):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device=None: capability)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda device=None: "a card")

    return has


@pytest.fixture
def silent():
    """Notes are errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", MachineWarning)
        yield


@pytest.mark.parametrize(
    "capability, best", [((9, 0), "bf16"), ((8, 0), "bf16"), ((7, 5), "fp16"), ((7, 0), "fp16"), ((6, 1), "fp32")]
)
def test_auto_takes_what_the_gpu_is_fast_at(gpu, silent, capability, best):
    gpu(*capability)
    assert best_precision(CUDA) == best == pick_precision("auto", CUDA)
    assert pick_precision("fp32", CUDA) == "fp32"


def test_apples_gpu_trains_in_single_precision(silent):
    assert pick_precision("auto", MPS) == "fp32"


def test_half_precision_that_a_gpu_does_not_have_is_told_and_replaced(gpu):
    gpu(7, 5)
    with pytest.warns(MachineWarning, match=r"'bf16' is only emulated on a card: going on in fp16"):
        assert pick_precision("bf16", CUDA) == "fp16"
    gpu(6, 1)
    with pytest.warns(MachineWarning, match=r"going on in fp32"):
        assert pick_precision("bf16", CUDA) == "fp32"


def test_half_precision_that_a_processor_is_slow_at_is_told(monkeypatch, silent):
    monkeypatch.setattr(machine, "has_bf16", lambda device: True)
    assert pick_precision("bf16", CPU) == "bf16"
    monkeypatch.setattr(machine, "has_bf16", lambda device: False)
    for asked in ("bf16", "fp16"):
        with pytest.warns(MachineWarning, match=rf"'{asked}' is slow on cpu, 1 thread; 'auto' takes fp32"):
            assert pick_precision(asked, CPU) == asked


def test_a_device_without_autocast_goes_on_in_single_precision(monkeypatch):
    monkeypatch.setattr(torch.amp, "is_autocast_available", lambda kind: False)
    with pytest.warns(MachineWarning, match=r"'bf16' is not there on mps: going on in fp32"):
        assert pick_precision("bf16", MPS) == "fp32"


@pytest.mark.parametrize(
    "present, autocast, answers, wanted",
    [(False, True, 4.0, "cpu"), (True, False, 4.0, "cpu"), (True, True, 0.0, "cpu"), (True, True, 4.0, "mps")],
)
def test_apples_gpu_is_chosen_where_it_is_there_and_works(monkeypatch, present, autocast, answers, wanted):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: present)
    monkeypatch.setattr(torch.amp, "is_autocast_available", lambda kind: autocast)
    monkeypatch.setattr(torch, "ones", lambda *size, device: torch.full(size, answers / 2 - 1))
    assert best_device().type == wanted


def test_a_gpu_is_chosen_first_and_each_process_takes_its_own(gpu):
    gpu(9, 0)
    assert best_device() == torch.device("cuda", 0) and best_device(3) == torch.device("cuda", 3)


def test_the_contrastive_loss_needs_no_autocast_of_the_device(monkeypatch):
    """torch 2.4 knows none on Apple's GPUs, and raises where one is asked for, even to switch it off."""
    one = torch.eye(2)
    wanted = clip_loss(one, one, 0.0)
    monkeypatch.setattr(torch.amp, "is_autocast_available", lambda kind: False)
    monkeypatch.setattr(torch, "autocast", lambda *a, **k: pytest.fail("autocast was asked for"))
    assert clip_loss(one, one, 0.0) == wanted


# ---- fp16 ------------------------------------------------------------------------------------------------


class Conv(nn.Module):
    """The smallest network."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 3, padding=1)

    def forward(self, x_t, t, cond=None):
        return self.conv(x_t)


def conv():
    torch.manual_seed(0)
    return Conv()


@pytest.mark.filterwarnings("ignore::diffusion_edu.train.machine.MachineWarning")
def test_fp16_trains_as_single_precision_does_and_resumes_with_its_scale(tmp_path):
    half = replace(RECIPE, precision="fp16")
    losses = {r.precision: [s.loss for s in de.fit(conv(), DATA, r, DENOISING, device="cpu")] for r in (RECIPE, half)}
    assert losses["fp16"] == pytest.approx(losses["fp32"], rel=5e-3) and losses["fp16"] != losses["fp32"]
    whole, parted = conv(), conv()
    list(de.fit(whole, DATA, half, DENOISING, directory=tmp_path / "whole", device="cpu"))
    for steps in (2, 4):
        list(de.fit(parted, DATA, replace(half, steps=steps), DENOISING, directory=tmp_path / "parted", device="cpu"))
    assert torch.equal(whole.conv.weight, parted.conv.weight)
    metas = [files.read(tmp_path / name / "checkpoint.safetensors")[1] for name in ("whole", "parted")]
    assert metas[0]["scaler"] == metas[1]["scaler"] and metas[0]["scaler"]["_growth_tracker"] == 4


@pytest.mark.filterwarnings("ignore::diffusion_edu.train.machine.MachineWarning")
def test_a_step_whose_scaled_gradient_overflows_is_left_out_and_the_scale_halved(tmp_path, monkeypatch):
    real = torch.amp.GradScaler
    monkeypatch.setattr(torch.amp, "GradScaler", lambda *a, **k: real(*a, **{**k, "init_scale": 2.0**60}))
    model = conv()
    before = model.conv.weight.detach().clone()
    run = de.fit(model, DATA, replace(RECIPE, precision="fp16"), DENOISING, directory=tmp_path, device="cpu")
    first = next(run)
    assert first.loss < 10 and not math.isfinite(first.grad_norm)
    assert torch.equal(model.conv.weight, before)
    run.close()
    meta = files.read(tmp_path / "checkpoint.safetensors")[1]
    assert meta["step"] == 1 and meta["scaler"]["scale"] == 2.0**59


# ---- torch.compile ---------------------------------------------------------------------------------------


def no_compiler(model):
    """What torch.compile is on a machine without a compiler: it fails when it is first used."""

    def run(*arguments, **named):
        from torch._inductor.exc import InvalidCxxCompiler

        raise InvalidCxxCompiler

    return run


def test_without_a_compiler_a_run_says_so_and_is_the_plain_one(monkeypatch):
    wanted = list(de.fit(conv(), DATA, RECIPE, DENOISING, device="cpu"))
    monkeypatch.setattr(torch, "compile", no_compiler)
    with pytest.warns(MachineWarning, match=r"torch.compile failed \(InvalidCxxCompiler: .*: going on as with") as told:
        got = list(de.fit(conv(), DATA, replace(RECIPE, compile=True), DENOISING, device="cpu"))
    assert [step[:4] for step in got] == [step[:4] for step in wanted]
    assert len(told) == 1


def test_a_fault_of_the_network_is_not_taken_for_one_of_the_compiler(monkeypatch):
    def broken(model):
        def run(*arguments, **named):
            raise KeyError("a fault of the network")

        return run

    monkeypatch.setattr(torch, "compile", broken)
    with pytest.raises(KeyError, match="a fault of the network"):
        list(de.fit(conv(), DATA, replace(RECIPE, compile=True), DENOISING, device="cpu"))


def test_what_fails_after_the_first_step_is_raised(monkeypatch):
    calls = []

    def late(model):
        def run(*arguments, **named):
            calls.append(1)
            return model(*arguments, **named) if len(calls) == 1 else no_compiler(model)()

        return run

    monkeypatch.setattr(torch, "compile", late)
    with pytest.raises(RuntimeError, match="compiler"):
        list(de.fit(conv(), DATA, replace(RECIPE, compile=True), DENOISING, device="cpu"))


@pytest.mark.slow
def test_the_command_line_goes_on_without_a_compiler_and_says_so_in_a_line(tmp_path):
    """The real thing: a compiler that is not there."""
    for name in "ab":
        de.data.save_grid(tmp_path / f"pictures/{name}.png", torch.zeros(1, 3, 32, 32), scale=1)
    words = ["train", "folder", "--data", str(tmp_path / "pictures"), "--steps", "1", "--batch-size", "2"]
    words += ["--precision", "fp32", "--compile"]
    code = """
import sys
from diffusion_edu import UNetConfig, cli
from diffusion_edu.runs import RUNS, folder
RUNS["folder"] = folder.folder_run(UNetConfig(in_channels=3, channels=(4,), blocks=1, attention_levels=()))
sys.exit(cli.main(sys.argv[1:]))
"""
    environment = {"CXX": "/nowhere/g++", "PATH": "/nowhere", "TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", code, *words, "--samples-every", "0", "--device", "cpu", "--out", str(tmp_path / "run")],
        env={**machine.os.environ, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "diffusion-edu: note: torch.compile failed" in done.stderr and "Traceback" not in done.stderr


# ---- from machine to machine -----------------------------------------------------------------------------


def test_a_run_that_goes_on_elsewhere_says_so(tmp_path, monkeypatch, silent):
    list(de.fit(conv(), DATA, replace(RECIPE, steps=2), DENOISING, directory=tmp_path, device="cpu"))
    list(de.fit(conv(), DATA, replace(RECIPE, steps=3), DENOISING, directory=tmp_path, device="cpu"))
    path = tmp_path / "checkpoint.safetensors"
    tensors, meta = files.read(path)
    assert meta["device"] == "cpu" and meta["precision"] == "fp32"
    files.write(path, tensors, {**meta, "device": "cuda", "precision": "bf16", "torch": "2.4.0"})
    told = rf"device cuda -> cpu, precision bf16 -> fp32, torch 2\.4\.0 -> {torch.__version__.replace('+', '.')}"
    with pytest.warns(MachineWarning, match=told):
        list(de.fit(conv(), DATA, RECIPE, DENOISING, directory=tmp_path, device="cpu"))


def test_a_checkpoint_that_does_not_name_its_machine_is_no_other_one(tmp_path, silent):
    list(de.fit(conv(), DATA, replace(RECIPE, steps=2), DENOISING, directory=tmp_path, device="cpu"))
    path = tmp_path / "checkpoint.safetensors"
    tensors, meta = files.read(path)
    files.write(path, tensors, {key: meta[key] for key in meta if key not in ("device", "precision")})
    list(de.fit(conv(), DATA, RECIPE, DENOISING, directory=tmp_path, device="cpu"))
