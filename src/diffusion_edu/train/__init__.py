"""Training: the loss, the averaged weights, the loop with its checkpoints, and the recipes of the book."""

from .checkpoint import CheckpointError
from .ema import EMA
from .loop import TrainingDiverged, TrainStep, fit, load_trained, new_unet
from .losses import diffusion_loss
from .recipes import PLANS, Plan, Recipe, plan

__all__ = [
    "EMA",
    "PLANS",
    "CheckpointError",
    "Plan",
    "Recipe",
    "TrainStep",
    "TrainingDiverged",
    "diffusion_loss",
    "fit",
    "load_trained",
    "new_unet",
    "plan",
]
