"""diffusion_edu: a small, exact library of diffusion models whose modules are the chapters of a book.

    import diffusion_edu as de

    schedule = de.NoiseSchedule.linear(1000)
    unet = de.UNet(de.UNetConfig.small(in_channels=1))
    denoiser = de.Denoiser(unet, schedule)
    for step in de.sample(denoiser, shape=(16, 1, 32, 32), method="ddim", steps=50):
        ...  # step.t, step.x_t, step.x0, step.eps

`diffusion_edu.viz` (needs matplotlib) and `diffusion_edu.widgets` (needs anywidget) are imported on their own.
"""

from importlib.metadata import PackageNotFoundError, version

from . import data
from .cond import Cond
from .diffusion import (
    DatasetOracle,
    Denoiser,
    Estimate,
    GaussianOracle,
    MixtureOracle,
    NoiseSchedule,
    Posterior,
    SampleStep,
    ddim_sigma,
    ddim_step,
    ddpm_step,
    dpm_solver_step,
    jump,
    posterior,
    q_sample,
    q_step,
    sample,
    target,
    timesteps,
    to_x0_eps,
)
from .evaluate import Comparison, compare, feature_network
from .metrics import Statistics, frechet_distance
from .nn import (
    UNet,
    UNetConfig,
    conv_output_size,
    conv_settings,
    conv_transpose_output_size,
    receptive_field,
    sinusoidal_embedding,
)
from .pretrained import available, load, load_classifier, load_clip
from .train import EMA, Recipe, TrainStep, diffusion_loss, fit, plan

try:
    __version__ = version("diffusion-edu")
except PackageNotFoundError:  # run from the source folder, not installed
    __version__ = "0+unknown"

__all__ = [
    "EMA",
    "Comparison",
    "Cond",
    "DatasetOracle",
    "Denoiser",
    "Estimate",
    "GaussianOracle",
    "MixtureOracle",
    "NoiseSchedule",
    "Posterior",
    "Recipe",
    "SampleStep",
    "Statistics",
    "TrainStep",
    "UNet",
    "UNetConfig",
    "available",
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
    "feature_network",
    "fit",
    "frechet_distance",
    "jump",
    "load",
    "load_classifier",
    "load_clip",
    "plan",
    "posterior",
    "q_sample",
    "q_step",
    "receptive_field",
    "sample",
    "sinusoidal_embedding",
    "target",
    "timesteps",
    "to_x0_eps",
]
