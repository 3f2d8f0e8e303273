"""The training loop: a generator that yields reports, and resumes bit for bit from its checkpoints.

Nothing random has a state that must be saved: the batch, the steps t, the noise and the dropout of training step n
are functions of (seed, n). A run that was killed and resumed is therefore the run that was not.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock
from torch import Tensor, nn

from .. import disk, processes
from .._arguments import anything, checked, module, network
from .._errors import bad_type, bad_value
from ..randomness import derive_seed, global_seed
from .ahead import Numbers
from .batches import Batches, check_data
from .checkpoint import CHECKPOINT, METRICS, append, trim
from .clock import Clock
from .ema import EMA, unwrapped
from .kept import Kept
from .machine import autocast, best_device, compile_failed, note, pick_precision
from .objective import Objective
from .recipe import Recipe
from .report import TrainingDiverged, TrainStep


@checked(model=module, data=anything, objective=network)
def fit(
    model: nn.Module,
    data: Tensor | Mapping[str, Tensor],
    recipe: Recipe,
    objective: Objective,
    *,
    directory: str | Path | None = None,
    resume: bool = True,
    ema: EMA[Any] | None = None,
    device: torch.device | str | None = None,
    inputs: Mapping[str, str] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Iterator[TrainStep]:
    """Train `model` in place; iterate to make it run: ``for step in fit(...): print(step.loss)``.

    With a directory it appends a line to `metrics.jsonl` for every report, writes `checkpoint.safetensors` as the
    recipe says and when the iteration is given up, and goes on from there when called again.

    In several processes (:mod:`diffusion_edu.processes`) all call it alike, and each does its part of every batch;
    reports are of the whole batch, the first process writes the files, and a run may go on with another number of them.

    Args:
        model: the network; moved to `device`. Where all of it is frozen, as :func:`diffusion_edu.load` gives it, all of
            it is trained; where a part is frozen, that part stays as it is.
        data: (N, C, H, W) uint8 images; or tensors by name that are indexed together. Kept on the device as they are.
        recipe: the numbers.
        objective: ``objective(model, batch, draw)`` -> the loss, a scalar, such as ``Denoising(schedule)``. The batch
            is as the data, its images as floats in [-1, 1]; `draw` hands out the random numbers of the step.
        directory: where metrics and the checkpoint go; None keeps nothing.
        resume: False refuses a directory that already holds a checkpoint.
        ema: the average to update; default a new EMA(model, recipe.ema_decay).
        device: default: a GPU when there is one (:func:`best_device`).
        inputs: checksums by name of what model and objective were made from and the data do not show; a run whose
            inputs changed is refused.
        stop: asked after every step. Once it answers True, in any of
            the processes, the step that was done is saved and reported, and the iteration ends.

    Yields:
        TrainStep every `recipe.log_every` steps, at every checkpoint, and at the end.

    Raises:
        TypeError, ValueError: data of the wrong type or shape, empty, or of several lengths; nothing to mirror; an
            objective that compares the entries of a batch, in several processes.
        FileExistsError: a checkpoint exists and resume is False.
        RunBusy: another run is using the directory.
        CheckpointError: the checkpoint is damaged or belongs to another run (network, recipe or data).
        TrainingDiverged: the loss or its gradient is not finite; the last good checkpoint stays.
        WorkerLost: another of several processes ended; the last checkpoint stays.
    """
    check_data(data)
    if directory is not None:
        directory = disk.as_path("directory", directory)
    process = processes.world()
    if process.size > 1 and getattr(objective, "whole_batches", False):
        allowed = "one that takes each entry by itself in several processes: this one compares them with each other"
        raise bad_value("objective", objective, allowed)
    device = best_device() if device is None else torch.device(device)
    lock = disk.hold(Path(directory), CHECKPOINT, METRICS) if directory and process.first else None
    try:
        run = _Training(model, data, recipe, objective, Path(directory) if directory else None, ema, device)
        run.inputs = dict(inputs or {})
        run.stop = stop or run.stop
        run.lock = lock
        if run.directory is not None and (run.directory / CHECKPOINT).exists():
            if not resume:
                message = "already holds a checkpoint; resume it, or take another directory"
                raise FileExistsError(f"{run.directory} {message}")
            run.restore()
        if run.directory is not None and process.first:
            trim(run.directory / METRICS, run.step)
    except BaseException:
        # Not left to the garbage collector: a notebook keeps the traceback, and with it the lock.
        if lock is not None:
            lock.release()
        raise
    return run.steps()


def _scalar(loss: Any) -> Tensor:
    """What an objective answered."""
    if not isinstance(loss, Tensor) or loss.ndim:
        raise bad_type("objective", loss, "a function of (model, batch, draw) that returns a scalar tensor")
    return loss


class _Training(Kept):
    """One training: what a step needs, and how it is saved and restored."""

    def __init__(
        self,
        model: nn.Module,
        data: Tensor | Mapping[str, Tensor],
        recipe: Recipe,
        objective: Objective,
        directory: Path | None,
        ema: EMA[Any] | None,
        device: torch.device,
    ) -> None:
        self.recipe, self.directory, self.device = recipe, directory, device
        self.objective, self.world = objective, processes.world()
        self.clock = Clock(recipe)
        self.stop: Callable[[], bool] = bool  # False
        self.stopped = False
        self.part = self.world.equal_part("batch_size", recipe.batch_size)
        self.precision = pick_precision(recipe.precision, device)
        # GroupNorm's backward in bf16 is many times slower for channels-last tensors on a CPU; elsewhere they win.
        nhwc = device.type == "cuda" or (device.type == "cpu" and self.precision == "fp32")
        self.memory_format = torch.channels_last if nhwc else torch.contiguous_format
        # A wrapped network (torch.compile's, a parallel one) is called as it is; saved and averaged is what is inside.
        self.model = unwrapped(model).to(device=device).to(memory_format=self.memory_format)
        if not any(parameter.requires_grad for parameter in self.model.parameters()):
            self.model.requires_grad_(True)
        self.forward: Any = model
        if self.world.size > 1 and not isinstance(model, nn.parallel.DistributedDataParallel):
            self.forward = nn.parallel.DistributedDataParallel(model, gradient_as_bucket_view=True)
        self.eager = self.forward
        self.untried = recipe.compile  # compiling begins with the first step, and may fail there
        if recipe.compile and not hasattr(model, "_orig_mod"):
            self.forward = torch.compile(self.forward)
        self.ema = EMA(self.model, recipe.ema_decay) if ema is None else ema
        # As the model's: then one kernel averages all weights.
        self.ema.model.to(device=device).to(memory_format=self.memory_format)
        self.fused = device.type in ("cpu", "cuda")
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=recipe.rate, weight_decay=recipe.weight_decay, fused=self.fused
        )
        # In fp16 small gradients would be 0: the loss is scaled up for them. Otherwise this does nothing. (torch begins
        # at 2^16, where a gradient of norm one already overflows, and the first steps are lost.)
        self.scaler = torch.amp.GradScaler(device.type, init_scale=2.0**12, enabled=self.precision == "fp16")
        self.batches = Batches(data, recipe, device, self.memory_format, self.part)
        # Drawn on the CPU: a seed is the same run on every device, but for dropout.
        self.numbers = Numbers(recipe.seed, recipe.batch_size, self.part, device)
        self.dropout = any(isinstance(m, nn.Dropout) and m.p > 0 for m in self.model.modules())
        self.lock: FileLock | None = None
        self.inputs: dict[str, str] = {}
        self.step = self.saved = 0
        self.looked = 0.0  # when

    def steps(self) -> Iterator[TrainStep]:
        recipe = self.recipe
        self.model.train()
        total, norm = torch.zeros((), device=self.device), torch.zeros((), device=self.device)
        count, since = 0, time.perf_counter()
        self.looked = since
        try:
            while not self._ends():
                rate = self.clock.pace.rate_at(self.step + 1)
                loss, norm = self._advance()
                total += loss
                count += 1
                keep = self.step % recipe.checkpoint_every == 0
                due = keep or self.step % recipe.log_every == 0 or self.step == self.clock.pace.steps
                if not due:
                    self._look()
                    if not self._ends():
                        continue
                mean = processes.mean(total / count).item()  # the only wait for the device
                # The gradient too: an infinite one has spoilt the weights, which only the next loss would show.
                for what, value in (("loss", mean), ("gradient norm", norm.item())):
                    if not (math.isfinite(value) or self._skipped(what)):
                        raise TrainingDiverged(self._diverged(what, value))
                now = time.perf_counter()
                speed = count * recipe.batch_size / (now - since)
                report = TrainStep(self.step, mean, norm.item(), rate, speed)
                total.zero_()
                count = 0
                if self.directory is not None and self.world.first:
                    append(self.directory / METRICS, report._asdict())
                if due:  # else it was done above, and a report came of it
                    self._look()
                if keep or self._ends():
                    self.save()
                yield report
                # Neither the checkpoint nor what the caller did is the training's time.
                self.looked = since = time.perf_counter()
        except GeneratorExit:
            # The caller gives up: keep what was done (what was not reported yet may be bad: then keep the last).
            if count == 0 or math.isfinite(total.item() + (0.0 if self._skipped("gradient norm") else norm.item())):
                self.save()
            raise
        except RuntimeError as error:
            if self.world.size > 1 and processes.is_of_peers(error):
                last = f"the last checkpoint is step {self.saved}" if self.directory else "nothing was saved"
                message = f"another process of this training is gone, by step {self.step}; {last}"
                raise processes.WorkerLost(message) from error
            raise
        finally:
            self.model.eval()
            self.numbers.close()
            if self.lock is not None:
                self.lock.release()

    def _look(self) -> None:
        """At the clock, and whether somebody asked for a stop."""
        now = time.perf_counter()
        self.clock.tick(self.step, now - self.looked)
        self.looked = now
        self.stopped = processes.agree(self.stop()) or self.stopped

    def _ends(self) -> bool:
        return self.stopped or self.step >= self.clock.pace.steps

    def _advance(self) -> tuple[Tensor, Tensor]:
        """One optimizer step; returns its loss and gradient norm as tensors, without waiting for the device."""
        n = self.step + 1
        loss = self._gradient(n)
        self.scaler.unscale_(self.optimizer)
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip)
        for group in self.optimizer.param_groups:
            group["lr"] = self.clock.pace.rate_at(n)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.ema.update(self.model)
        self.step = n
        return loss, norm

    def _gradient(self, n: int) -> Tensor:
        """The loss of step n, with its gradients in place; without torch.compile where that fails."""
        draw = self.numbers.step(n)
        batch = self.batches.take(n, draw)
        self.optimizer.zero_grad(set_to_none=True)
        try:
            with self._random_dropout(n), autocast(self.device, self.precision):
                # Noise and loss are float32: autocast touches only matrix products and convolutions.
                loss = _scalar(self.objective(self.forward, batch, draw))
            self.scaler.scale(loss).backward()
        except Exception as error:
            if not (self.untried and compile_failed(error)):
                raise
            self.untried, self.forward = False, self.eager
            reason = (str(error).strip().splitlines() or ["no reason given"])[0]
            note(f"torch.compile failed ({type(error).__name__}: {reason}): going on as with compile=False")
            return self._gradient(n)
        self.untried = False
        return loss.detach()

    def _skipped(self, what: str) -> bool:
        """In fp16 an infinite gradient is no fault: its step is left out and the scale halved. Below 1 it would be."""
        return what == "gradient norm" and self.scaler.is_enabled() and self.scaler.get_scale() >= 1

    def _random_dropout(self, n: int) -> contextlib.AbstractContextManager[Any]:
        """Dropout draws from the global generator: give it the numbers of step n, and put it back after."""
        if not self.dropout:
            return contextlib.nullcontext()
        # Each process drops other features of its part; the first, or only one, drops what it always did.
        stream = "dropout" if self.world.first else f"drop{self.world.rank}"
        return global_seed(derive_seed(self.recipe.seed, stream, n), self.device)

    def _diverged(self, what: str, value: float) -> str:
        saved = self.directory is not None and self.saved
        last = f"the last good checkpoint is step {self.saved}" if saved else "nothing was saved"
        return f"the {what} became {value} by step {self.step}; {last}. A smaller rate or a longer warm-up helps."
