"""Named trainings: the table, runs of several stages, and what of them the command line shows."""

import json
from dataclasses import dataclass, replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import diffusion_edu as de
from diffusion_edu import cards, files, pretrained, runs
from diffusion_edu.cli import main
from diffusion_edu.config import Config
from diffusion_edu.files import CheckpointError
from diffusion_edu.pretrained import Built
from diffusion_edu.runs import RUNS, Run, Stage
from diffusion_edu.runs.run import checksum
from diffusion_edu.train.checkpoint import CHECKPOINT

RECIPE = de.Recipe(steps=4, batch_size=4, warmup=0, precision="fp32", log_every=1, checkpoint_every=2, ema_decay=0.5)


@dataclass(frozen=True)
class PairConfig(Config):
    width: int = 3


class Half(nn.Module):
    """One half of a toy system: a linear layer."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.layer = nn.Linear(4, config.width)

    def forward(self, x):
        return self.layer(x)


class Pair(nn.Module):
    """A toy system of two networks, the second trained on what the first makes of the data."""

    def __init__(self, config, used=None):
        super().__init__()
        self.config, self.used = config, dict(used or {})
        self.first, self.second = Half(config), Half(PairConfig(1))
        self.second.layer = nn.Linear(config.width, 1)


class Second(Half):
    def __init__(self, config):
        super().__init__(config)
        self.layer = nn.Linear(config.width, 1)


def mean_is(goal):
    def objective(model, batch, draw):
        return F.mse_loss(model(batch["x"] + 0 * draw.normal(1)), torch.full_like(batch["y"], goal))

    return objective


def x(seed=0):
    return torch.randn(8, 4, generator=torch.Generator().manual_seed(seed))


def toy(seed=0, uses=()):
    def assemble(made):
        pair = Pair(PairConfig())
        pair.first.load_state_dict(made["first"].state_dict())
        pair.second.load_state_dict(made["second"].state_dict())
        pair.uses = uses
        return pair

    return Run(
        "toy",
        "two stages",
        (
            Stage("first", Half, PairConfig(), RECIPE, lambda source, made: {"x": x(seed), "y": torch.zeros(8, 3)},
                  lambda made: mean_is(1.0)),
            Stage("second", Second, PairConfig(), RECIPE,
                  lambda source, made: {"x": made["first"](x()), "y": torch.zeros(8, 1)}, lambda made: mean_is(2.0)),
        ),
        notes={"limits": "a toy"},
        assemble=assemble,
        measure=lambda system: {"at_zero": system.second(system.first(torch.zeros(1, 4))).item()},
    )  # fmt: skip


@pytest.fixture
def call(capsys, monkeypatch):
    """Run the command line with the toy run and the toy system in the tables."""
    monkeypatch.setitem(RUNS, "toy", toy())
    monkeypatch.setitem(pretrained.BUILT, "Pair", Built(Pair, PairConfig))
    monkeypatch.setattr("diffusion_edu.cli.training.tune_malloc", lambda: False)

    def run(*arguments):
        code = main([*map(str, arguments), *(("--device", "cpu") if arguments[0] == "train" else ())])
        out, err = capsys.readouterr()
        return code, out, err

    return run


# ---- the table -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", RUNS)
def test_every_named_run_is_whole(name):
    run = RUNS[name]
    assert run.name == name and run.about
    assert set(run.notes) == {"training_data", "licence", "intended_use", "limits"}
    for stage in run.stages:
        with torch.device("meta"):
            network = stage.network(stage.config)
        assert network.config == stage.config
        assert replace(stage.recipe, steps=stage.recipe.steps + 1).steps > stage.recipe.warmup
        objective = stage.objective({})
        if isinstance(objective, de.Denoising):
            assert objective.schedule.alpha_bar[-1] < 0.01


def test_the_run_of_ddpm_is_that_of_the_paper():
    (stage,) = RUNS["cifar10"].stages
    with torch.device("meta"):
        assert sum(p.numel() for p in de.UNet(stage.config).parameters()) == 35_746_307
    r = stage.recipe
    assert (r.steps, r.batch_size, r.rate, r.clip, r.ema_decay, r.flip) == (800_000, 128, 2e-4, 1.0, 0.9999, True)
    assert stage.config.dropout == 0.1 and stage.objective({}).schedule.T == 1000
    assert RUNS["cifar10-fast"].stages[0].config == stage.config


def test_runs_that_are_not_whole_are_named():
    stage = toy().stages[0]
    for stages, words in (((), "stages must be at least one"), ((stage, stage), "names of their own")):
        with pytest.raises(ValueError, match=words):
            Run("x", "x", stages, assemble=lambda made: made["first"])
    with pytest.raises(ValueError, match="assemble must be given for a run of several stages"):
        Run("x", "x", toy().stages)


# ---- stages ----------------------------------------------------------------------------------------------


def test_stages_follow_each_other_and_become_one_system(call, tmp_path):
    code, _, err = call("train", "toy", "--out", tmp_path / "toy")
    assert code == 0, err
    assert (tmp_path / "toy" / "first" / CHECKPOINT).is_file() and (tmp_path / "toy" / "second" / CHECKPOINT).is_file()
    pair = de.load(tmp_path / "toy")
    made = RUNS["toy"].before(tmp_path / "toy", RUNS["toy"].stages[1])
    assert torch.allclose(pair.first.layer.weight, made["first"].layer.weight, atol=1e-3), "half precision"
    card = json.loads(call("info", tmp_path / "toy", "--json")[1])
    assert card["model"] == {"class": "Pair", "config": {"width": 3}} and card["uses"] == {}
    assert {name: stage["step"] for name, stage in card["stages"].items()} == {"first": 4, "second": 4}
    assert card["limits"] == "a toy" and card["command"] == "diffusion-edu train toy"
    assert card["measured"]["at_zero"] == pytest.approx(pair.second(pair.first(torch.zeros(1, 4))).item(), abs=1e-2)
    before = (tmp_path / "toy" / "weights.safetensors").read_bytes()
    assert call("train", "toy", "--out", tmp_path / "toy")[0] == 0, "all is done: the same file again"
    assert (tmp_path / "toy" / "weights.safetensors").read_bytes() == before


def test_a_stage_at_a_time(call, tmp_path):
    code, _, err = call("train", "toy", "--stage", "second", "--out", tmp_path)
    assert code == 1 and "no checkpoint at" in err, "the first is not there yet"
    code, out, _ = call("train", "toy", "--stage", "first", "--steps", 2, "--out", tmp_path)
    assert code == 0 and "the stage first is done" in out and not (tmp_path / "weights.safetensors").exists()
    assert call("train", "toy", "--stage", "second", "--out", tmp_path)[0] == 0
    assert (tmp_path / "weights.safetensors").exists()
    # The first goes on, and the second knows that what it was made from has changed.
    assert call("train", "toy", "--stage", "first", "--out", tmp_path)[0] == 0
    code, _, err = call("train", "toy", "--stage", "second", "--out", tmp_path)
    assert code == 1 and "belongs to another run: its data is" in err


def test_a_stage_that_needs_no_other_is_trained_before_it(monkeypatch, call, tmp_path):
    first, second = toy().stages
    alone = replace(second, data=lambda source, made: {"x": torch.zeros(8, 3), "y": torch.zeros(8, 1)}, needs=())
    monkeypatch.setitem(RUNS, "toy", replace(toy(), stages=(first, alone), assemble=toy().assemble))
    assert RUNS["toy"].before(tmp_path, alone) == {}
    code, out, err = call("train", "toy", "--stage", "second", "--out", tmp_path)
    assert code == 0 and "the stage second is done; still to train: first" in out, err
    assert call("train", "toy", "--stage", "first", "--steps", 2, "--out", tmp_path)[0] == 0
    assert call("train", "toy", "--stage", "first", "--out", tmp_path)[0] == 0, "the first goes on"
    code, _, err = call("train", "toy", "--out", tmp_path)
    assert code == 0, err  # and the second does not mind
    assert de.load(tmp_path).second.layer.weight.shape == (1, 3)
    with pytest.raises(ValueError, match=r"needs of first must be names of stages before it, \[\], got \('second',\)"):
        Run("x", "x", (replace(first, needs=("second",)), second), assemble=toy().assemble)


def test_an_objective_that_closes_over_a_changed_stage_is_refused(monkeypatch, call, tmp_path):
    """The data do not show it: the checksum of what earlier stages made does."""
    first, second = toy().stages
    blind = replace(second, data=lambda source, made: {"x": torch.zeros(8, 3), "y": torch.zeros(8, 1)})
    monkeypatch.setitem(RUNS, "toy", replace(toy(), stages=(first, blind)))
    assert call("train", "toy", "--out", tmp_path)[0] == 0
    (tmp_path / "first" / CHECKPOINT).unlink()
    monkeypatch.setitem(RUNS, "toy", replace(toy(), stages=(toy(seed=1).stages[0], blind)))
    assert call("train", "toy", "--stage", "first", "--out", tmp_path)[0] == 0
    code, _, err = call("train", "toy", "--stage", "second", "--out", tmp_path)
    assert code == 1 and "belongs to another run: its inputs is" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--steps", 2), "--steps needs --stage, one of first, second"),
        (("--minutes", 1), "--minutes needs --stage"),
        (("--stage", "secnd"), "--stage must be one of first, second, got 'secnd'; did you mean 'second'"),
    ],
)
def test_options_of_one_stage_need_its_name(call, tmp_path, arguments, words):
    code, _, err = call("train", "toy", *arguments, "--out", tmp_path)
    assert code == 2 and words in err


def test_a_frozen_network_is_named_and_not_saved_twice(monkeypatch, call, tmp_path):
    monkeypatch.setitem(RUNS, "toy", toy(uses=("emoji-clip",)))
    assert call("train", "toy", "--out", tmp_path)[0] == 0
    path = tmp_path / "weights.safetensors"
    tensors, meta = files.read(path)
    assert path.stat().st_size < 10_000 and all(name.startswith(("first.", "second.")) for name in tensors)
    shipped = cards.read_card(pretrained.WEIGHTS / "emoji-clip")["weights"]["sha256"]
    assert meta["uses"] == {"emoji-clip": shipped}
    assert type(de.load(path).used["emoji-clip"]).__name__ == "CLIP"
    path.with_suffix(".json").unlink()  # without its card the file may be changed
    wrong = (
        ({"emoji-clip": "0" * 64}, "uses another emoji-clip than this version has"),
        ({"emoji-clap": shipped}, "uses emoji-clap, which does not come with this version"),
    )
    for uses, words in wrong:
        files.write(path, tensors, {**meta, "uses": uses})
        with pytest.raises(CheckpointError, match=words):
            de.load(path)


def test_runs_are_shown(call):
    assert "two stages" in call("list")[1]
    card = json.loads(call("info", "toy", "--json")[1])
    assert card["stages"]["second"]["recipe"]["steps"] == 4 and card["limits"] == "a toy"
    card = json.loads(call("info", "cifar10", "--json")[1])
    assert card["objective"]["schedule"]["T"] == 1000 and card["config"]["dropout"] == 0.1


def test_a_checksum_is_of_all_that_a_network_holds():
    one, again, other = (Half(PairConfig()) for _ in range(3))
    again.load_state_dict(one.state_dict())
    assert checksum(one) == checksum(again) != checksum(other)
    with torch.no_grad():
        again.layer.bias[0] += 1
    assert checksum(one) != checksum(again)


def test_the_table_holds_every_run_of_the_folder():
    found = {
        value.name
        for module in vars(runs).values()
        if getattr(module, "__name__", "").startswith("diffusion_edu.runs.")
        for value in vars(module).values()
        if isinstance(value, Run)
    }
    assert found == set(RUNS)
