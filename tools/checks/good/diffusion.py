"""Good calls: schedules, the process, samplers, oracles."""

from __future__ import annotations

from functools import partial

import torch

import diffusion_edu as de

from .pieces import FLAT, PATH, T2, S, X, Y, Z, Zero, cond, denoiser, estimate, generator, rand, reading, the, unet
from .registry import good

STEP = {"x_t": X, "t": 50, "s": 20, "schedule": S}
good("DDIM", de.DDIM, lambda: {"eta": 0.5}, "eta:zero")
good("DDPM", de.DDPM, lambda: {"variance": "beta"}, variance="choice")
good("DPMSolver", de.DPMSolver, dict)
for _sampler in (de.DDIM(0.5), de.DDPM(), de.DPMSolver()):
    _name = type(_sampler).__name__
    good(f"{_name}.default_steps", None, lambda: {"T": 100}, owner=partial(the, _sampler))
    good(
        f"{_name}.step",
        None,
        lambda: {**STEP, "estimate": estimate(), "noise": Z, "memory": {}},
        "s:zero",
        owner=partial(the, _sampler),
    )
good("named_sampler", de.named_sampler, lambda: {"name": "ddim", "eta": 0.5}, "eta:zero", name="choice")
good("timesteps", de.timesteps, lambda: {"T": 100, "steps": 10})
good(
    "ddpm_step",
    de.ddpm_step,
    lambda: {**STEP, "estimate": estimate(), "noise": Z, "generator": generator(), "variance": "beta"},
    "s:zero",
    variance="choice",
)
good(
    "ddim_step",
    de.ddim_step,
    lambda: {**STEP, "estimate": estimate(), "noise": Z, "generator": generator(), "eta": 0.5},
    "s:zero eta:zero",
)
good("ddim_sigma", de.ddim_sigma, lambda: {"t": 50, "s": 20, "schedule": S, "eta": 0.5}, "s:zero eta:zero")
good("dpm_solver_step", de.dpm_solver_step, lambda: {**STEP, "estimate": estimate(), "previous": (70, Y)}, "s:zero")
good("q_step", de.q_step, lambda: {"x_prev": X, "t": 50, "schedule": S, "noise": Z, "generator": generator()}, t="step")
good(
    "q_sample",
    de.q_sample,
    lambda: {"x0": X, "t": 50, "schedule": S, "noise": Z, "generator": generator()},
    "t:zero",
    t="step",
)
good("posterior", de.posterior, lambda: {"x0": X, "x_t": Y, "t": 50, "schedule": S}, t="step")
good(
    "jump", de.jump, lambda: {"x_s": X, "s": 20, "t": 50, "schedule": S, "noise": Z, "generator": generator()}, "s:zero"
)
good(
    "target",
    de.target,
    lambda: {"target": "v", "x0": X, "eps": Z, "t": 50, "schedule": S},
    "t:zero",
    target="choice",
    t="step",
)
good(
    "to_x0_eps",
    de.to_x0_eps,
    lambda: {"target": "v", "prediction": Z, "x_t": X, "t": 50, "schedule": S},
    target="choice",
    t="step",
)
good("score_from_eps", de.score_from_eps, lambda: {"eps": Z, "t": 50, "schedule": S})
good("classifier_score", de.classifier_score, lambda: {"conditional": Z, "unconditional": Y, "t": 50, "schedule": S})
good("tweedie", de.tweedie, lambda: {"x_t": X, "score": Z, "t": 50, "schedule": S})
good("ode_step", de.ode_step, lambda: {"x_t": X, "eps": Z, "t": 50, "s": 20, "schedule": S}, "s:zero t:zero")
good("langevin_step", de.langevin_step, lambda: {"x": X, "score": Z, "size": 0.1, "noise": Y})
good(
    "reverse_moments",
    de.reverse_moments,
    lambda: {"x_t": X, "x0_mean": Z, "x0_variance": 0.1, "t": 50, "schedule": S, "s": 20},
    "s:zero x0_variance:zero",
)
good(
    "x0_variance", de.x0_variance, lambda: {"denoiser": de.Denoiser(Zero(), S, clip=False), "x_t": rand(2, 2), "t": 50}
)
good(
    "variational_bound",
    de.variational_bound,
    lambda: {
        "denoiser": de.GaussianOracle(torch.zeros(3), torch.eye(3), de.NoiseSchedule.linear(30)),
        "x0": FLAT,
        "schedule": de.NoiseSchedule.linear(30),
        "variance": "beta",
        "generator": generator(),
    },
    variance="choice",
)
good(
    "Denoiser",
    de.Denoiser,
    lambda: {"model": Zero(), "schedule": S, "target": "v", "clip": "static"},
    then=lambda d: d(X, 50),
    target="choice",
    clip="choice",
)
good("Denoiser.forward", None, lambda: {"x_t": X, "t": 50, "cond": de.Cond(vec=rand(2, 3))}, owner=denoiser, t="step")
good("dynamic_threshold", de.dynamic_threshold, lambda: {"x0": X, "share": 0.9}, "share:zero")
good(
    "Guided",
    de.Guided,
    lambda: {"network": reading(), "scale": 2.0, "negative": cond(1)},
    "scale:zero,negative",
    then=lambda g: g(rand(2, 1, 8, 8), T2, cond()),
)
good(
    "Guided.forward",
    None,
    lambda: {"x_t": rand(2, 1, 8, 8), "t": T2, "cond": cond()},
    owner=lambda: de.Guided(reading(), 2.0),
)
good(
    "MixtureOracle",
    de.MixtureOracle,
    lambda: {"means": FLAT, "std": 0.1, "schedule": S, "weights": torch.ones(6)},
    "std:zero",
    then=lambda o: o(FLAT, 50),
)
good(
    "MixtureOracle.__call__",
    None,
    lambda: {"x_t": FLAT, "t": 50, "cond": None},
    owner=lambda: de.MixtureOracle(FLAT, 0.1, S),
    t="step",
)
good("DatasetOracle", de.DatasetOracle, lambda: {"data": FLAT, "schedule": S}, then=lambda o: o(FLAT, 50))
good(
    "GaussianOracle",
    de.GaussianOracle,
    lambda: {"mean": torch.zeros(3), "covariance": torch.eye(3), "schedule": S},
    then=lambda o: o(FLAT, 50),
)
good(
    "GaussianOracle.__call__",
    None,
    lambda: {"x_t": FLAT, "t": 50, "cond": None},
    owner=lambda: de.GaussianOracle(torch.zeros(3), torch.eye(3), S),
    t="step",
)
good(
    "NoiseSchedule",
    de.NoiseSchedule,
    lambda: {"beta": torch.tensor([0.0, 0.1, 0.2]), "name": "custom", "options": {}},
    "name:empty options:empty",
)
good("NoiseSchedule.linear", de.NoiseSchedule.linear, lambda: {"T": 100, "beta_start": 1e-4, "beta_end": 0.02})
good(
    "NoiseSchedule.scaled_linear",
    de.NoiseSchedule.scaled_linear,
    lambda: {"T": 100, "beta_start": 1e-4, "beta_end": 0.02},
)
good("NoiseSchedule.cosine", de.NoiseSchedule.cosine, lambda: {"T": 100, "s": 0.01})
good(
    "NoiseSchedule.from_name",
    de.NoiseSchedule.from_name,
    lambda: {"name": "cosine", "T": 100, "s": 0.01},
    name="choice",
)
good("NoiseSchedule.from_dict", de.NoiseSchedule.from_dict, lambda: {"data": {"name": "cosine", "T": 100}})
good("NoiseSchedule.signal", S.signal, lambda: {"t": 50}, "t:zero")
good("NoiseSchedule.noise", S.noise, lambda: {"t": 50}, "t:zero")
good(
    "NoiseSchedule.gather",
    S.gather,
    lambda: {"table": "beta", "t": 50, "like": X},
    "t:zero like:nan,inf,uint8,int64,scalar,empty",
    table="choice",
    t="step",
)
good("StraightPath", de.StraightPath, lambda: {"T": 100})
good("StraightPath.signal", PATH.signal, lambda: {"t": 50}, "t:zero")
good("StraightPath.noise", PATH.noise, lambda: {"t": 50}, "t:zero")
good("StraightPath.length", PATH.length, lambda: {"t": 50}, "t:zero")
good(
    "StraightPath.gather",
    PATH.gather,
    lambda: {"table": "noise", "t": 50, "like": X},
    "t:zero like:nan,inf,uint8,int64,scalar,empty",
    table="choice",
    t="step",
)
good(
    "flow_sample",
    de.flow_sample,
    lambda: {"x0": X, "t": 50, "path": PATH, "noise": Z, "generator": generator()},
    "t:zero",
    t="step",
)
good("flow_velocity", de.flow_velocity, lambda: {"x0": X, "eps": Z})
good(
    "flow_loss",
    de.flow_loss,
    lambda: {"model": Zero(), "x0": X, "path": PATH, "generator": generator(), "cond": de.Cond(), "t": T2, "eps": Z},
    "t:zero",
)
good("flow_step", de.flow_step, lambda: {"x_t": X, "velocity": Z, "t": 50, "s": 20, "path": PATH}, "s:zero t:zero")
good("FlowDenoiser", de.FlowDenoiser, lambda: {"model": Zero(), "path": PATH, "clip": True}, then=lambda d: d(X, 50))
good(
    "FlowDenoiser.forward", None, lambda: {"x_t": X, "t": 50, "cond": None}, owner=lambda: de.FlowDenoiser(Zero(), PATH)
)
good(
    "last",
    de.last,
    lambda: {"steps": [1, 2]},
    "steps:letters",
    steps="items",
)
good(
    "sample",
    de.sample,
    lambda: {
        "denoiser": denoiser(),
        "shape": (2, 1, 4, 4),
        "sampler": de.DDIM(),
        "steps": 3,
        "seeds": [4, 5],
        "start": X,
        "start_t": 50,
        "cond": de.Cond(vec=rand(2, 3)),
        "device": "cpu",
        "dtype": torch.float64,
    },
    "seeds:zeros",
)
good(
    "Cond",
    de.Cond,
    lambda: {
        "vec": rand(2, 12),
        "tokens": rand(2, 3, 16),
        "mask": torch.ones(2, 3, dtype=torch.bool),
        "concat": X,
        "level": T2,
    },
    "level:zero",
    then=lambda c: unet(token_dim=16, vec_dim=12, concat_channels=1, level=True)(X, T2, c),
)
good("Cond.to", None, lambda: {"device": "cpu", "dtype": torch.float64}, "device:meta", owner=cond)
good("Cond.joined", None, lambda: {"other": cond()}, owner=cond)
good("Cond.where", None, lambda: {"keep": torch.tensor([True, False]), "null": cond().nothing()}, owner=cond)
