"""Good calls: distances, features, statistics."""

from __future__ import annotations

from pathlib import Path

import torch

import diffusion_edu as de
from diffusion_edu import metrics

from .pieces import FLAT, P, feature_network, features_of, folder, statistics
from .registry import good

good("Statistics", de.Statistics, lambda: {"width": 3, "about": {"network": "a"}}, "about:empty")
good("Statistics.update", None, lambda: {"features": FLAT}, "features:empty,numpy", owner=statistics)
good("Statistics.merge", None, lambda: {"other": statistics()}, owner=statistics)
good(
    "Statistics.from_moments",
    de.Statistics.from_moments,
    lambda: {"mean": torch.zeros(3), "covariance": torch.eye(3), "count": 9, "about": {}},
    "about:empty mean:numpy covariance:numpy",
)
good("Statistics.save", None, lambda: {"path": folder() / "stats.safetensors"}, owner=statistics)
good("Statistics.load", de.Statistics.load, lambda: {"path": saved_statistics()})


def saved_statistics() -> Path:
    """A file of them."""
    statistics().save(folder() / "saved.safetensors")
    return folder() / "saved.safetensors"


good(
    "FeatureNetwork",
    metrics.FeatureNetwork,
    lambda: {"name": "a", "title": "b", "model": features_of, "width": 3, "channels": 1, "side": 8, "resize": "none"},
    "name:empty title:empty resize:empty",
    then=lambda n: n(P),
)
good("FeatureNetwork.__call__", None, lambda: {"pixels": P, "batch_size": 2}, owner=feature_network)
good("FeatureNetwork.check", None, lambda: {"pixels": P, "argument": "pixels"}, "argument:empty", owner=feature_network)
good("FeatureNetwork.statistics", None, lambda: {"pixels": P, "batch_size": 2}, owner=feature_network)
good(
    "feature_network",
    de.feature_network,
    lambda: {"name": "fashion-classifier", "weights": "fashion-classifier", "device": "cpu"},
    name="choice",
    weights="path",
)
good(
    "compare",
    de.compare,
    lambda: {
        "pictures": P,
        "reference": P.flip(0),
        "network": feature_network(),
        "resamples": 20,
        "seed": 1,
        "batch_size": 3,
    },
    "resamples:zero seed:zero",
)
good(
    "compare_features",
    metrics.compare_features,
    lambda: {"ours": FLAT, "real": FLAT.flip(0), "network": feature_network(), "resamples": 20, "seed": 1},
    "resamples:zero seed:zero",
)
good("frechet_distance", de.frechet_distance, lambda: {"a": statistics(), "b": statistics()})
good("frechet_terms", metrics.frechet_terms, lambda: {"a": statistics(), "b": statistics()})
good(
    "frechet_interval",
    metrics.frechet_interval,
    lambda: {"features": FLAT, "reference": FLAT * 0.5, "level": 0.9, "resamples": 20, "seed": 1},
    "seed:zero features:numpy reference:numpy",
)
good(
    "frechet_limit",
    metrics.frechet_limit,
    lambda: {"features": FLAT, "reference": FLAT * 0.5, "counts": [3, 6], "seed": 1},
    "seed:zero features:numpy reference:numpy",
)
good(
    "kernel_distance",
    metrics.kernel_distance,
    lambda: {"x": FLAT, "y": FLAT * 0.5, "block": 2, "seed": 1, "degree": 3},
    "seed:zero x:numpy y:numpy",
)
good("squared_mmd", metrics.squared_mmd, lambda: {"x": FLAT, "y": FLAT * 0.5, "degree": 3}, "x:numpy y:numpy")
good("clip_score", metrics.clip_score, lambda: {"image": FLAT, "text": FLAT * 0.5})
