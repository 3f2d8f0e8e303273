"""What one image costs, counted: every network that a system runs, and how often it runs it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

import diffusion_edu as de
from diffusion_edu.nn.trace import trace_modules
from diffusion_edu.systems import Dalle, Imagen
from diffusion_edu.systems.upscaling import augmented

from .sources import Subject

PRIOR_GUIDANCE = 2.0  # what `Dalle.generate` leads its prior with, unless it is told otherwise


def evaluations(guidance: float, steps: int) -> int:
    """Of the network, for one image: guidance reads every image twice, with the text and without."""
    return steps * (1 if guidance in (0, 1) else 2)


def cost(subject: Subject, texts: list[str], guidance: float, steps: int) -> dict[str, Any]:
    """FLOPs of each network, for one image, and how often it is evaluated; multiplying and adding are two.

    Args:
        subject: the system.
        texts: what it reads; the first is counted, as long as the longest.
        guidance, steps: of the sampler.

    Returns:
        "unet_flops" and "evaluations" of the network that draws from noise, "decoder_flops" of an auto-encoder, and
        where there are other networks "others": name -> {"flops", "evaluations"}. The text encoder is left out.
    """
    system, first = subject.system, torch.tensor([0])
    x_t, t, cond = torch.zeros(1, *system.drawn_shape), torch.tensor([1]), subject.read(texts)[first]
    others: dict[str, dict[str, int]] = {}
    if isinstance(system, Dalle):
        length = de.DPMSolver().default_steps(system.schedule.T)
        others["prior"] = {
            "flops": _counted(system.prior, torch.zeros(1, system.config.prior.embedding), t, cond),
            "evaluations": evaluations(PRIOR_GUIDANCE, length),
        }
        cond = replace(cond, tokens=None, mask=None)  # its decoder is told an embedding, of the size of the text's
    if isinstance(system, Imagen):
        for network, shape, size in zip(system.up, system.config.up, system.config.sizes[1:]):
            small, reads = torch.zeros(1, shape.in_channels, size // 2, size // 2), shape.token_dim is not None
            seen = augmented(small, first, small, system.schedule, size)
            told = replace(cond, concat=seen.concat, level=seen.level) if reads else seen
            others[f"up{size}"] = {
                "flops": _sum(network, torch.zeros(1, shape.in_channels, size, size), t, told),
                "evaluations": evaluations(guidance, steps) if reads else steps,
            }
    return {
        "unet_flops": _sum(system.unet, x_t, t, cond),
        "decoder_flops": 0 if subject.decoder is None else _sum(subject.decoder, x_t),
        "evaluations": evaluations(guidance, steps),
        **({"others": others} if others else {}),
    }


def total(counted: dict[str, Any]) -> int:
    """FLOPs of one image."""
    others = sum(part["flops"] * part["evaluations"] for part in counted.get("others", {}).values())
    return counted["evaluations"] * counted["unet_flops"] + counted["decoder_flops"] + others


@torch.no_grad()
def _sum(network: nn.Module, *inputs: Any) -> int:
    return sum(row.flops for row in trace_modules(network, *inputs))


@torch.no_grad()
def _counted(network: nn.Module, *inputs: Any) -> int:
    """FLOPs of a transformer, whose fused attention no hook sees: here in the two products that it stands for."""
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        network(*inputs)
    return counter.get_total_flops()
