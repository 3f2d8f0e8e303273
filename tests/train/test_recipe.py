import json

import pytest
import torch

from diffusion_edu.nn import UNetConfig, new_unet
from diffusion_edu.train import Recipe
from diffusion_edu.train.machine import has_bf16, tune_malloc


def test_rate_rises_holds_and_falls():
    recipe = Recipe(steps=100, rate=2.0, warmup=10, cooldown=20)
    rates = [recipe.rate_at(n) for n in range(1, 101)]
    assert rates[:10] == pytest.approx([0.2 * n for n in range(1, 11)])
    assert rates[10:80] == [2.0] * 70
    assert rates[80:] == pytest.approx([2.0 * n / 20 for n in range(20, 0, -1)])
    assert all(rate > 0 for rate in rates), "no step is wasted"


def test_rate_without_ends_is_constant():
    assert {Recipe(steps=50, rate=0.5, warmup=0).rate_at(n) for n in range(1, 51)} == {0.5}


def test_rate_where_the_ends_overlap_is_the_lower_one():
    recipe = Recipe(steps=10, rate=1.0, warmup=10, cooldown=10)
    assert [recipe.rate_at(n) for n in (1, 5, 6, 10)] == pytest.approx([0.1, 0.5, 0.5, 0.1])


def test_a_recipe_survives_being_written_down():
    recipe = Recipe(steps=7, flip=True, minutes=1.5, cooldown=3)
    assert Recipe.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe
    with pytest.raises(ValueError, match="no field epochs"):
        Recipe.from_dict({"epochs": 3})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"steps": 0}, ["steps", "at least 1", "0"]),
        ({"batch_size": 0}, ["batch_size", "at least 1"]),
        ({"rate": 0.0}, ["rate", "positive", "0.0"]),
        ({"warmup": -1}, ["warmup", "at least 0", "-1"]),
        ({"steps": 10, "cooldown": 11}, ["cooldown", "0..10", "11"]),
        ({"weight_decay": -0.1}, ["weight_decay", "-0.1"]),
        ({"clip": 0.0}, ["clip", "positive"]),
        ({"ema_decay": 1.0}, ["ema_decay", "[0, 1)", "1.0"]),
        ({"minutes": 0}, ["minutes", "positive", "0"]),
        ({"precision": "fp64"}, ["precision", "auto, fp32, bf16, fp16", "'fp64'"]),
        ({"seed": -1}, ["seed", "at least 0"]),
        ({"log_every": 0}, ["log_every", "at least 1"]),
        ({"checkpoint_every": 0}, ["checkpoint_every", "at least 1"]),
    ],
)
def test_bad_numbers_are_named(changes, words):
    with pytest.raises(ValueError) as caught:
        Recipe(**changes)
    for word in words:
        assert word in str(caught.value)


def test_a_new_network_is_a_function_of_its_seed():
    before = torch.random.get_rng_state()
    config = UNetConfig.tiny(in_channels=1)
    first, again, other = (new_unet(config, seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_machine_is_asked_politely(monkeypatch):
    assert has_bf16(torch.device("cpu")) in (True, False)
    assert not has_bf16(torch.device("meta"))
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "1")
    assert tune_malloc() is False, "the user's own setting stands"
