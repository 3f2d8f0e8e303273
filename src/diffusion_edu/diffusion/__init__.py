"""The mathematics of diffusion: schedules, the forward process, denoisers and samplers. Knows no network."""

from .bound import Bound, variational_bound
from .denoiser import Denoiser, dynamic_threshold
from .flow import FlowDenoiser, StraightPath, flow_loss, flow_sample, flow_step, flow_velocity
from .guidance import Guided
from .oracle import DatasetOracle, GaussianOracle, MixtureOracle
from .process import Estimate, Posterior, jump, posterior, q_sample, q_step, target, to_x0_eps
from .reverse import reverse_moments, x0_variance
from .samplers import SAMPLERS, Sampler, SampleStep, last, named_sampler, sample
from .schedules import NoiseSchedule
from .score import classifier_score, langevin_step, ode_step, score_from_eps, tweedie
from .steps import DDIM, DDPM, DPMSolver, ddim_sigma, ddim_step, ddpm_step, dpm_solver_step, timesteps

__all__ = [
    "DDIM",
    "DDPM",
    "SAMPLERS",
    "Bound",
    "DPMSolver",
    "DatasetOracle",
    "Denoiser",
    "Estimate",
    "FlowDenoiser",
    "GaussianOracle",
    "Guided",
    "MixtureOracle",
    "NoiseSchedule",
    "Posterior",
    "SampleStep",
    "Sampler",
    "StraightPath",
    "classifier_score",
    "ddim_sigma",
    "ddim_step",
    "ddpm_step",
    "dpm_solver_step",
    "dynamic_threshold",
    "flow_loss",
    "flow_sample",
    "flow_step",
    "flow_velocity",
    "jump",
    "langevin_step",
    "last",
    "named_sampler",
    "ode_step",
    "posterior",
    "q_sample",
    "q_step",
    "reverse_moments",
    "sample",
    "score_from_eps",
    "target",
    "timesteps",
    "to_x0_eps",
    "tweedie",
    "variational_bound",
    "x0_variance",
]
