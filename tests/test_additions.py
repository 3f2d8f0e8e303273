"""What CONTRIBUTING promises: a schedule, a network and a run are rows of tables, and are then found everywhere."""

from dataclasses import dataclass

import pytest
import torch
from torch import nn

import diffusion_edu as de
from diffusion_edu.cli import main, training
from diffusion_edu.config import Config
from diffusion_edu.diffusion import schedules
from diffusion_edu.pretrained import BUILT, Built
from diffusion_edu.runs import RUNS, Run, Stage
from diffusion_edu.systems.system import Drawer


@dataclass(frozen=True)
class StripesConfig(Config):
    """A toy of a network's shape."""

    width: int = 4
    side: int = 8

    def check(self):
        self.require("width", self.width >= 1, "at least 1")


class Stripes(Drawer):
    """A toy of a network that is its own system: two convolutions that know the step by one number."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.schedule = de.NoiseSchedule.linear(50)
        self.into = nn.Conv2d(1, config.width, 3, padding=1)
        self.out = nn.Conv2d(config.width, 1, 3, padding=1)

    @property
    def unet(self):
        return self

    @property
    def shape(self):
        return 1, self.config.side, self.config.side

    def around(self, network):
        return de.Denoiser(network, self.schedule, "eps")

    def forward(self, x_t, t, cond=None):
        return self.out(torch.tanh(self.into(x_t) + (t / 50.0).reshape(-1, 1, 1, 1)))


def halfway(T=1000, top=0.02):
    """A toy of a schedule: beta rises with the square of the step."""
    beta = top * 1000 / T * (torch.arange(1, T + 1, dtype=torch.float64) / T) ** 2
    return de.NoiseSchedule(torch.cat([torch.zeros(1, dtype=torch.float64), beta]), "halfway", {"T": T, "top": top})


@pytest.fixture
def call(monkeypatch, capsys):
    monkeypatch.setattr(training, "tune_malloc", lambda: False)

    def run(*arguments):
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert code == 0, err
        return out

    return run


def test_a_schedule_of_ones_own_is_found_everywhere_by_one_row(monkeypatch, tmp_path):
    """CONTRIBUTING, "A schedule": by name, in a configuration, trained with, saved and loaded."""
    monkeypatch.setitem(schedules.SCHEDULES, "halfway", halfway)
    mine = de.NoiseSchedule.from_name("halfway", T=40, top=0.01)
    assert torch.equal(de.NoiseSchedule.from_dict(mine.to_dict()).beta, mine.beta)
    unet = de.UNet(de.UNetConfig.tiny(in_channels=1, channels=(8,), attention_levels=()))
    pixels = torch.zeros(4, 1, 8, 8, dtype=torch.uint8)
    recipe = de.Recipe(steps=2, batch_size=2, warmup=0)
    list(de.fit(unet, pixels, recipe, de.Denoising(mine), directory=tmp_path))
    system = de.load(tmp_path)
    assert torch.equal(system.schedule.beta, mine.beta)
    assert system.generate(1, steps=2).isfinite().all()
    with pytest.raises(ValueError, match="did you mean 'halfway'"):
        de.NoiseSchedule.from_name("halfwy")


def test_a_network_and_a_run_of_ones_own_are_found_everywhere_by_a_row_each(monkeypatch, call, tmp_path):
    """CONTRIBUTING, "A network" and "A model": listed, trained, loaded and drawn with, by its name."""
    pixels = torch.arange(4 * 64, dtype=torch.uint8).reshape(4, 1, 8, 8)
    stage = Stage(
        "net",
        Stripes,
        StripesConfig(),
        de.Recipe(steps=3, batch_size=2, warmup=0, log_every=1),
        lambda source, made: pixels,
        lambda made: de.Denoising(de.NoiseSchedule.linear(50)),
    )
    monkeypatch.setitem(RUNS, "stripes", Run("stripes", "a toy that draws stripes", (stage,), {"licence": "none"}))
    monkeypatch.setitem(BUILT, "Stripes", Built(Stripes, StripesConfig))
    assert "a toy that draws stripes" in call("list")
    assert "draw with them" in call("train", "stripes", "--out", tmp_path, "--device", "cpu", "--samples-every", 0)
    system = de.load(tmp_path)
    assert type(system) is Stripes and system.config == StripesConfig()
    call("sample", tmp_path, "--n", 2, "--steps", 2, "--out", tmp_path / "stripes.png", "--device", "cpu")
    assert (tmp_path / "stripes.png").is_file()
    assert "Stripes" in call("info", tmp_path)
