"""What torchrun starts in test_parallel.py: the command line with a plan of seconds, or a few calls by themselves.

torchrun ... parallel_worker.py cli ARGUMENTS       `diffusion-edu ARGUMENTS`
torchrun ... parallel_worker.py die N ARGUMENTS     the same, but the second process kills itself at report N
torchrun ... parallel_worker.py merge FILE          statistics and pictures of all processes, written by the first
"""

import json
import os
import signal
import sys
from dataclasses import replace

import torch

import diffusion_edu as de
from diffusion_edu import cli
from diffusion_edu.train import PLANS, parallel

RECIPE = de.Recipe(
    steps=6, batch_size=8, warmup=0, log_every=1, checkpoint_every=2, precision="fp32", ema_decay=0.5, flip=True
)
MODEL = de.UNetConfig.tiny(in_channels=3)


def plan() -> None:
    """The plan "folder" in small."""
    PLANS["folder"] = replace(PLANS["folder"], model=MODEL, recipe=RECIPE)


def dying(number: int) -> None:
    """The second process kills itself after so many reports: as a machine that loses its power."""
    agree, count = parallel.agree, [0]

    def counted(flag, device):
        count[0] += 1
        if count[0] == number and parallel.world().rank == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return agree(flag, device)

    parallel.agree = counted


def merge(file: str) -> None:
    """Each process measures its part of 101 rows, and draws its part of 5 pictures."""
    rows = torch.randn(101, 7, generator=torch.Generator().manual_seed(0)) + 5
    with parallel.joined(torch.device("cpu")) as here:
        stats = de.Statistics(7)
        own = here.part(len(rows))
        parts = parallel.gathered(stats.update(rows[own.start : own.stop]))
        drawn = parallel.gathered(de.load("fashion").generate_part(5, seed=3, steps=2))
        with parallel.in_turn():
            order = parallel.world().rank
        if here.first:
            whole = sum(parts[1:], parts[0])
            result = {
                "world": list(here),
                "order": order,
                "count": whole.count,
                "mean": whole.mean.tolist(),
                "covariance": whole.covariance.tolist(),
                "drawn": torch.cat(drawn).tolist(),
            }
            with open(file, "w") as out:
                json.dump(result, out)


if __name__ == "__main__":
    mode, *rest = sys.argv[1:]
    torch.set_num_threads(1)
    plan()
    if mode == "merge":
        merge(*rest)
    else:
        if mode == "die":
            dying(int(rest.pop(0)))
        sys.exit(cli.main(rest))
