import math

import pytest
import torch
from torch import nn

from diffusion_edu import EMA


def constant(value):
    model = nn.Linear(2, 1)
    nn.init.constant_(model.weight, value)
    nn.init.constant_(model.bias, -value)
    return model


def test_average_follows_the_recursion_with_warm_up():
    """theta_ema <- d theta_ema + (1 - d) theta, d = min(decay, (1 + n) / (10 + n)), in plain numbers."""
    values = [0.5 * k * (-1) ** k for k in range(1, 120)]
    ema = EMA(constant(3.0), decay=0.9)
    wanted, decays = 3.0, []
    for n, value in enumerate(values):
        ema.update(constant(value))
        decays.append(min(0.9, (1 + n) / (10 + n)))
        wanted = decays[-1] * wanted + (1 - decays[-1]) * value
        assert ema.model.weight.flatten().tolist() == pytest.approx([wanted] * 2, rel=1e-4, abs=1e-5)
        assert ema.model.bias.item() == pytest.approx(-wanted, rel=1e-4, abs=1e-5)
    assert decays[0] == 0.1
    assert decays[-1] == 0.9
    assert ema.updates == len(values)


def test_the_random_start_is_forgotten_at_once():
    """Trap 24: with a fixed decay of 0.9999 it would still hold 90% of the average after 1,000 steps."""
    ema = EMA(constant(1.0), decay=0.9999)
    for _ in range(1000):
        ema.update(constant(0.0))
    assert 0.9999**1000 > 0.9
    assert ema.model.weight.abs().max() < 1e-6


def test_buffers_are_copied_and_not_averaged():
    """Trap 24: the average of a counter, or of statistics, is nobody's."""
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    ema = EMA(model, 0.5)
    for _ in range(3):
        model(torch.randn(8, 2, generator=torch.Generator().manual_seed(0)))
        ema.update(model)
    assert ema.model[1].num_batches_tracked == 3
    assert torch.equal(ema.model[1].running_mean, model[1].running_mean)
    assert torch.equal(ema.model[1].running_var, model[1].running_var)


def test_the_average_is_a_copy_that_does_not_train():
    model = constant(1.0)
    ema = EMA(model)
    assert not ema.model.training
    assert not any(p.requires_grad for p in ema.model.parameters())
    with torch.no_grad():
        model.weight.fill_(5)
    assert torch.equal(ema.model.weight, torch.ones(1, 2))
    ema.update(model)
    assert torch.equal(model.weight, torch.full((1, 2), 5.0)), "the network itself is only read"
    assert model.weight.requires_grad
    assert model.training


def test_a_zero_decay_keeps_the_last_weights():
    ema = EMA(constant(1.0), decay=0.0)
    for value in (4.0, 2.0):
        ema.update(constant(value))
    assert torch.equal(ema.model.weight, torch.full((1, 2), 2.0))


@pytest.mark.parametrize("decay", [1.0, -0.1, math.nan])
def test_a_bad_decay_is_named(decay):
    with pytest.raises(ValueError, match=r"decay must be in \[0, 1\), got"):
        EMA(constant(1.0), decay)
