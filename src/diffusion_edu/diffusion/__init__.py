"""The mathematics of diffusion: schedules, the forward process, denoisers and samplers. Knows no network."""

from .denoiser import Denoiser
from .oracle import DatasetOracle, GaussianOracle, MixtureOracle
from .process import Estimate, Posterior, jump, posterior, q_sample, q_step, target, to_x0_eps
from .samplers import SampleStep, sample
from .schedules import NoiseSchedule
from .steps import ddim_sigma, ddim_step, ddpm_step, dpm_solver_step, timesteps

__all__ = [
    "DatasetOracle",
    "Denoiser",
    "Estimate",
    "GaussianOracle",
    "MixtureOracle",
    "NoiseSchedule",
    "Posterior",
    "SampleStep",
    "ddim_sigma",
    "ddim_step",
    "ddpm_step",
    "dpm_solver_step",
    "jump",
    "posterior",
    "q_sample",
    "q_step",
    "sample",
    "target",
    "timesteps",
    "to_x0_eps",
]
