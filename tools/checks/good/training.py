"""Good calls: losses, recipes, the loop."""

from __future__ import annotations

import diffusion_edu as de

from .pieces import T2, P, S, X, Zero, cond, draw, generator, rand, reading
from .registry import good

good("EMA", de.EMA, lambda: {"model": Zero(), "decay": 0.9}, "decay:zero", model="module")
good("EMA.update", None, lambda: {"model": Zero()}, owner=lambda: de.EMA(Zero()), model="module")
good(
    "Denoising",
    de.Denoising,
    lambda: {"schedule": S, "target": "v", "drop": 0.0, "weight": "min-snr"},
    "drop:zero",
    then=lambda o: o(Zero(), X, draw()),
    target="choice",
    weight="choice",
)
good("Denoising.read", None, lambda: {"batch": X, "draw": draw()}, "batch:nan,inf", owner=lambda: de.Denoising(S))
good("Denoising.__call__", None, lambda: {"model": Zero(), "batch": X, "draw": draw()}, owner=lambda: de.Denoising(S))
good(
    "Recipe",
    de.Recipe,
    lambda: {
        "steps": 10,
        "batch_size": 2,
        "rate": 1e-3,
        "warmup": 2,
        "cooldown": 3,
        "minutes": 1.0,
        "weight_decay": 0.1,
        "clip": 1.0,
        "ema_decay": 0.9,
        "flip": True,
        "precision": "fp32",
        "compile": False,
        "seed": 1,
        "log_every": 5,
        "checkpoint_every": 5,
    },
    "warmup:zero cooldown:zero weight_decay:zero ema_decay:zero seed:zero",
    precision="choice",
)
good("Recipe.rate_at", de.Recipe(steps=10).rate_at, lambda: {"step": 3})
good(
    "Recipe.in_time",
    de.Recipe(steps=10, minutes=1.0).in_time,
    lambda: {"step": 3, "seconds": 1.0},
    "seconds:zero step:zero",
)
good("Config.from_dict", de.Recipe.from_dict, lambda: {"data": {"steps": 10}}, "data:empty")
good(
    "diffusion_loss",
    de.diffusion_loss,
    lambda: {
        "model": reading(),
        "x0": rand(2, 1, 8, 8),
        "schedule": S,
        "target": "v",
        "generator": generator(),
        "cond": cond(),
        "drop": 0.5,
        "null": cond().nothing(),
        "t": T2,
        "eps": rand(2, 1, 8, 8) * 0.3,
        "weight": "min-snr",
        "reduce": False,
    },
    "drop:zero",
    target="choice",
    weight="choice",
)
good(
    "fit",
    de.fit,
    lambda: {
        "model": Zero(),
        "data": P,
        "recipe": de.Recipe(steps=1, batch_size=2, log_every=1, precision="fp32"),
        "objective": de.Denoising(S),
        "directory": None,
        "resume": True,
        "ema": None,
        "device": "cpu",
        "inputs": {"a": "b"},
    },
    "inputs:empty",
    model="module",
    directory="path",
    ema="instance",
)
