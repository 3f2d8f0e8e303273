"""Training: the loss, the averaged weights, the loop with its checkpoints, and the recipes of the book."""

from .checkpoint import CheckpointError
from .ema import EMA
from .loop import TrainingDiverged, TrainStep, fit
from .losses import Objective, diffusion_loss
from .parallel import WorkerLost
from .recipes import PLANS, Plan, Recipe, new_unet, plan

__all__ = [
    "EMA",
    "PLANS",
    "CheckpointError",
    "Objective",
    "Plan",
    "Recipe",
    "TrainStep",
    "TrainingDiverged",
    "WorkerLost",
    "diffusion_loss",
    "fit",
    "new_unet",
    "plan",
]
