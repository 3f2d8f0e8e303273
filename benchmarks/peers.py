"""The networks and training steps of other libraries at our sizes, for the benchmarks that stand them side by side.

A library that is not installed is left out, and `present` says what installs it. (With its dependencies the second one
would replace the PyTorch that is being measured, hence `--no-deps`. Of torchvision, which it imports for its data
loading, a hollow stand-in is enough here.)
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

import diffusion_edu as de
from diffusion_edu.train.machine import has_bf16

Step = Callable[[Tensor], None]

SIZES: dict[str, dict[str, Any]] = {
    # channels of each level, residual blocks a level, levels with attention
    "paper": {"channels": (128, 256, 256, 256), "blocks": 2, "attention": (1,)},
    "wide": {"channels": (64, 128, 256), "blocks": 1, "attention": (2,)},
    "small": {"channels": (32, 64, 64), "blocks": 1, "attention": (2,)},
    "tiny": {"channels": (32, 32), "blocks": 1, "attention": (1,)},  # for trials of the scripts themselves
}


# What each library is imported as, and what installs it.
NEEDS: dict[str, tuple[tuple[str, ...], str]] = {
    "ours": ((), ""),
    "diffusers": (("diffusers",), "pip install diffusers"),
    "lucidrains": (
        ("denoising_diffusion_pytorch", "ema_pytorch", "accelerate", "einops"),
        "pip install --no-deps denoising-diffusion-pytorch==2.3.4 ema-pytorch==0.8.3 accelerate einops",
    ),
    "scipy": (("scipy",), "pip install scipy"),
}


def present(names: Iterable[str]) -> list[str]:
    """Those of the libraries that are installed; of each other one it says, on stderr, what installs it."""
    found = []
    for name in names:
        modules, command = NEEDS[name]
        gone = [module for module in modules if find_spec(module) is None]
        if gone:
            print(f"left out: {', '.join(gone)} is not installed. To measure it too: {command}", file=sys.stderr)
        else:
            found.append(name)
    return found


class Peer(NamedTuple):
    """A network with its own training step: loss, gradient, clipping, optimiser, running average.

    Args:
        name: library, precision, compiled or not.
        network, step: as above; a step takes (B, 3, 32, 32) in [-1, 1].
        kept: what has a state_dict() and must be kept to go on later; None for ours, whose `fit` keeps its own files.
        draw: ``draw(count, steps)`` -> (count, 3, 32, 32) by DDIM with the averaged network; None for ours, likewise.
    """

    name: str
    network: nn.Module
    step: Step
    kept: dict[str, Any] | None = None
    draw: Callable[[int, int], Tensor] | None = None


def our_config(size: str) -> de.UNetConfig:
    """Our network of a size."""
    if size == "paper":
        return de.UNetConfig.paper()
    shape = SIZES[size]
    levels = shape["attention"]
    return de.UNetConfig(in_channels=3, channels=shape["channels"], blocks=shape["blocks"], attention_levels=levels)


def ours(size: str, device: torch.device, precision: str, compiled: bool = False) -> Peer:
    """This package: `fit` itself, asked for one step at a time; the data are what it trains on, on the device."""
    unet = de.UNet(our_config(size))
    runs: dict[int, Any] = {}

    def step(x0: Tensor) -> None:
        if len(x0) not in runs:
            data = de.data.to_pixels(x0.float().cpu())
            recipe = de.Recipe(
                steps=10**9,
                batch_size=len(x0),
                log_every=1,
                checkpoint_every=10**9,
                precision=precision,
                compile=compiled,
            )
            runs[len(x0)] = de.fit(unet, data, recipe, de.Denoising(de.NoiseSchedule.linear(1000)), device=device)
        next(runs[len(x0)])

    return Peer(f"diffusion_edu {precision}{' compiled' if compiled else ''}", unet, step)


def diffusers(size: str, device: torch.device, precision: str, compiled: bool = False) -> Peer:
    """diffusers' UNet2DModel with the step of its training script: AdamW, EMAModel, clipping at 1."""
    from diffusers import DDIMPipeline, DDIMScheduler, DDPMScheduler, UNet2DModel
    from diffusers.training_utils import EMAModel

    shape = SIZES[size]
    levels = range(len(shape["channels"]))
    down = tuple("AttnDownBlock2D" if i in shape["attention"] else "DownBlock2D" for i in levels)
    options = {"downsample_padding": 0, "flip_sin_to_cos": False, "freq_shift": 1, "dropout": 0.1}
    network = UNet2DModel(
        sample_size=32,
        block_out_channels=shape["channels"],
        layers_per_block=shape["blocks"],
        down_block_types=down,
        up_block_types=tuple(kind.replace("Down", "Up") for kind in reversed(down)),
        attention_head_dim=None if size == "paper" else shape["channels"][-1] // 4,
        norm_eps=1e-6,
        **(options if size == "paper" else {}),
    ).to(device)
    scheduler = DDPMScheduler(num_train_timesteps=1000, beta_schedule="linear")
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4)
    average = EMAModel(network.parameters(), decay=0.9999, use_ema_warmup=True)
    forward = torch.compile(network) if compiled else network

    def step(x0: Tensor) -> None:
        noise = torch.randn_like(x0)
        t = torch.randint(0, 1000, (len(x0),), device=x0.device)
        noisy = scheduler.add_noise(x0, noise, t)
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
            predicted = forward(noisy, t).sample
        nn.functional.mse_loss(predicted.float(), noise).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        average.step(network.parameters())

    def draw(count: int, steps: int) -> Tensor:
        average.store(network.parameters())
        average.copy_to(network.parameters())
        pipeline = DDIMPipeline(network, DDIMScheduler.from_config(scheduler.config))
        pipeline.set_progress_bar_config(disable=True)
        found = pipeline(batch_size=count, num_inference_steps=steps, output_type="np").images
        average.restore(network.parameters())
        return torch.from_numpy(found).movedim(-1, 1) * 2 - 1

    kept = {"network": network, "optimizer": optimizer, "average": average}
    return Peer(f"diffusers {precision}{' compiled' if compiled else ''}", network, step, kept, draw)


def lucidrains(size: str, device: torch.device, precision: str, compiled: bool = False) -> Peer:
    """denoising-diffusion-pytorch with the step of its Trainer: Adam, EMA, clipping at 1."""
    hollow_torchvision()
    from denoising_diffusion_pytorch import denoising_diffusion_pytorch as library
    from denoising_diffusion_pytorch.denoising_diffusion_pytorch import GaussianDiffusion, Unet
    from ema_pytorch import EMA

    library.tqdm = lambda steps, **_: steps  # it shows its progress bar always

    shape = SIZES[size]
    first = shape["channels"][0]
    network = Unet(
        dim=first,
        dim_mults=tuple(c // first for c in shape["channels"]),
        full_attn=tuple(i in shape["attention"] for i in range(len(shape["channels"]))),
        flash_attn=precision == "bf16",
    )
    diffusion = GaussianDiffusion(network, image_size=32, timesteps=1000, auto_normalize=False).to(device)
    optimizer = torch.optim.Adam(diffusion.parameters(), lr=1e-4, betas=(0.9, 0.99))
    average = EMA(diffusion, beta=0.995, update_every=10)
    if compiled:
        diffusion.model = torch.compile(network)

    def step(x0: Tensor) -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
            loss = diffusion(x0)
        loss.backward()
        nn.utils.clip_grad_norm_(diffusion.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        average.update()

    def draw(count: int, steps: int) -> Tensor:
        model = average.ema_model
        model.sampling_timesteps, model.is_ddim_sampling, model.ddim_sampling_eta = steps, True, 0.0
        with torch.inference_mode():
            return model.sample(batch_size=count).float().cpu()

    kept = {"diffusion": diffusion, "optimizer": optimizer, "average": average}
    return Peer(f"denoising-diffusion-pytorch {precision}{' compiled' if compiled else ''}", network, step, kept, draw)


def hollow_torchvision() -> None:
    """What the import of that library asks torchvision for, without torchvision."""
    if "torchvision" not in sys.modules:
        package = types.ModuleType("torchvision")
        for name in ("transforms", "utils"):
            part = types.ModuleType(f"torchvision.{name}")
            setattr(package, name, part)
            sys.modules[f"torchvision.{name}"] = part
        sys.modules["torchvision"] = package


def best_precision(device: torch.device) -> str:
    """What our default, "auto", comes to."""
    return "bf16" if has_bf16(device) else "fp32"
