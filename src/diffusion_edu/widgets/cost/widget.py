"""The explorer of what training costs: arithmetic, time, memory and the roofline of a network on a machine."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import traitlets

from ...nn import UNetConfig
from ...nn.cost import (
    ACTIVATION_PASSES,
    STATE_COPIES,
    WEIGHT_PASSES,
    NetworkCost,
    TrainingCost,
    network_cost,
    training_cost,
)
from ..kit.base import BookWidget, Choice, Real, Whole, WidgetValueError, as_traits
from ..kit.bundle import esm
from .fallback import cost_png

SIDES = (16, 32, 64)
NETWORKS: dict[str, tuple[str, UNetConfig]] = {
    "small": ("small", UNetConfig.small()),
    "base": ("base: walk-through", UNetConfig.base()),
    "wide": ("wide", UNetConfig(channels=(64, 128, 256), blocks=1)),
    "paper": ("paper", UNetConfig.paper()),
}
PRECISIONS = {"fp32": "fp32", "half": "16 bits"}


@dataclass(frozen=True)
class Machine:
    """A kind of machine: FLOP/s in fp32 and in 16 bits, bytes/s and bytes of memory (None: unknown), and whence."""

    name: str
    fp32: float
    half: float
    bandwidth: float
    memory: float | None
    source: str

    def counted(self, devices: int) -> str:
        """So many of it, in words: "one T4", "8 × T4"; the CPU's name holds a number already."""
        if devices > 1:
            return f"{devices} × {self.name}"
        return self.name if self.name.startswith("two ") else f"one {self.name}"


MACHINES: dict[str, Machine] = {
    "cpu": Machine("two CPU cores", 134e9, 335e9, 38e9, None, "measured: matrix products, copy of memory"),
    "t4": Machine("T4", 8.1e12, 65e12, 320e9, 16e9, "data sheet; 16 bits are fp16, it has no bf16"),
    "a100": Machine("A100, 40 GB", 19.5e12, 312e12, 1555e9, 40e9, "data sheet, dense bf16; fp32 without TF32"),
    "h100": Machine("H100 SXM", 67e12, 989e12, 3.35e12, 80e9, "data sheet, dense bf16; fp32 without TF32"),
}


@as_traits()
class CostExplorer(BookWidget):
    """Choose a network, a machine and a run; see its arithmetic, the least time, memory, and the roofline.

    All arguments are traits that follow the page and move it; ``cost`` holds the numbers now shown.

    Args:
        network: "small", "base", "wide" or "paper".
        side: of the images: 16, 32 or 64.
        batch: images of a step on one device, 1..4096.
        pictures: of the whole run, 1e4..1e10; the default is Ho et al.'s 800,000 steps of 128.
        machine: "cpu", "t4", "a100" or "h100".
        precision: of arithmetic and saved activations, "fp32" or "half" (bf16 or fp16); the weights stay in fp32.
        share: of the peak that is reached, percent, 1..100.
        devices: 1..64.

    Raises:
        ValueError: an argument outside what is said above.
    """

    network = Choice("paper", tuple(NETWORKS))
    side = traitlets.Int(32).tag(sync=True)
    batch = Whole(128, 1, 4096)
    pictures = Real(102_400_000.0, 1e4, 1e10, "in 1e4..1e10")
    machine = Choice("h100", tuple(MACHINES))
    precision = Choice("half", PRECISIONS)
    share = Whole(25, 1, 100)
    devices = Whole(1, 1, 64)
    _esm = esm("cost")
    _tag = "cost-explorer"
    _heights = (705, 1145)

    def __init__(
        self,
        network: str = "paper",
        side: int = 32,
        batch: int = 128,
        pictures: float = 102_400_000,
        machine: str = "h100",
        precision: str = "half",
        share: int = 25,
        devices: int = 1,
    ) -> None:
        payload = {
            "networks": {name: _network(name) for name in NETWORKS},
            "machines": {name: _machine(machine) for name, machine in MACHINES.items()},
            "model": {
                "state_copies": STATE_COPIES,
                "activation_passes": ACTIVATION_PASSES,
                "weight_passes": WEIGHT_PASSES,
            },
        }
        super().__init__(
            payload=json.dumps(payload),
            network=network,
            side=side,
            batch=batch,
            pictures=pictures,
            machine=machine,
            precision=precision,
            share=share,
            devices=devices,
        )

    @traitlets.validate("side")
    def _valid_side(self, proposal: Any) -> int:
        if proposal["value"] not in SIDES:
            raise WidgetValueError(f"side must be one of {', '.join(map(str, SIDES))}, got {proposal['value']!r}")
        return int(proposal["value"])

    @property
    def one_picture(self) -> NetworkCost:
        """What one image costs in the network now chosen."""
        return network_cost(NETWORKS[self.network][1], self.side)

    @property
    def cost(self) -> TrainingCost:
        """What the run now chosen costs."""
        machine = MACHINES[self.machine]
        return training_cost(
            self.one_picture,
            batch=self.batch,
            pictures=self.pictures,
            peak=getattr(machine, self.precision),
            bandwidth=machine.bandwidth,
            share=self.share / 100,
            devices=self.devices,
            value_bytes=4 if self.precision == "fp32" else 2,
        )

    def _picture(self) -> tuple[str, str]:
        machine, cost, picture = MACHINES[self.machine], self.cost, self.one_picture
        bits = "fp32" if self.precision == "fp32" else "16 bits"
        words = [
            f"{NETWORKS[self.network][0]} network: {_shape(self.network)}; {self.side}×{self.side} images",
            f"{picture.flops / 1e9:.3g} GFLOP forward, {cost.picture_flops / 1e9:.3g} GFLOP a training image",
            f"{self.pictures / 1e6:.4g} million images on {machine.counted(self.devices)}, {bits}: "
            f"at least {_hours(cost.floor_seconds)}, {_hours(cost.seconds)} at {self.share} % of the peak",
            f"memory {cost.memory_bytes / 1e9:.3g} GB with a batch of {self.batch}"
            + (", of unknown" if machine.memory is None else f", of {machine.memory / 1e9:.0f} GB"),
        ]
        bars = [
            ("FLOPs by resolution", [(part.name, float(part.flops)) for part in picture.parts]),
            ("parameters by resolution", [(part.name, float(part.parameters)) for part in picture.parts]),
            (
                "memory",
                [("weights, gradients, moments, EMA", cost.state_bytes), ("activations", cost.activation_bytes)],
            ),
        ]
        return cost_png(words, bars), "What training costs: " + ". ".join(words)


def _network(name: str) -> dict[str, Any]:
    label, config = NETWORKS[name]
    costs = {side: network_cost(config, side)._asdict() for side in SIDES}
    for cost in costs.values():
        cost["parts"] = [part._asdict() for part in cost["parts"]]
    return {"label": label, "shape": _shape(name), "sides": costs}


def _shape(name: str) -> str:
    """The channels of each level and the blocks a level, in words."""
    config = NETWORKS[name][1]
    blocks = f"{config.blocks} block{'s' * (config.blocks > 1)}"
    return f"{', '.join(map(str, config.channels))} channels, {blocks} a level"


def _machine(machine: Machine) -> dict[str, Any]:
    peak = {"fp32": machine.fp32, "half": machine.half}
    rest = {"bandwidth": machine.bandwidth, "memory": machine.memory, "source": machine.source}
    return {"label": machine.name, "one": machine.counted(1), "peak": peak, **rest}


def _hours(seconds: float) -> str:
    """A time in hours of three digits."""
    hours = seconds / 3600
    return f"{hours:,.0f} h" if hours >= 100 else f"{float(f'{hours:.3g}'):g} h"
