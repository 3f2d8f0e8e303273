"""Measuring: how far the images of a model are, as a distribution, from real ones."""

from .clip_score import clip_score
from .comparison import Comparison, compare, compare_features
from .features import FeatureNetwork
from .frechet import FrechetTerms, frechet_distance, frechet_terms
from .kid import KernelDistance, kernel_distance, squared_mmd
from .resampling import Interval, Limit, frechet_interval, frechet_limit
from .statistics import Statistics

__all__ = [
    "Comparison",
    "FeatureNetwork",
    "FrechetTerms",
    "Interval",
    "KernelDistance",
    "Limit",
    "Statistics",
    "clip_score",
    "compare",
    "compare_features",
    "frechet_distance",
    "frechet_interval",
    "frechet_limit",
    "frechet_terms",
    "kernel_distance",
    "squared_mmd",
]
