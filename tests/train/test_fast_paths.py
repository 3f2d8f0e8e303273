"""What makes training fast changes no number: each fast path against the plain one, to its precision."""

from dataclasses import replace

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import diffusion_edu as de
from diffusion_edu._arguments import tensors
from diffusion_edu.diffusion import process
from diffusion_edu.nn import new_unet
from diffusion_edu.train import loop
from diffusion_edu.train.losses import diffusion_loss

SCHEDULE = de.NoiseSchedule.linear(100)
CONFIG = de.UNetConfig(in_channels=3, channels=(8, 16), blocks=1, attention_levels=(1,), heads=2)
DATA = torch.randint(0, 256, (16, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
RECIPE = de.Recipe(steps=12, batch_size=8, rate=1e-3, warmup=2, flip=True, precision="fp32", log_every=1)


@pytest.fixture(scope="module")
def plain():
    """Losses and weights of a training without any of it."""
    return run()


def run(recipe=RECIPE, config=CONFIG):
    """Losses and weights of a training."""
    model = new_unet(config, 0)
    losses = [step.loss for step in de.fit(model, DATA, recipe, de.Denoising(SCHEDULE), device="cpu")]
    return torch.tensor(losses), torch.cat([p.detach().flatten() for p in model.parameters()])


def gradients(model, memory_format=torch.contiguous_format, bf16=False):
    """Loss and all gradients of one batch, in one row."""
    model = model.to(memory_format=memory_format)
    model.zero_grad()
    x0 = de.data.to_x0(DATA[:8]).to(memory_format=memory_format)
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        loss = diffusion_loss(model, x0, SCHEDULE, generator=torch.Generator().manual_seed(1))
    loss.backward()
    return loss.detach(), torch.cat([p.grad.flatten() for p in model.parameters()])


def relative(found, wanted):
    """Length of the difference over the length of what is wanted."""
    return ((found - wanted).norm() / wanted.norm()).item()


def test_channels_last_is_the_same_arithmetic():
    """Single precision: up to the order of sums."""
    plain, nhwc = (gradients(new_unet(CONFIG, 0), f) for f in (torch.contiguous_format, torch.channels_last))
    assert nhwc[0].item() == pytest.approx(plain[0].item(), rel=1e-5)
    assert relative(nhwc[1], plain[1]) < 1e-5


def test_gradients_in_bf16_are_those_in_single_precision_to_its_eight_bits():
    """A rounding is at most 2^-9; some dozens of layers stand behind each other."""
    plain, half = (gradients(new_unet(CONFIG, 0), bf16=b) for b in (False, True))
    assert half[0].item() == pytest.approx(plain[0].item(), rel=5e-3)
    assert 1e-4 < relative(half[1], plain[1]) < 0.05, "not at all the same, or not in half precision"


@pytest.mark.filterwarnings("error::diffusion_edu.train.machine.MachineWarning")  # said where the loop falls back
def test_the_compiled_network_is_one_graph_and_gives_the_same_numbers(plain, monkeypatch):
    """Without the last stage, the writing of machine code, which needs a C++ compiler at hand."""
    real = torch.compile
    monkeypatch.setattr(torch, "compile", lambda model: real(model, backend="aot_eager", fullgraph=True))
    losses, weights = run(replace(RECIPE, compile=True))
    assert torch.allclose(losses, plain[0], rtol=1e-4)
    assert relative(weights, plain[1]) < 1e-4


def test_the_fused_optimiser_is_the_plain_one(plain, monkeypatch):
    """AdamW with `fused` off, by the same loop."""
    real = torch.optim.AdamW
    seen = []

    def unfused(*args, fused, **options):
        seen.append(fused)
        return real(*args, foreach=False, **options)

    monkeypatch.setattr(torch.optim, "AdamW", unfused)
    losses, weights = run()
    assert seen == [True], "the loop asked for the fused one"
    assert torch.allclose(losses, plain[0], rtol=1e-5)
    assert relative(weights, plain[1]) < 1e-5


def test_the_average_over_all_weights_at_once_is_the_average_of_each():
    """`torch._foreach_lerp_` against a loop."""
    model = new_unet(CONFIG, 0)
    ema = de.EMA(model, 0.9)
    expected = [p.detach().clone() for p in model.parameters()]
    for n in range(4):
        with torch.no_grad():
            for p in model.parameters():
                p.add_(0.1)
        ema.update(model)
        decay = min(0.9, (1 + n) / (10 + n))
        expected = [decay * e + (1 - decay) * p.detach() for e, p in zip(expected, model.parameters())]
    for own, wanted in zip(ema.model.parameters(), expected):
        assert torch.allclose(own, wanted, rtol=1e-5, atol=1e-6)


class NoWaiting(TorchDispatchMode):
    """Fails where a number is read from a tensor: on a GPU the program would wait there for all it was asked."""

    WAITS = ("_local_scalar_dense", "nonzero", "equal", "is_nonzero", "masked_select", "unique")

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        assert not any(word in str(func) for word in self.WAITS), f"{func} waits for the device"
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("dropout", [0.0, 0.1])
def test_no_step_waits_for_the_device(monkeypatch, dropout):
    """What is reported is read at reports only. (Steps t are looked at on a CPU alone: see `process._check_t`.)"""
    monkeypatch.setattr(process, "_check_t", lambda *args: None)
    monkeypatch.setattr(tensors, "_readable", lambda value: False)  # nor is any other number, as on a GPU
    advance, seen = loop._Training._advance, []

    def watched(self):
        with NoWaiting():
            seen.append(self.step)
            return advance(self)

    monkeypatch.setattr(loop._Training, "_advance", watched)
    run(replace(RECIPE, steps=3), replace(CONFIG, dropout=dropout))
    assert seen == [0, 1, 2]


def test_sampling_in_bf16_gives_the_same_pictures_to_a_grey_level_or_two():
    """`fashion`, few steps: what the arithmetic of half precision does to a picture."""
    system = de.load("fashion")
    plain = system.generate(2, steps=3)
    with torch.autocast("cpu", torch.bfloat16):
        half = system.generate(2, steps=3)
    difference = (half.float() - plain.float()).abs() * 127.5
    assert 0 < difference.mean() < 2.0
