"""Several processes with one network: who this process is among them, and what they tell each other.

The engine is torch.distributed's, and torchrun starts the processes:

    torchrun --nproc-per-node 4 -m -- diffusion_edu.cli train cifar10

(The two dashes keep torchrun from taking options of the command for its own.)

With one process nothing here does anything. With several, each takes its part of every batch, random numbers are those
of the whole batch, and gradients are averaged: the loss curve is that of one process, up to the order of sums.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any, NamedTuple, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from ._errors import bad_value

Value = TypeVar("Value")


class WorkerLost(RuntimeError):
    """Another process of a training ended, or cannot be reached."""


class World(NamedTuple):
    """The number of this process, 0 .. size - 1, and how many there are."""

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """True for the one process that writes files and speaks."""
        return self.rank == 0

    def part(self, count: int) -> range:
        """This process's part of 0 .. count - 1; the parts lie one behind the other and differ by one at most."""
        return range(self.rank * count // self.size, (self.rank + 1) * count // self.size)

    def equal_part(self, name: str, count: int) -> range:
        """As :meth:`part`, where all parts must be of one size.

        Raises:
            ValueError: the count cannot be divided so; `name` is what the message calls it.
        """
        if count % self.size:
            raise bad_value(name, count, f"a multiple of {self.size}, the number of processes")
        return self.part(count)


def world() -> World:
    """This process among those that work together; World(0, 1) where it works alone."""
    if not (dist.is_available() and dist.is_initialized()):
        return World()
    return World(dist.get_rank(), dist.get_world_size())


@contextlib.contextmanager
def joined(device: torch.device) -> Iterator[World]:
    """Join the processes that torchrun started, for the time of the block; without torchrun nothing happens.

    Args:
        device: of this process: NCCL connects GPUs, gloo CPUs.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or dist.is_initialized():
        yield world()
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield world()
    finally:
        dist.destroy_process_group()


def is_of_peers(error: RuntimeError) -> bool:
    """True for what torch.distributed raises when a process cannot be reached (gloo has no class of its own for it)."""
    text = str(error).lower()
    return isinstance(error, dist.DistError) or "gloo" in text or "connection" in text


def local_rank() -> int:
    """Which of its machine's processes this is: torchrun's number, 0 without torchrun."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def mean(value: Tensor) -> Tensor:
    """The mean of a tensor over the processes; all of them must call it."""
    size = world().size
    if size == 1:
        return value
    total = value.detach().clone()
    dist.all_reduce(total)
    return total / size


_cpus: list[Any] = []  # the processes that are joined, and the same ones connected by their CPUs


def _of_cpus() -> Any:
    """The connection of the CPUs; made at first use where GPUs are connected, by all processes at once."""
    joined_now = dist.group.WORLD
    if dist.get_backend() == "gloo":
        return joined_now
    if not _cpus or _cpus[0] is not joined_now:
        _cpus[:] = [joined_now, dist.new_group(backend="gloo")]
    return _cpus[1]


def agree(flag: bool) -> bool:
    """True in all processes if it is true in one; all of them must call it.

    They tell each other over the CPU, and no GPU is waited for: a fraction of a millisecond, so that a training can ask
    after every step.
    """
    if world().size == 1:
        return flag
    raised = torch.tensor(int(flag))
    dist.all_reduce(raised, op=dist.ReduceOp.MAX, group=_of_cpus())
    return bool(raised.item())


def gathered(value: Value) -> list[Value]:
    """What each process holds, in the order of their numbers, over the CPU; all of them must call it.

    ``sum(gathered(stats), start)`` merges the :class:`Statistics` of all processes.
    """
    size = world().size
    if size == 1:
        return [value]
    values: list[Any] = [None] * size
    dist.all_gather_object(values, value, group=_of_cpus())
    return values


@contextlib.contextmanager
def in_turn() -> Iterator[None]:
    """The first process does the block, then the others: for a download that one of them is to make."""
    process = world()
    if process.size > 1 and not process.first:
        dist.barrier()
    try:
        yield
    finally:
        if process.size > 1 and process.first:
            dist.barrier()
