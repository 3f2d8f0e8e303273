"""Kill a training run at random moments, resume it each time, and compare it with a run that was left alone.

    python benchmarks/kill_resume.py                        ten kills
    python benchmarks/kill_resume.py --kills 3 --steps 60 --json result.json

Each run is a process of its own and is ended by SIGKILL, which no program can catch: whatever it was doing, writing a
checkpoint for instance, stops there. In the end weights, averaged weights, the optimiser's memory and the reports must
be those of the uninterrupted run, bit for bit. The network has dropout and the pictures are mirrored at random, so
that every source of chance is tried. The exit status is 1 when anything differs.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

CHECKPOINT, METRICS = "checkpoint.safetensors", "metrics.jsonl"
RESULT = Path(__file__).parent / "results" / "kill_resume.json"
SPEED = "pictures_per_second"  # the one number that may differ


def train(directory: Path, steps: int, every: int) -> None:
    """The run itself: go on from whatever stands in the directory, to the end."""
    import torch

    import diffusion_edu as de
    from diffusion_edu.nn import new_unet

    torch.set_num_threads(1)
    data = torch.randint(0, 256, (48, 1, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    config = de.UNetConfig(in_channels=1, channels=(8, 16), blocks=1, attention_levels=(1,), dropout=0.1)
    recipe = de.Recipe(
        steps=steps,
        batch_size=8,
        warmup=5,
        cooldown=steps // 4,
        flip=True,
        precision="fp32",
        log_every=1,
        checkpoint_every=every,
    )
    # Another random start in every process: what is resumed must come from the file.
    unet = new_unet(config, seed=random.SystemRandom().randrange(2**31) if (directory / CHECKPOINT).exists() else 0)
    for _ in de.fit(unet, data, recipe, de.Denoising(de.NoiseSchedule.linear(1000)), directory=directory, device="cpu"):
        pass


def start(directory: Path, steps: int, every: int) -> subprocess.Popen:
    """The run in a process of its own."""
    options = ["--steps", str(steps), "--every", str(every), "--worker", str(directory)]
    return subprocess.Popen([sys.executable, __file__, *options])


def reached(directory: Path) -> int:
    """The last step that was reported, 0 before the first."""
    path = directory / METRICS
    lines = path.read_text().splitlines() if path.exists() else []
    for line in reversed(lines):
        try:
            return int(json.loads(line)["step"])
        except (json.JSONDecodeError, KeyError):  # caught in the middle of a line
            continue
    return 0


def saved(directory: Path) -> int:
    """The step of the checkpoint, 0 when there is none."""
    from diffusion_edu import files

    path = directory / CHECKPOINT
    return int(files.read(path)[1]["step"]) if path.exists() else 0


def kill_once(directory: Path, steps: int, every: int, target: int, pause: float) -> dict[str, Any]:
    """Run until `target` steps were reported and `pause` seconds more, then kill."""
    target = max(target, reached(directory) + 1)  # old reports do not count: every run comes further than the last
    began, clock = saved(directory), time.perf_counter()
    worker = start(directory, steps, every)
    while worker.poll() is None and reached(directory) < target:
        time.sleep(0.001)
    time.sleep(pause)
    finished = worker.poll() is not None
    worker.kill()
    status = worker.wait()
    if finished and status != 0:
        raise SystemExit(f"a run failed by itself with status {status}")
    return {
        "seconds": round(time.perf_counter() - clock, 2),
        "from": began,
        "killed_at": reached(directory),
        "saved": saved(directory),
        "half_written_files": len(list(directory.glob("*.tmp"))) + len(list(directory.glob(".*.tmp"))),
        "finished": finished,
    }


def differences(one: Path, other: Path) -> list[str]:
    """What differs between the results of two runs; empty when they are equal bit for bit."""
    import torch

    from diffusion_edu import files

    (a, meta_a), (b, meta_b) = (files.read(folder / CHECKPOINT) for folder in (one, other))
    found = [
        name for name in a.keys() | b.keys() if name not in a or name not in b or not torch.equal(a[name], b[name])
    ]
    found += [key for key in meta_a.keys() | meta_b.keys() if meta_a.get(key) != meta_b.get(key)]
    reports = [
        [
            {k: v for k, v in json.loads(line).items() if k != SPEED}
            for line in (folder / METRICS).read_text().splitlines()
        ]
        for folder in (one, other)
    ]
    return sorted(found) + (["reports"] if reports[0] != reports[1] else [])


def experiment(kills: int, steps: int, every: int, seed: int) -> dict[str, Any]:
    """Both runs; returns what happened."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        whole, killed = Path(folder) / "whole", Path(folder) / "killed"
        if start(whole, steps, every).wait() != 0:
            raise SystemExit("the uninterrupted run failed")
        last = max(3 * steps // 4, kills)  # so that every kill finds its run alive
        targets = sorted(chance.sample(range(1, last + 1), kills))
        rows = [kill_once(killed, steps, every, target, chance.uniform(0, 0.02)) for target in targets]
        if start(killed, steps, every).wait() != 0:
            raise SystemExit("the last resumed run failed")
        return {"kills": rows, "steps": steps, "checkpoint_every": every, "differences": differences(whole, killed)}


def show(result: dict[str, Any]) -> None:
    """The table."""
    print(f"{result['steps']} steps, a checkpoint every {result['checkpoint_every']}")
    print(f"{'kill':>4}  {'seconds':>7}  {'from step':>9}  {'killed at':>9}  {'checkpoint':>10}  {'half-written':>12}")
    for number, row in enumerate(result["kills"], 1):
        note = "  (the run had ended)" if row["finished"] else ""
        cells = f"{row['seconds']:>7}  {row['from']:>9}  {row['killed_at']:>9}"
        print(f"{number:>4}  {cells}  {row['saved']:>10}  {row['half_written_files']:>12}{note}")
    found = result["differences"]
    print("equal bit for bit: weights, average, optimiser, reports" if not found else f"DIFFERENT: {', '.join(found)}")


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--every", type=int, default=7, help="steps between two checkpoints")
    parser.add_argument("--seed", type=int, default=0, help="of the moments of the kills")
    parser.add_argument("--json", type=Path, default=RESULT, help="where to write what happened")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker is not None:
        train(options.worker, options.steps, options.every)
        return 0
    result = experiment(options.kills, options.steps, options.every, options.seed)
    show(result)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(result, indent=2) + "\n")
    return 1 if result["differences"] else 0


if __name__ == "__main__":
    sys.exit(main())
