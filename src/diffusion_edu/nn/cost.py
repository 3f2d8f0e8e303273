"""What a U-Net costs before it is trained: arithmetic, parameters and memory, counted on shapes alone."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from .._errors import bad_value
from ..cond import Cond
from .autoencoder import AutoEncoder, AutoEncoderConfig
from .by_name import example_inputs
from .trace import TraceRow, trace_modules
from .unet import UNet, UNetConfig

# fp32 copies of every parameter that training holds: the weights, their gradients, Adam's two moments, the average.
STATE_COPIES = ("weights", "gradients", "first moments", "second moments", "EMA")
FP32_BYTES = 4
# How often a step moves each: a saved activation is written and read once forwards, and read twice backwards.
ACTIVATION_PASSES = 4
# Weights: read forwards and backwards; gradient: written. AdamW: reads weight, gradient and two moments, writes weight
# and two moments. EMA: reads the weight and the average, writes the average.
WEIGHT_PASSES = 3 + 7 + 3
# Parts without positions that are not about t, by their kind.
EMBEDDINGS = {"VectorEmbedding": "embedding of the condition"}


class CostPart(NamedTuple):
    """A share of a network's cost: all layers of one resolution, or all attention, or the embedding of t.

    Args:
        name: "32×32", ..., "attention", "embedding of t" or "embedding of the condition".
        parameters: in the part.
        flops: of the forward pass for one image; a multiplication and an addition count as two.
    """

    name: str
    parameters: int
    flops: int


class NetworkCost(NamedTuple):
    """What one image costs in a network.

    Args:
        side: of the image, in pixels.
        parameters: of the network.
        flops: of one forward pass.
        activation_bytes: what the forward pass keeps for the backward pass, in fp32; the weights are not in it.
        parts: the same parameters and FLOPs by resolution, from full size down, attention and the embedding of t last.
    """

    side: int
    parameters: int
    flops: int
    activation_bytes: int
    parts: tuple[CostPart, ...]


class TrainingCost(NamedTuple):
    """What a training run costs; bytes are those of one device.

    Args:
        picture_flops: FLOPs of one training image, 3 forward passes.
        total_flops: of all images.
        floor_seconds: the least time, at the peak of all devices.
        seconds: at the share of the peak that is reached.
        pictures_per_second: on all devices.
        state_bytes: weights, gradients, moments and average.
        activation_bytes: of a batch.
        memory_bytes: the sum of both.
        intensity: FLOPs of a step over the bytes that it moves, FLOP / byte.
        roof: FLOP/s that memory traffic and peak allow on one device: min(peak, intensity x bandwidth).
    """

    picture_flops: float
    total_flops: float
    floor_seconds: float
    seconds: float
    pictures_per_second: float
    state_bytes: float
    activation_bytes: float
    memory_bytes: float
    intensity: float
    roof: float


@lru_cache(maxsize=64)
def network_cost(config: UNetConfig, side: int, tokens: int = 24) -> NetworkCost:
    """What one image of side x side costs in a U-Net; nothing is computed, only shapes are followed.

    The saved activations are those that autograd keeps in a forward pass in training, each counted once, with
    fused attention, which does not keep its matrix of weights.

    Args:
        config: of the network; where it needs a condition it is given one.
        side: of the image, or of the latent.
        tokens: L, how many tokens cross-attention reads.

    Raises:
        ValueError: the network cannot take images of this side.
    """
    with FakeTensorMode():
        inputs = example_inputs(config, side, batch=1, length=tokens)
        x, t = inputs.pop("x_t"), inputs.pop("t")
        return _followed(UNet(config).train(), side, x, t, Cond(**inputs) if inputs else None)


@lru_cache(maxsize=64)
def autoencoder_cost(config: AutoEncoderConfig, side: int) -> tuple[NetworkCost, NetworkCost]:
    """What one image of side x side costs in the encoder of an auto-encoder, and in its decoder.

    Raises:
        ValueError: the side is no multiple of the auto-encoder's factor.
    """
    if side < 1 or side % config.factor:
        raise bad_value("side", side, f"a positive multiple of {config.factor}")
    with FakeTensorMode():
        network = AutoEncoder(config).train()
        x = torch.zeros(1, config.in_channels, side, side)
        z = torch.zeros(1, config.latent_channels, side // config.factor, side // config.factor)
        return _followed(network.encoder, side, x), _followed(network.decoder, side, z)


def _followed(model: nn.Module, side: int, *inputs: Any) -> NetworkCost:
    """The cost of a call of a network whose tensors, and those of its inputs, have shapes and no values."""
    # In the memory format of training on a GPU; only in this one is the fused attention taken.
    for p in model.parameters():
        if p.ndim == 4:
            p.data = p.data.to(memory_format=torch.channels_last)
    saved: dict[int, tuple[torch.UntypedStorage, int]] = {}
    own = {id(p) for p in model.parameters()}

    def keep(tensor: Tensor) -> Tensor:
        base = tensor if tensor._base is None else tensor._base
        if id(base) not in own:
            storage = tensor.untyped_storage()
            saved[storage._cdata] = storage, storage.nbytes()
        return tensor

    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        rows = trace_modules(model, *inputs)
    return NetworkCost(
        side=side,
        parameters=_count(model),
        flops=sum(row.flops for row in rows),
        activation_bytes=sum(size for _, size in saved.values()),
        parts=_by_part(rows),
    )


def training_cost(
    network: NetworkCost,
    *,
    batch: int,
    pictures: float,
    peak: float,
    bandwidth: float,
    share: float = 1.0,
    devices: int = 1,
    value_bytes: int = FP32_BYTES,
) -> TrainingCost:
    r"""What it costs to train a network on so many images.

    A backward pass is two forward ones (the gradients of the weights and those of the inputs), so with F FLOPs
    forwards, n images, a peak of P FLOP/s on each of D devices, and a share u of it reached:
    time = 3 F n / (u P D). A step of batch B on one device moves 4 A B + 13 * 4 N bytes, with A bytes of saved
    activations per image (written and read once forwards, read twice backwards) and N parameters in fp32 (weights,
    gradients, AdamW and the average): a simple model, and a low count, since what is not saved is moved as well.

    Args:
        network: cost of one image.
        batch: images of a step on one device.
        pictures: in the whole run, on all devices.
        peak: FLOP/s of one device.
        bandwidth: bytes/s of one device's memory.
        share: u, in (0, 1].
        devices: D.
        value_bytes: of one saved activation, 4 in fp32 and 2 in bf16 or fp16; weights and moments stay in fp32.

    Raises:
        ValueError: an argument outside what is said above.

    Equation: eq-training-time (counted here; the roof after Williams et al. 2009).
    Checked by: tests/nn/test_cost.py::test_the_numbers_of_a_run_by_hand.
    """
    rules = [
        ("batch", batch, batch >= 1, "at least 1"),
        ("pictures", pictures, pictures > 0, "above 0"),
        ("peak", peak, peak > 0, "above 0"),
        ("bandwidth", bandwidth, bandwidth > 0, "above 0"),
        ("share", share, 0 < share <= 1, "in (0, 1]"),
        ("devices", devices, devices >= 1, "at least 1"),
        ("value_bytes", value_bytes, value_bytes in (2, 4), "2 or 4"),
    ]
    for name, value, good, allowed in rules:
        if not good:
            raise bad_value(name, value, allowed)
    picture_flops = 3.0 * network.flops
    total = picture_flops * pictures
    state = float(len(STATE_COPIES) * FP32_BYTES * network.parameters)
    activations = batch * network.activation_bytes * value_bytes / FP32_BYTES
    moved = ACTIVATION_PASSES * activations + WEIGHT_PASSES * FP32_BYTES * network.parameters
    intensity = picture_flops * batch / moved
    floor = total / (peak * devices)
    return TrainingCost(
        picture_flops=picture_flops,
        total_flops=total,
        floor_seconds=floor,
        seconds=floor / share,
        pictures_per_second=pictures * share / floor,
        state_bytes=state,
        activation_bytes=activations,
        memory_bytes=state + activations,
        intensity=intensity,
        roof=min(peak, intensity * bandwidth),
    )


def _count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def _by_part(rows: list[TraceRow]) -> tuple[CostPart, ...]:
    """Parameters and FLOPs of the rows by resolution of their output, with attention taken out of them."""
    sums: dict[str, list[int]] = {}

    def add(name: str, parameters: int, flops: int) -> None:
        pair = sums.setdefault(name, [0, 0])
        pair[0] += parameters
        pair[1] += flops

    for row in rows:
        inside = [part for part in row.parts if row.kind == "Attend" or part.name.startswith("attention.")]
        attention = sum(part.parameters for part in inside), sum(part.flops for part in inside)
        add("attention", *attention)
        if row.kind != "Attend":
            size = "×".join(map(str, row.out_shape[1:]))
            home = size or EMBEDDINGS.get(row.kind, "embedding of t")
            add(home, row.parameters - attention[0], row.flops - attention[1])
    last = ("attention", "embedding of t", *EMBEDDINGS.values())
    sizes = sorted((name for name in sums if name not in last), key=lambda name: -int(name.split("×")[0]))
    return tuple(CostPart(name, *sums[name]) for name in (*sizes, *last) if name in sums)
