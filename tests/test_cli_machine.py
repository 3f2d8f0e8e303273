"""What the command line can be told of the machine: numbers for a GPU, and no compiling."""

from dataclasses import replace

import pytest
import torch

from diffusion_edu import cli
from diffusion_edu.cli import training
from diffusion_edu.runs import RUNS


@pytest.fixture
def recipe_of(monkeypatch, tmp_path, capsys):
    """recipe_of("cifar10-fast", "--gpu"): the recipe that would be trained; or what was said against it."""

    def asked(name, *words):
        seen = []

        def fit(model, data, recipe, objective, **options):
            seen.append(recipe)
            raise ValueError("enough")

        monkeypatch.setattr(training, "fit", fit)
        data = torch.zeros(4, 3, 8, 8, dtype=torch.uint8)
        stages = tuple(replace(stage, data=lambda source, made: data) for stage in RUNS[name].stages)
        monkeypatch.setitem(RUNS, name, replace(RUNS[name], stages=stages))
        assert cli.main(["train", name, "--device", "cpu", "--out", str(tmp_path), *words]) == 2
        return seen[0] if seen else capsys.readouterr().err

    return asked


def test_a_gpu_has_its_own_batch_and_rate_which_an_option_overrules(recipe_of):
    plain, large = recipe_of("emoji-clip"), recipe_of("emoji-clip", "--gpu")
    gpu = RUNS["emoji-clip"].stages[0].gpu
    assert (plain.batch_size, plain.rate) == (128, 1.5e-3)
    assert large == replace(plain, **gpu) and large != plain
    assert recipe_of("emoji-clip", "--gpu", "--batch-size", "8") == replace(large, batch_size=8)
    # A part of its steps has a part of its cooldown.
    assert recipe_of("fashion", "--gpu", "--steps", "8000") == replace(
        recipe_of("fashion", "--gpu"), steps=8000, cooldown=4000
    )


def test_a_recipe_that_compiles_can_be_told_not_to(recipe_of):
    assert recipe_of("cifar10-fast").compile is True
    assert recipe_of("cifar10-fast", "--no-compile").compile is False
    assert recipe_of("emoji-clip").compile is False and recipe_of("emoji-clip", "--compile").compile is True
    assert "--compile and --no-compile exclude each other" in recipe_of("emoji-clip", "--compile", "--no-compile")


def test_a_run_without_numbers_for_a_gpu_keeps_its_own(recipe_of):
    assert not RUNS["cifar10-fast"].stages[0].gpu
    assert recipe_of("cifar10-fast", "--gpu") == recipe_of("cifar10-fast")
