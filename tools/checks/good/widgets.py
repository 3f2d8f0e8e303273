"""Good calls: the widgets, around tiny networks."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch

from diffusion_edu import widgets

from .pieces import P, S, denoiser, rand, unet
from .registry import good

PHOTOS = torch.randint(0, 256, (2, 3, 16, 16), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


@cache
def trajectories() -> dict[str, Any]:
    """Stored runs."""
    runs = [{"label": "two", "method": "ddim", "steps": 2}]
    return widgets.record(denoiser(), runs, (1, 4, 4), (0,), 3)


@cache
def recording() -> dict[str, Any]:
    """Stored maps."""
    return widgets.record_features(unet(), S, rand(1, 1, 8, 8), (10, 50), 2)


good(
    "ConvExplorer",
    widgets.ConvExplorer,
    lambda: {
        "mode": "transpose",
        "i": 5,
        "k": 3,
        "s": 2,
        "p": 1,
        "d": 1,
        "output_padding": 1,
        "cell": 3,
        "input": "ones",
        "kernel": "edge",
    },
    "p:zero output_padding:zero cell:zero",
    mode="choice",
    input="choice",
    kernel="choice",
)
good(
    "CostExplorer",
    widgets.CostExplorer,
    lambda: {
        "network": "small",
        "side": 32,
        "batch": 8,
        "pictures": 1e6,
        "machine": "cpu",
        "precision": "half",
        "share": 20,
        "devices": 2,
    },
    network="choice",
    machine="choice",
    precision="choice",
)
good(
    "FlowExplorer",
    widgets.FlowExplorer,
    lambda: {
        "shapes": {"mine": rand(5, 2)},
        "n": 5,
        "std": 0.1,
        "schedule": "cosine",
        "shape": "mine",
        "t": 100,
        "direction": "back",
        "forward": "walk",
        "steps": 3,
        "eta": 0.5,
        "seed": 3,
        "start": "data",
        "start_t": 40,
        "arrows": True,
        "trails": True,
        "text": "word",
    },
    "t:zero eta:zero seed:zero text:empty",
    shapes="tables",
    schedule="choice",
    shape="choice",
    direction="choice",
    forward="choice",
    start="choice",
)
good(
    "FrechetExplorer",
    widgets.FrechetExplorer,
    lambda: {
        "preset": "same",
        "real": [0.0, 0.1, 1.0, 1.0, 0.0],
        "generated": [0.0, 0.2, 1.0, 1.0, 0.0],
        "n": 5,
        "draws": 2,
        "seed": 3,
    },
    "seed:zero",
    preset="choice",
    real="reals",
    generated="reals",
)
good(
    "ReversePlayer",
    widgets.ReversePlayer,
    lambda: {"trajectories": trajectories(), "run": 0, "sample": 0, "frame": 1, "run_b": -1},
    "run:zero sample:zero frame:zero run_b:zero",
)
good(
    "record",
    widgets.record,
    lambda: {
        "denoiser": denoiser(),
        "runs": [{"label": "two", "method": "ddim", "steps": 2}],
        "shape": (1, 4, 4),
        "seeds": [1, 2],
        "frames": 3,
        "limit": 100_000,
    },
    "seeds:zeros",
)
good(
    "ScheduleExplorer",
    widgets.ScheduleExplorer,
    lambda: {
        "image": P[0],
        "T": 100,
        "kind": "linear",
        "t": 30,
        "beta_start": 1e-4,
        "beta_end": 0.02,
        "s": 0.01,
        "scale": True,
        "points": [0.001, 0.002, 0.003, 0.004, 0.005],
        "reference": "cosine",
        "label": "an image",
        "seed": 3,
    },
    "t:zero seed:zero image:numpy,rank label:empty",
    kind="choice",
    reference="choice",
    image="images",
    points="reals",
)
good(
    "UNetExplorer",
    widgets.UNetExplorer,
    lambda: {
        "models": {"tiny": unet()},
        "size": 8,
        "recording": recording(),
        "model": 0,
        "part": "x_t",
        "t": 10,
        "query": 0,
    },
    "model:zero query:zero",
    part="choice",
)
good(
    "record_features",
    widgets.record_features,
    lambda: {"model": unet(), "schedule": S, "x0": rand(1, 1, 8, 8), "ts": [10, 50], "channels": 2, "seed": 1},
    "seed:zero",
    x0="images",
)
good(
    "XTExplorer",
    widgets.XTExplorer,
    lambda: {
        "images": P,
        "labels": list("abcdef"),
        "schedule": "cosine",
        "T": 100,
        "t": 30,
        "seed": 3,
        "picture": 1,
        "covered": True,
    },
    "t:zero seed:zero picture:zero images:numpy",
    schedule="choice",
    images="images",
)
