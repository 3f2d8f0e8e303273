"""What torchrun starts in test_parallel.py: the command line with a plan of seconds, or a few calls by themselves.

torchrun ... parallel_worker.py cli ARGUMENTS       `diffusion-edu ARGUMENTS`
torchrun ... parallel_worker.py die N ARGUMENTS     the same, but the second process kills itself at report N
torchrun ... parallel_worker.py asked N ARGUMENTS   the same, with few reports; in step N the second is sent SIGTERM
torchrun ... parallel_worker.py own FOLDER          a training with an objective of its own
torchrun ... parallel_worker.py merge FILE          statistics and pictures of all processes, written by the first

parallel_worker.py serve SECONDS    the same by `fork`, many times: a line of JSON with the `arguments` above, the
                                    `environments` of the processes, and the files `out` and `err` for what they say;
                                    answered by a line with their exit codes. After so many seconds they are killed.
"""

import contextlib
import json
import os
import signal
import sys
import traceback
from dataclasses import dataclass, replace

import torch

import diffusion_edu as de
from diffusion_edu import cli, processes
from diffusion_edu.data.augment import shifted
from diffusion_edu.nn import new_unet
from diffusion_edu.runs import RUNS
from diffusion_edu.runs.folder import folder_run
from diffusion_edu.systems import generate_part

RECIPE = de.Recipe(
    steps=6, batch_size=8, warmup=0, log_every=1, checkpoint_every=2, precision="fp32", ema_decay=0.5, flip=True
)
MODEL = de.UNetConfig.tiny(in_channels=3, channels=(8, 8, 8))


def small(**changes) -> None:
    """The run "folder" in small."""
    RUNS["folder"] = folder_run(MODEL, replace(RECIPE, **changes))


def asked(number: int) -> None:
    """Reports are rare, and in one step the second process is sent a signal."""
    small(steps=200, log_every=50, checkpoint_every=100)
    agree, count = processes.agree, [0]

    def counted(flag):
        count[0] += 1
        if count[0] == number and processes.world().rank == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return agree(flag)

    processes.agree = counted


def dying(number: int) -> None:
    """The second process kills itself after so many reports: as a machine that loses its power."""
    agree, count = processes.agree, [0]

    def counted(flag):
        count[0] += 1
        if count[0] == number and processes.world().rank == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return agree(flag)

    processes.agree = counted


def merge(file: str) -> None:
    """Each process measures its part of 101 rows, and draws its part of 5 pictures."""
    rows = torch.randn(101, 7, generator=torch.Generator().manual_seed(0)) + 5
    with processes.joined(torch.device("cpu")) as here:
        stats = de.Statistics(7)
        own = here.part(len(rows))
        parts = processes.gathered(stats.update(rows[own.start : own.stop]))
        drawn = processes.gathered(generate_part(de.load("fashion"), 5, seed=3, steps=2))
        with processes.in_turn():
            order = processes.world().rank
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


@dataclass(frozen=True)
class Words(de.Denoising):
    """An objective of its own: labels become the condition, images are shifted, every random number is used."""

    def read(self, batch, draw):
        vec = torch.nn.functional.one_hot(batch["label"], 3).float() + 0.1 * draw.normal(3)
        return shifted(batch["pixels"], 2, draw), de.Cond(vec=vec)


def own(out: str) -> None:
    """A training with that objective."""
    generator = torch.Generator().manual_seed(0)
    data = {
        "pixels": torch.randint(0, 256, (20, 1, 8, 8), generator=generator, dtype=torch.uint8),
        "label": torch.randint(0, 3, (20,), generator=generator),
    }
    objective = Words(de.NoiseSchedule.linear(50), "v", drop=0.5, weight="min-snr")
    with processes.joined(torch.device("cpu")):
        unet = new_unet(de.UNetConfig(1, (8, 8), 1, attention_levels=(), vec_dim=3), 0)
        list(de.fit(unet, data, RECIPE, objective, directory=out, device="cpu"))


def main(arguments: list[str]) -> int:
    """One of the processes."""
    mode, *rest = arguments
    torch.set_num_threads(1)
    small()
    if mode == "merge":
        merge(*rest)
    elif mode == "own":
        own(*rest)
    else:
        if mode == "die":
            dying(int(rest.pop(0)))
        if mode == "asked":
            asked(int(rest.pop(0)))
        return cli.main(rest)
    return 0


def forked(environment: dict[str, str], arguments: list[str], out: str, err: str) -> int:
    """A process that need not import anything any more; its id."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        for number, file in ((1, out), (2, err)):
            os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
        os.environ.update(environment)
        code = main(arguments)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def serve(seconds: int) -> None:
    """Until there is no more to read. No operation runs here: a fork would miss the threads that it left."""
    import torch._dynamo  # by an optimiser it would be imported anew in each, for two seconds

    torch.set_num_threads(1)
    for line in sys.stdin:
        asked = json.loads(line)
        files = asked["arguments"], asked["out"], asked["err"]
        pids = [forked(environment, *files) for environment in asked["environments"]]

        def end(*_, pids=pids):
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

        signal.signal(signal.SIGALRM, end)
        signal.alarm(seconds)
        codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
        signal.alarm(0)
        print(json.dumps(codes), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(int(sys.argv[2]))
    else:
        sys.exit(main(sys.argv[1:]))
