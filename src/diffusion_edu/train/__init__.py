"""Training: objectives, the averaged weights, and the loop with its checkpoints."""

from ..files import CheckpointError
from ..processes import WorkerLost
from .ema import EMA
from .loop import fit
from .losses import diffusion_loss
from .objective import Denoising, Objective
from .recipe import Recipe
from .report import TrainingDiverged, TrainStep

__all__ = [
    "EMA",
    "CheckpointError",
    "Denoising",
    "Objective",
    "Recipe",
    "TrainStep",
    "TrainingDiverged",
    "WorkerLost",
    "diffusion_loss",
    "fit",
]
