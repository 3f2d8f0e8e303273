"""All that is public, with networks and tensors on a device that refuses the CPU's: the answers are those of the CPU.

The calls are those of `tools/checks/good`, one for everything public.
"""

import contextlib
import copy
import io
import sys
import warnings
from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

import diffusion_edu as de
from diffusion_edu.export import to_onnx
from diffusion_edu.randomness import Draw
from diffusion_edu.runs import RUNS

sys.path.insert(0, str(Path(__file__).parents[1] / "tools" / "checks"))
sys.path.insert(0, str(Path(__file__).parent / "devices"))

import arguments
import good_calls
import kills
import pretend

# What is made is used with tensors of the CPU at once, and has a call of its own that uses it.
USED_AT_ONCE = {"Denoiser", "Guided", "FlowDenoiser"}
# The U-Net around them brings the condition along.
IN_A_NETWORK = {"DownBlock.forward", "UpBlock.forward"}
# They copy the network to the CPU, which has a test of its own: the exporter cannot run below the pretended device.
EXPORTED = {"to_onnx", "to_graph", "to_graphs"}


def made(name):
    """A call's function and arguments, the same numbers at each time."""
    torch.manual_seed(0)
    return good_calls.CALLS[name].make()


def moved(value):
    """A network or a tensor on the device; conditions stay on the CPU, since networks bring them along."""
    if isinstance(value, nn.Module):
        return copy.deepcopy(value).to(pretend.device())
    if isinstance(value, Tensor):
        return value.to(pretend.device())
    if isinstance(value, Draw):
        value.device = pretend.device()
    return value


def numbers(value):
    """All tensors in an answer, one after the other."""
    if isinstance(value, Tensor):
        return [value.detach().cpu().double()]
    if is_dataclass(value) and not isinstance(value, type):
        value = [getattr(value, field.name) for field in fields(value)]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return [number for part in parts for number in numbers(part)]


@contextlib.contextmanager
def quiet():
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize("name", sorted(set(good_calls.CALLS) - good_calls.FAILS - USED_AT_ONCE - EXPORTED))
def test_a_call_answers_there_what_it_answers_here(name):
    call = good_calls.CALLS[name]
    with quiet():
        here = numbers(arguments.run(call, *made(name)))
        function, given = made(name)
        with pretend.running() as device:
            owner = getattr(function, "__self__", None)
            function = getattr(moved(owner), function.__name__) if isinstance(owner, nn.Module) else moved(function)
            given = tree_map(moved, given)
            if given.get("device") == "cpu":
                given["device"] = device
            if name in IN_A_NETWORK:
                given["cond"] = given["cond"].to(device)
            there = numbers(arguments.run(call, function, given))
    assert len(there) == len(here)
    for ours, theirs in zip(there, here, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4, equal_nan=True)


def test_the_device_refuses_what_a_gpu_refuses():
    """So that no call above passes for want of a check."""
    with pretend.running() as device:
        there = torch.ones(2, 3, device=device)
        assert (there + 1).sum().item() == 12 and (there * torch.tensor(2.0)).device == device
        for wrong in (
            lambda: there + torch.ones(3),
            lambda: torch.cat([there, torch.ones(1, 3)]),
            lambda: nn.Linear(3, 2)(there),
            lambda: there.numpy(),
            lambda: torch.randn(2, device=device, generator=torch.Generator()),
        ):
            with pytest.raises(RuntimeError):
                wrong()


@pytest.mark.parametrize(
    ("network", "given"),
    [
        (de.UNet(de.UNetConfig.tiny(in_channels=1)), {"x_t": torch.zeros(1, 1, 8, 8), "t": 3}),
        (de.nn.AutoEncoder(de.nn.AutoEncoderConfig.tiny(in_channels=3)).encode, {"x0": torch.zeros(1, 3, 8, 8)}),
        (de.nn.SelfAttention(8, 2), {"x": torch.zeros(1, 8, 4, 4)}),
        (de.nn.LabelEmbedding(3, 4), {"labels": torch.tensor([1])}),
    ],
    ids=["UNet", "AutoEncoder", "SelfAttention", "LabelEmbedding"],
)
def test_a_network_names_the_tensor_that_stayed_on_the_cpu(network, given):
    with pretend.running() as device:
        owner = getattr(network, "__self__", network)
        call = getattr(moved(owner), network.__name__) if owner is not network else moved(network)
        with pytest.raises(
            ValueError, match=rf"^{next(iter(given))} must be on {device}, where the network is, got cpu"
        ):
            call(**given)


class Two(nn.Module):
    """The smallest network that an exporter takes."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(3, 2)

    def forward(self, x):
        return self.inner(x)


def test_a_network_from_there_is_exported(tmp_path):
    """The file is compared with PyTorch's answers by `to_onnx` itself."""
    two = Two()
    with pretend.running() as device:
        there = two.to(device)
    assert there.inner.weight.device == device
    to_onnx(there, tmp_path / "two.onnx", example={"x": torch.zeros(2, 3)}, half=False)
    assert (tmp_path / "two.onnx").is_file() and there.inner.weight.device == device


@pytest.mark.parametrize("name", kills.DATA)
def test_every_training_of_a_run_is_the_same_curve_there(name):
    run, _, part = name.partition("/")
    stage = next(stage for stage in RUNS[run].stages if stage.name == part)
    config = kills.tiny(stage.config)
    stage = replace(stage, config=replace(config, dropout=0.0) if hasattr(config, "dropout") else config)
    recipe = replace(stage.recipe, steps=2, batch_size=4, warmup=0, cooldown=0, precision="fp32", log_every=1)
    data = kills.rows(kills.DATA[name], config)

    def losses(device):
        return [step.loss for step in de.fit(stage.new(0), data, recipe, stage.objective({}), device=device)]

    here = losses("cpu")
    with pretend.running() as device:
        assert losses(device) == pytest.approx(here, rel=1e-3)
