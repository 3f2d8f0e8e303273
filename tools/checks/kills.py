"""Kill tiny trainings of every shape at random moments, resume them, and compare with trainings that were left alone.

    python tools/checks/kills.py                           fifty kills, over the stages of the text-to-image runs
    python tools/checks/kills.py --kills 6 --only emoji-dalle --json kills.json

Each training is a stage of a named run, with its objective and its shape, made tiny: a network of a few channels, a few
random images, latents, embeddings or codes, and random captions. It is a process of its own, a fork of this one that
has PyTorch loaded, and is ended by SIGKILL, in its start or between two steps or while it writes; the moments are drawn
from the seed. The next process goes on. (benchmarks/kill_resume.py kills processes that load all anew.) In the end
weights, average, the optimiser's memory and the reports must be those of a training that nobody killed, bit
for bit. The exit status is 1 when anything differs.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import sys
import tempfile
import time
from dataclasses import replace
from multiprocessing.process import BaseProcess as Process
from pathlib import Path
from typing import Any

import torch

import diffusion_edu as de
from diffusion_edu.nn import AutoEncoderConfig, UNetConfig
from diffusion_edu.runs import RUNS
from diffusion_edu.systems import CodePriorConfig, PriorConfig
from diffusion_edu.train.checkpoint import CHECKPOINT

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

from kill_resume import differences, reached, saved  # noqa: E402 - a script beside the others

# What a stage's data hold; "captions" are tokens, mask and vec.
DATA = {
    "fashion/unet": ("images",),
    "emoji/unet": ("pixels", "captions"),
    "emoji-latent/autoencoder": ("pixels",),
    "emoji-latent/unet": ("mean", "std", "captions"),
    "emoji-dalle/prior": ("embedding", "captions"),
    "emoji-dalle/codes": ("codes", "captions"),
    "emoji-dalle/decoder": ("mean", "std", "vec"),
    "emoji-imagen/base": ("pixels", "captions"),
    "emoji-imagen/up32": ("pixels", "small", "captions"),
    "emoji-imagen/up64": ("pixels", "small"),
}
STEPS, EVERY = 40, 5  # of a training; and between two checkpoints
N, K, LENGTH, E, D = 12, 3, 5, 12, 16  # images, phrasings, tokens, numbers of an embedding and of a token
CODES, LEVELS = 5, 4


def tiny(config: Any) -> Any:
    """The configuration of a stage with few channels, and dropout where it has any; what it reads stays."""
    if isinstance(config, AutoEncoderConfig):
        return AutoEncoderConfig.tiny(latent_channels=config.latent_channels)
    if isinstance(config, CodePriorConfig):
        return CodePriorConfig.tiny(embedding=E, token_dim=D, codes=CODES, levels=LEVELS)
    if isinstance(config, PriorConfig):
        return PriorConfig.tiny(embedding=E, token_dim=D)
    assert isinstance(config, UNetConfig), config
    return replace(
        config,
        channels=(8, 12),
        blocks=1,
        attention_levels=(1,) if config.attention_levels else (),
        cross_levels=None if config.cross_levels is None else (1,),
        heads=2,
        dropout=0.1,
        vec_dim=None if config.vec_dim is None else E,
        token_dim=None if config.token_dim is None else D,
    )


def rows(names: tuple[str, ...], config: Any) -> Any:
    """Random data of a stage: the same in every process."""
    g = torch.Generator().manual_seed(1)
    channels = getattr(config, "in_channels", 3)
    made: dict[str, torch.Tensor] = {}
    for name in names:
        if name in ("images", "pixels", "small"):
            side = 4 if name == "small" else 8
            made[name] = torch.randint(0, 256, (N, channels, side, side), dtype=torch.uint8, generator=g)
        elif name == "codes":
            made[name] = torch.randint(0, LEVELS, (N, CODES), generator=g)
        elif name == "captions":
            made["tokens"] = torch.randn(N, K, LENGTH, D, generator=g).half()
            made["mask"] = torch.arange(LENGTH) < torch.randint(1, LENGTH + 1, (N, K, 1), generator=g)
            made["vec"] = torch.randn(N, K, E, generator=g).half()
        elif name in ("mean", "std"):
            made[name] = torch.rand(N, channels, 4, 4, generator=g)
        else:
            made[name] = torch.randn(N, E, generator=g)
    return made["images"] if names == ("images",) else made


def train(name: str, directory: Path) -> None:
    """The training itself: go on from whatever stands in the directory, to the end."""
    run, _, stage_name = name.partition("/")
    stage = next(stage for stage in RUNS[run].stages if stage.name == stage_name)
    stage = replace(stage, config=tiny(stage.config))
    data = rows(DATA[name], stage.config)
    recipe = replace(
        stage.recipe,
        steps=STEPS,
        batch_size=4,
        warmup=3,
        cooldown=6,
        flip="images" in DATA[name] or "pixels" in DATA[name],
        precision="fp32",
        compile=False,
        log_every=1,
        checkpoint_every=EVERY,
    )
    # Another random start in every process: what is resumed must come from the file.
    seed = random.SystemRandom().randrange(2**31) if (directory / CHECKPOINT).exists() else 0
    for _ in de.fit(stage.new(seed), data, recipe, stage.objective({}), directory=directory, device="cpu"):
        pass


def start(name: str, directory: Path) -> Process:
    """The training in a process of its own."""
    worker = multiprocessing.get_context("fork").Process(target=train, args=(name, directory))
    worker.start()
    return worker


def finish(name: str, directory: Path) -> float:
    """Train to the end; returns the seconds that it took."""
    clock = time.perf_counter()
    worker = start(name, directory)
    worker.join()
    if worker.exitcode != 0:
        raise SystemExit(f"{name}: a training that nobody killed failed")
    return time.perf_counter() - clock


def kill_once(name: str, directory: Path, chance: random.Random, seconds: float, left: int) -> dict[str, Any]:
    """Start, kill at a random moment, and tell what was found.

    One kill in four comes at any moment of the time that a training takes, which is mostly its start; the others soon
    after a random step was reported, so that there are steps for the `left` kills that follow.
    """
    before, step = saved(directory), reached(directory)
    anywhere, share, pause = chance.random() < 0.25, chance.random(), chance.uniform(0, 0.05)
    target = min(step + 1 + int(share * 2 * (STEPS - step) / (left + 2)), STEPS - 1)
    worker = start(name, directory)
    if anywhere:
        time.sleep(0.8 * share * seconds)
    else:
        while worker.is_alive() and reached(directory) < target:
            time.sleep(0.001)
        time.sleep(pause)
    finished = not worker.is_alive()
    worker.kill()
    worker.join()
    if finished and worker.exitcode != 0:
        raise SystemExit(f"{name}: a training failed by itself with status {worker.exitcode}")
    return {
        "from": before,
        "killed_at": reached(directory),
        "saved": saved(directory),
        "half_written": len(list(directory.glob(".*.tmp"))),
        "alive": not finished,
    }


def experiment(names: list[str], kills: int, seed: int) -> list[dict[str, Any]]:
    """Every training left alone and killed; returns a row for each."""
    table = []
    for index, name in enumerate(names):
        chance = random.Random(f"{seed} {name}")
        count = (index + 1) * kills // len(names) - index * kills // len(names)
        with tempfile.TemporaryDirectory() as folder:
            whole, killed = Path(folder) / "whole", Path(folder) / "killed"
            seconds = finish(name, whole)
            rows_of = [kill_once(name, killed, chance, seconds, left) for left in reversed(range(count))]
            finish(name, killed)
            found = differences(whole, killed)
            unread = [path.name for path in killed.glob(".*.tmp")]
        table.append({"training": name, "kills": rows_of, "differences": found, "left_behind": unread})
        show(table[-1])
    return table


def show(row: dict[str, Any]) -> None:
    """One line of the table."""
    kills = row["kills"]
    steps = ", ".join(f"{kill['killed_at']}{'' if kill['alive'] else ' (it had ended)'}" for kill in kills)
    half = sum(kill["half_written"] for kill in kills)
    found = f"DIFFERENT: {', '.join(row['differences'])}" if row["differences"] else "equal bit for bit"
    print(f"{row['training']:<26} {len(kills)} kills, at steps {steps}; {half} half-written files; {found}", flush=True)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--kills", type=int, default=50, help="in all")
    parser.add_argument("--only", default="", help="trainings whose names hold this")
    parser.add_argument("--seed", type=int, default=0, help="of the moments of the kills")
    parser.add_argument("--json", type=Path, help="where to write what happened")
    options = parser.parse_args()
    names = [name for name in DATA if options.only in name]
    if not names or options.kills < len(names):
        parser.error(f"--only must leave a training of {', '.join(DATA)}, and --kills one kill for each")
    torch.set_num_threads(1)  # before the first fork: a pool of threads would not come along
    table = experiment(names, options.kills, options.seed)
    wrong = [row for row in table if row["differences"] or row["left_behind"]]
    alive = sum(kill["alive"] for row in table for kill in row["kills"])
    print(f"{alive} of {options.kills} kills found their training alive; {len(wrong)} of {len(table)} ended otherwise")
    if options.json:
        options.json.write_text(json.dumps(table, indent=2) + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
