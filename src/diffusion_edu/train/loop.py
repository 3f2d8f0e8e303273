"""The training loop: a generator that yields reports, and resumes bit for bit from its checkpoints.

Nothing random has a state that must be saved: the batch, the steps t, the noise and the dropout of training step n
are functions of (seed, n). A run that was killed and resumed is therefore the run that was not.
"""

from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from filelock import FileLock
from torch import Tensor, nn

from ..diffusion.schedules import NoiseSchedule
from . import checkpoint, parallel
from .batches import Batches, check_data
from .ema import EMA
from .losses import Objective, diffusion_loss, name_of
from .machine import derive_seed, has_bf16
from .recipes import Recipe

CHECKPOINT = "checkpoint.safetensors"
METRICS = "metrics.jsonl"


class TrainStep(NamedTuple):
    """A report: step reached, mean loss since the last report, gradient norm, rate, and speed."""

    step: int
    loss: float
    grad_norm: float
    rate: float
    pictures_per_second: float


class TrainingDiverged(RuntimeError):
    """The loss or its gradient became infinite or not a number."""


def fit(
    model: nn.Module,
    schedule: NoiseSchedule | None,
    data: Tensor | Mapping[str, Tensor],
    recipe: Recipe,
    *,
    objective: Objective | None = None,
    directory: str | Path | None = None,
    resume: bool = True,
    ema: EMA | None = None,
    device: torch.device | str | None = None,
) -> Iterator[TrainStep]:
    """Train `model` in place; iterate to make it run: ``for step in fit(...): print(step.loss)``.

    With a directory it appends a line to `metrics.jsonl` for every report, writes `checkpoint.safetensors` as the
    recipe says and when the iteration is given up, and goes on from there when called again.

    In several processes (:mod:`diffusion_edu.train.parallel`) all call it alike, and each does its part of every batch;
    reports are of the whole batch, the first process writes the files, and a run may go on with another number of them.

    Args:
        model: the network; moved to `device`.
        schedule: the noise schedule; None for an objective that has none.
        data: (N, C, H, W) uint8 pictures; or, with an objective, tensors by name that are indexed together. Kept on
            the device as they are.
        recipe: the numbers.
        objective: ``objective(model, batch, generator)`` -> the loss, a scalar; default :func:`diffusion_loss`. The
            batch is as the data, its pictures as floats in [-1, 1]; the generator is that of the step.
        directory: where metrics and the checkpoint go; None keeps nothing.
        resume: False refuses a directory that already holds a checkpoint.
        ema: the average to update; default a new EMA(model, recipe.ema_decay).
        device: default a GPU when there is one.

    Yields:
        TrainStep every `recipe.log_every` steps, at every checkpoint, and at the end.

    Raises:
        TypeError, ValueError: data of the wrong type or shape, empty, or of several lengths; no schedule, or named
            tensors, without an objective.
        FileExistsError: a checkpoint exists and resume is False.
        RuntimeError: another run is using the directory.
        CheckpointError: the checkpoint is damaged or belongs to another run (network, recipe or data).
        TrainingDiverged: the loss or its gradient is not finite; the last good checkpoint stays.
        WorkerLost: another of several processes ended; the last checkpoint stays.
    """
    check_data(data)
    here = parallel.world()
    if objective is not None and here.size > 1:
        raise ValueError(
            f"objective must be None in several processes, got {name_of(objective)}: it sees whole batches"
        )
    if objective is None and (schedule is None or not isinstance(data, Tensor)):
        raise ValueError("objective must be given where schedule is None or data are named tensors, got None")
    device = torch.device(device if device is not None else "cuda" if torch.cuda.is_available() else "cpu")
    lock = checkpoint.hold(Path(directory), CHECKPOINT, METRICS) if directory and here.first else None
    try:
        run = _Run(model, schedule, data, recipe, objective, Path(directory) if directory else None, ema, device)
        run.lock = lock
        if run.directory is not None and (run.directory / CHECKPOINT).exists():
            if not resume:
                told = "already holds a checkpoint; resume it, or take another directory"
                raise FileExistsError(f"{run.directory} {told}")
            run.restore()
        run.trim_metrics()
    except BaseException:
        # Not left to the garbage collector: a notebook keeps the traceback, and with it the lock.
        if lock is not None:
            lock.release()
        raise
    return run.steps()


class _Run:
    """One training run: what a step needs, and how it is saved and restored."""

    def __init__(
        self,
        model: nn.Module,
        schedule: NoiseSchedule | None,
        data: Tensor | Mapping[str, Tensor],
        recipe: Recipe,
        objective: Objective | None,
        directory: Path | None,
        ema: EMA | None,
        device: torch.device,
    ) -> None:
        self.recipe, self.schedule, self.directory, self.device = recipe, schedule, directory, device
        self.objective, self.world = objective, parallel.world()
        part = self.world.equal_part("batch_size", recipe.batch_size)
        self.bf16 = recipe.precision == "bf16" or (recipe.precision == "auto" and has_bf16(device))
        # GroupNorm's backward in bf16 is many times slower for channels-last tensors on a CPU; elsewhere they win.
        nhwc = device.type == "cuda" or not self.bf16
        self.memory_format = torch.channels_last if nhwc else torch.contiguous_format
        self.model = model.to(device=device).to(memory_format=self.memory_format)  # type: ignore[call-overload]
        self.forward: Any = self.model
        if self.world.size > 1:
            self.forward = nn.parallel.DistributedDataParallel(self.model, gradient_as_bucket_view=True)
        if recipe.compile:
            self.forward = torch.compile(self.forward)
        self.ema = EMA(self.model, recipe.ema_decay) if ema is None else ema
        # As the model's: then one kernel averages all weights.
        self.ema.model.to(device=device).to(memory_format=self.memory_format)
        self.fused = device.type in ("cpu", "cuda")
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=recipe.rate, weight_decay=recipe.weight_decay, fused=self.fused
        )
        self.batches = Batches(data, recipe, device, self.memory_format, part)
        self.generator = torch.Generator(device)
        self.dropout = any(isinstance(m, nn.Dropout) and m.p > 0 for m in self.model.modules())
        self.lock: FileLock | None = None
        self.step = self.saved = 0

    def steps(self) -> Iterator[TrainStep]:
        recipe = self.recipe
        self.model.train()
        total, norm = torch.zeros((), device=self.device), torch.zeros((), device=self.device)
        count, since = 0, time.perf_counter()
        try:
            while self.step < recipe.steps:
                loss, norm = self._advance()
                total += loss
                count += 1
                keep = self.step % recipe.checkpoint_every == 0 or self.step == recipe.steps
                if not (keep or self.step % recipe.log_every == 0):
                    continue
                mean = parallel.mean(total / count).item()  # the only wait for the device
                # The gradient too: an infinite one has spoilt the weights, which only the next loss would show.
                for what, value in (("loss", mean), ("gradient norm", norm.item())):
                    if not math.isfinite(value):
                        raise TrainingDiverged(self._diverged(what, value))
                now = time.perf_counter()
                speed = count * recipe.batch_size / (now - since)
                report = TrainStep(self.step, mean, norm.item(), recipe.rate_at(self.step), speed)
                total.zero_()
                count = 0
                self._log(report)
                if keep:
                    self.save()
                yield report
                since = time.perf_counter()  # neither the checkpoint nor what the caller did is the training's time
        except GeneratorExit:
            # The caller gives up: keep what was done (what was not reported yet may be bad: then keep the last).
            if count == 0 or math.isfinite(total.item() + norm.item()):
                self.save()
            raise
        except RuntimeError as error:
            if self.world.size > 1 and parallel.is_of_peers(error):
                kept = f"the last checkpoint is step {self.saved}" if self.directory else "nothing was saved"
                told = f"another process of this training is gone, by step {self.step}; {kept}"
                raise parallel.WorkerLost(told) from error
            raise
        finally:
            self.model.eval()
            if self.lock is not None:
                self.lock.release()

    def _advance(self) -> tuple[Tensor, Tensor]:
        """One optimiser step; returns its loss and gradient norm as tensors, without waiting for the device."""
        recipe, n = self.recipe, self.step + 1
        self.generator.manual_seed(derive_seed(recipe.seed, "noise", n))
        batch = self.batches.take(n, self.generator)
        with self._random_dropout(n), torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            # Noise and loss are float32: autocast touches only matrix products and convolutions.
            loss = self._loss(batch)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), recipe.clip)
        for group in self.optimizer.param_groups:
            group["lr"] = recipe.rate_at(n)
        self.optimizer.step()
        self.ema.update(self.model)
        self.step = n
        return loss.detach(), norm

    def _loss(self, batch: Any) -> Tensor:
        if self.objective is not None:
            return self.objective(self.forward, batch, self.generator)
        assert self.schedule is not None
        t, eps = (None, None) if self.world.size == 1 else self._own_noise(batch)
        return diffusion_loss(self.forward, batch, self.schedule, self.recipe.kind, self.generator, t=t, eps=eps)

    def _own_noise(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        """Steps and noise of this process's part of the batch: of those that one process would draw for the whole."""
        assert self.schedule is not None
        whole, own = self.recipe.batch_size, self.world.part(self.recipe.batch_size)
        options: dict[str, Any] = {"generator": self.generator, "device": self.device}
        t = torch.randint(1, self.schedule.T + 1, (whole,), **options)
        eps = torch.randn(whole, *batch.shape[1:], **options)
        return t[own.start : own.stop], eps[own.start : own.stop]

    def _random_dropout(self, n: int) -> contextlib.AbstractContextManager[Any]:
        """Dropout draws from the global generator: give it the numbers of step n, and put it back after."""
        if not self.dropout:
            return contextlib.nullcontext()
        stack = contextlib.ExitStack()
        stack.enter_context(torch.random.fork_rng([self.device] if self.device.type == "cuda" else []))
        # Each process drops other features of its part; the first, or only one, drops what it always did.
        stream = "dropout" if self.world.first else f"drop{self.world.rank}"
        torch.manual_seed(derive_seed(self.recipe.seed, stream, n))
        return stack

    # ---- files -------------------------------------------------------------------------------------------

    def _describe(self) -> dict[str, Any]:
        config = getattr(self.model, "config", None)
        return {
            "format": 1,
            "model": {"class": type(self.model).__name__, "config": config.to_dict() if config else None},
            "schedule": self.schedule.to_dict() if self.schedule else None,
            "kind": self.recipe.kind,
            "recipe": self.recipe.to_dict(),
            "data": self.batches.about,
            **({} if self.objective is None else {"objective": name_of(self.objective)}),
        }

    def save(self) -> None:
        """Write the checkpoint, if there is a directory and something new to keep."""
        if self.directory is None or self.step == self.saved:
            return
        if not self.world.first:
            self.saved = self.step
            return
        moments = {
            f"{index}.{name}": value
            for index, state in self.optimizer.state_dict()["state"].items()
            for name, value in state.items()
        }
        tensors = {
            **checkpoint.with_prefix("model", self.model.state_dict()),
            **checkpoint.with_prefix("ema", self.ema.model.state_dict()),
            **checkpoint.with_prefix("optimizer", moments),
        }
        meta = {
            **self._describe(),
            "step": self.step,
            "ema_updates": self.ema.updates,
            "torch": torch.__version__,
        }
        checkpoint.write(self.directory / CHECKPOINT, tensors, meta)
        self.saved = self.step

    def restore(self) -> None:
        """Go back to the checkpoint; it must belong to the same run, except that `steps` may differ."""
        assert self.directory is not None
        path = self.directory / CHECKPOINT
        tensors, meta = checkpoint.read(path, self.device)
        mine = json.loads(json.dumps(self._describe()))
        for part in ("format", "model", "schedule", "kind", "objective", "data"):
            if meta.get(part) != mine.get(part):
                raise checkpoint.CheckpointError(
                    f"{path} belongs to another run: its {part} is {meta.get(part)}, this run's is {mine.get(part)}"
                )
        free = ("steps", "cooldown", "log_every", "checkpoint_every")
        changed = [k for k, v in mine["recipe"].items() if k not in free and meta["recipe"].get(k) != v]
        if changed:
            told = ", ".join(f"{k} {meta['recipe'].get(k)!r} -> {mine['recipe'][k]!r}" for k in changed)
            raise checkpoint.CheckpointError(f"{path} was made by another recipe: {told}")
        self.model.load_state_dict(checkpoint.under_prefix("model", tensors))
        self.ema.model.load_state_dict(checkpoint.under_prefix("ema", tensors))
        self.ema.updates = meta["ema_updates"]
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in checkpoint.under_prefix("optimizer", tensors).items():
            index, key = name.split(".")
            state.setdefault(int(index), {})[key] = value
        self.optimizer.load_state_dict({"state": state, "param_groups": self.optimizer.state_dict()["param_groups"]})
        # Files hold contiguous tensors; the fused optimiser needs each moment in its parameter's memory format.
        for parameter, moments in self.optimizer.state.items():
            for key, value in moments.items():
                if value.shape == parameter.shape:
                    moments[key] = torch.empty_like(parameter).copy_(value)
        self.step = self.saved = meta["step"]

    def trim_metrics(self) -> None:
        """Drop reports of steps that a killed run made after its last checkpoint, if any: they will be made again."""
        path = None if self.directory is None or not self.world.first else self.directory / METRICS
        if path is None or not path.exists():
            return
        kept = []
        for line in path.read_text().splitlines():
            with contextlib.suppress(json.JSONDecodeError):  # the kill may have cut the last line
                if json.loads(line)["step"] <= self.step:
                    kept.append(line)
        checkpoint.write_bytes(path, "".join(f"{line}\n" for line in kept).encode())

    def _log(self, report: TrainStep) -> None:
        if self.directory is None or not self.world.first:
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        with open(self.directory / METRICS, "a") as file:
            file.write(json.dumps(report._asdict()) + "\n")

    def _diverged(self, what: str, value: float) -> str:
        kept = (
            f"the last good checkpoint is step {self.saved}" if self.directory and self.saved else "nothing was saved"
        )
        return f"the {what} became {value} by step {self.step}; {kept}. A smaller rate or a longer warm-up helps."
