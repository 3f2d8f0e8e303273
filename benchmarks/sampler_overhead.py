"""What a sampler costs a step besides the network: ours, diffusers' pipelines, and denoising-diffusion-pytorch.

    python benchmarks/sampler_overhead.py --out benchmarks/results/sampler_overhead.json

The network is replaced by one that gives back a tensor it holds, so that all the time is the sampler's: schedule
arithmetic, the estimate and its clipping, fresh noise, bookkeeping. One picture of 3 x 32 x 32, as many steps for all.
The runs are interleaved in one process; the table gives medians with the quarter of the runs below and above.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import peers
import torch
from torch import Tensor, nn
from training_step import machine

import diffusion_edu as de

SHAPE = (1, 3, 32, 32)
Run = Callable[[int], None]


class Nothing(nn.Module):
    """A network without arithmetic."""

    def __init__(self) -> None:
        super().__init__()
        self.answer = nn.Parameter(torch.randn(SHAPE, generator=torch.Generator().manual_seed(0)), requires_grad=False)

    def forward(self, x_t: Tensor, *rest: Any, **more: Any) -> Tensor:
        """The answer, whatever is asked."""
        return self.answer


def ours(method: str) -> Run:
    """`de.sample`, to its last step."""
    denoiser = de.Denoiser(Nothing(), de.NoiseSchedule.linear(1000), "eps", clip=True).eval()

    def run(steps: int) -> None:
        for _ in de.sample(denoiser, SHAPE, de.named_sampler(method), steps):
            pass

    return run


def diffusers(name: str) -> Run:
    """A pipeline as it comes, without its progress bar; its last conversion of the picture is timed with it."""
    import diffusers as library
    from diffusers.configuration_utils import ConfigMixin, register_to_config
    from diffusers.models.modeling_utils import ModelMixin

    class Theirs(ModelMixin, ConfigMixin):
        """The same nothing with what a pipeline asks of a network."""

        @register_to_config
        def __init__(self, sample_size: int = 32, in_channels: int = 3) -> None:
            super().__init__()
            self.inner = Nothing()
            self.found = SimpleNamespace(sample=self.inner.answer)

        def forward(self, *rest: Any, **more: Any) -> Any:
            """The answer, wrapped as theirs is."""
            return self.found

    scheduler = getattr(library, f"{name}Scheduler")(num_train_timesteps=1000)
    pipeline = getattr(library, f"{name}Pipeline")(unet=Theirs(), scheduler=scheduler)
    pipeline.set_progress_bar_config(disable=True)

    def run(steps: int) -> None:
        pipeline(batch_size=1, num_inference_steps=steps, output_type="pt")

    return run


def lucidrains(method: str) -> Run:
    """GaussianDiffusion's own loops, without their progress bar."""
    peers.hollow_torchvision()
    from denoising_diffusion_pytorch import denoising_diffusion_pytorch as library

    library.tqdm = lambda steps, **_: steps

    class Theirs(Nothing):
        """The same nothing with what the library asks of a network."""

        channels = out_dim = 3
        self_condition = random_or_learned_sinusoidal_cond = False

    kept: dict[int, Any] = {}

    def run(steps: int) -> None:
        if steps not in kept:
            kept[steps] = library.GaussianDiffusion(Theirs(), image_size=32, timesteps=1000, sampling_timesteps=steps)
        with torch.inference_mode():
            (kept[steps].ddim_sample if method == "ddim" else kept[steps].p_sample_loop)(SHAPE)

    return run


def contestants(libraries: list[str], steps: int) -> dict[str, tuple[Run, int]]:
    """Each sampler of these libraries, and the steps of one run."""
    runs: dict[str, tuple[Run, int]] = {}
    if "ours" in libraries:
        names = {"ddim": "DDIM", "ddpm": "DDPM", "dpm-solver": "DPM-Solver++(2M)"}
        runs |= {f"diffusion_edu {title}": (ours(method), steps) for method, title in names.items()}
    if "diffusers" in libraries:
        runs |= {f"diffusers {name}": (diffusers(name), steps) for name in ("DDIM", "DDPM")}
    if "lucidrains" in libraries:
        runs["denoising-diffusion-pytorch DDIM"] = (lucidrains("ddim"), steps)
        runs["denoising-diffusion-pytorch DDPM"] = (lucidrains("ddpm"), 1000)
    return runs


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=31)
    parser.add_argument("--steps", type=int, default=200, help="a run; DDPM of the third library takes its 1000")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    runs = contestants(peers.present(["ours", "diffusers", "lucidrains"]), arguments.steps)
    times: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(arguments.rounds + 1):
        for name, (run, steps) in runs.items():
            start = time.perf_counter()
            run(steps)
            if number:
                times[name].append(1e6 * (time.perf_counter() - start) / steps)
    rows = {}
    for name, own in times.items():
        low, middle, high = statistics.quantiles(own, n=4)
        rows[name] = {"microseconds": middle, "low": low, "high": high}
        print(f"{name:36s} {middle:7.1f} microseconds a step ({low:.1f} to {high:.1f})")
    if arguments.out:
        result = {"rows": rows, "rounds": arguments.rounds, "machine": machine(torch.device("cpu"))}
        arguments.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
