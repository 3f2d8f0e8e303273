"""diffusion_edu: a small, exact library of diffusion models whose modules are the chapters of a book.

    import diffusion_edu as de

    schedule = de.NoiseSchedule.linear(1000)
    unet = de.UNet(de.UNetConfig.small(in_channels=1))
    denoiser = de.Denoiser(unet, schedule)
    for step in de.sample(denoiser, shape=(16, 1, 32, 32), sampler=de.DDIM(), steps=50):
        ...  # step.t, step.x_t, step.x0, step.eps

`diffusion_edu.viz` (needs matplotlib) and `diffusion_edu.widgets` (needs anywidget) are imported on their own.
"""

import diffusion_edu.startup as _startup  # isort: skip  # noqa: F401 - before all that takes time to load

from importlib.metadata import PackageNotFoundError, version

from . import data
from .cond import Cond, Network
from .diffusion import (
    DDIM,
    DDPM,
    Bound,
    DatasetOracle,
    Denoiser,
    DPMSolver,
    Estimate,
    FlowDenoiser,
    GaussianOracle,
    Guided,
    MixtureOracle,
    NoiseSchedule,
    Posterior,
    Sampler,
    SampleStep,
    StraightPath,
    classifier_score,
    ddim_sigma,
    ddim_step,
    ddpm_step,
    dpm_solver_step,
    dynamic_threshold,
    flow_loss,
    flow_sample,
    flow_step,
    flow_velocity,
    jump,
    langevin_step,
    last,
    named_sampler,
    ode_step,
    posterior,
    q_sample,
    q_step,
    reverse_moments,
    sample,
    score_from_eps,
    target,
    timesteps,
    to_x0_eps,
    tweedie,
    variational_bound,
    x0_variance,
)
from .features import feature_network
from .metrics import Comparison, Statistics, compare, frechet_distance
from .nn import (
    UNet,
    UNetConfig,
    conv_output_size,
    conv_settings,
    conv_transpose_output_size,
    receptive_field,
    sinusoidal_embedding,
)
from .pretrained import available, load
from .train import EMA, Denoising, Recipe, TrainStep, diffusion_loss, fit

try:
    __version__ = version("diffusion-edu")
except PackageNotFoundError:  # run from the source folder, not installed
    __version__ = "0+unknown"

__all__ = [
    "DDIM",
    "DDPM",
    "EMA",
    "Bound",
    "Comparison",
    "Cond",
    "DPMSolver",
    "DatasetOracle",
    "Denoiser",
    "Denoising",
    "Estimate",
    "FlowDenoiser",
    "GaussianOracle",
    "Guided",
    "MixtureOracle",
    "Network",
    "NoiseSchedule",
    "Posterior",
    "Recipe",
    "SampleStep",
    "Sampler",
    "Statistics",
    "StraightPath",
    "TrainStep",
    "UNet",
    "UNetConfig",
    "available",
    "classifier_score",
    "compare",
    "conv_output_size",
    "conv_settings",
    "conv_transpose_output_size",
    "data",
    "ddim_sigma",
    "ddim_step",
    "ddpm_step",
    "diffusion_loss",
    "dpm_solver_step",
    "dynamic_threshold",
    "feature_network",
    "fit",
    "flow_loss",
    "flow_sample",
    "flow_step",
    "flow_velocity",
    "frechet_distance",
    "jump",
    "langevin_step",
    "last",
    "load",
    "named_sampler",
    "ode_step",
    "posterior",
    "q_sample",
    "q_step",
    "receptive_field",
    "reverse_moments",
    "sample",
    "score_from_eps",
    "sinusoidal_embedding",
    "target",
    "timesteps",
    "to_x0_eps",
    "tweedie",
    "variational_bound",
    "x0_variance",
]
