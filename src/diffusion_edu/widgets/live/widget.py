"""The trained model itself, drawing images: in the page on the reader's machine, or in a notebook by its kernel."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..._arguments import anything
from ...cards import read_card
from ...data.fashion_mnist import fashion_mnist
from ...diffusion import DDIM, SAMPLERS, sample, timesteps
from ...pretrained import WEIGHTS, available, load
from ..kit.base import BookWidget, Choice, Real, Whole, WidgetValueError, as_traits, checked, choice
from ..kit.bundle import esm
from ..kit.payload import b64, check_labels, strip_png, to_uint8
from ..model.kernel import answer, clip_name
from ..model.packing import traveling

MAX_SEED = 2**31 - 5
SAMPLES = 4
LABELS = {"ddpm": "DDPM", "ddim": "DDIM", "dpm-solver": "DPM-Solver++(2M)"}
STORED_STEPS, COLUMNS = 20, 8


@as_traits(images=anything)
class LiveSampler(BookWidget):
    """A trained model that draws four images at a time; the reader chooses sampler, steps, eta, seed and start.

    On a page of the book the network runs in the browser (onnxruntime-web in a worker: WebGPU where there is one, else
    WebAssembly) once the reader asks for it; in a notebook with a kernel it runs in Python. Where neither can be, a
    stored run is shown. A run starts from noise, or from an image, a drawing or a file of the reader's own, noised to
    any step. Sample k has the noise of :func:`noise.widget_noise` for the seed plus k.

    The traits ``method``, ``steps``, ``eta`` and ``seed`` follow the page and move it.

    Args:
        model: name of a model of this package that has a graph for the page, such as "fashion".
        method: "ddpm", "ddim" or "dpm-solver".
        steps: number of steps, 2..T.
        eta: share of fresh noise in "ddim", 0..1.
        seed: of the first sample.
        images: (N, C, size, size) images to start from, as for :class:`XTExplorer`; default: six of the data set.
        labels: one name per image.

    Raises:
        ValueError, TypeError: an argument outside what is said above.
    """

    method = Choice("ddim", {name: LABELS.get(name, name) for name in SAMPLERS})
    steps = Whole(50, 2, lambda self: self._system.schedule.T)
    eta = Real(0.0)
    seed = Whole(0, 0, MAX_SEED)
    _esm = esm("live")
    _tag = "live-sampler"
    _heights = (645, 742)

    def __init__(
        self,
        model: str = "fashion",
        method: str = "ddim",
        steps: int = 50,
        eta: float = 0.0,
        seed: int = 0,
        images: Any = None,
        labels: Sequence[str] | None = None,
    ) -> None:
        choice("model", model, [name for name in available() if _has_graph(name)])
        self._system = load(model)
        channels, size, _ = self._system.shape
        if images is None:
            images, labels = _six_pictures()
        pixels = to_uint8(images)
        if pixels.shape[1:] != (channels, size, size):
            raise WidgetValueError(f"images must have shape (N, {channels}, {size}, {size}), got {pixels.shape}")
        payload = {
            "network": {
                "graphs": {"unet": f"{model}.onnx"},
                "weights": [f"{model}.safetensors"],
                "target": self._system.denoiser.target,
                "clip": clip_name(self._system.denoiser),
                "bytes": sum(traveling((WEIGHTS / f"{model}.{end}").read_bytes()) for end in ("onnx", "safetensors")),
            },
            "still": {"steps": STORED_STEPS, "times": _stored_times(self._system.schedule.T)},
            "schedule": self._system.schedule.to_dict(),
            "size": size,
            "channels": channels,
            "samples": SAMPLES,
            "pixels": b64(pixels),
            "labels": checked(lambda: check_labels(labels, len(pixels))),
        }
        super().__init__(payload=json.dumps(payload), method=method, steps=steps, eta=eta, seed=seed)
        self.on_msg(self._answer)

    def _answer(self, _: Any, question: dict[str, Any], buffers: Sequence[Any]) -> None:
        """A page with a kernel asks for the network's prediction at x_t."""
        self.send(*answer({"unet": self._system.unet}, question, buffers))

    def _picture(self) -> tuple[str, str]:
        states = list(sample(self._system.denoiser, (1, *self._system.shape), DDIM(), STORED_STEPS, seeds=[self.seed]))
        times = _stored_times(self._system.schedule.T)
        chosen = [s for s in states if s.t in times]
        rows = [torch.cat([getattr(s, part) for s in chosen]).cpu().clamp(-1, 1) for part in ("x_t", "x0")]
        return (
            strip_png(rows, gap=1),
            f"DDIM, {STORED_STEPS} steps: the noised image (above) and the estimate of the finished image (below) "
            f"at t = {', '.join(map(str, times))}",
        )


def _stored_times(T: int) -> list[int]:
    """The steps t of the run's states that are shown before the first run."""
    times = timesteps(T, STORED_STEPS)
    return [times[i] for i in np.linspace(0, STORED_STEPS, COLUMNS).round().astype(int)]


def _has_graph(name: str) -> bool:
    """Whether a model has a graph for the page, and needs no text."""
    config = (read_card(WEIGHTS / name).get("model") or {}).get("config") or {}
    return (WEIGHTS / f"{name}.onnx").is_file() and not config.get("text")


def _six_pictures() -> tuple[Tensor, list[str]]:
    """The first test image of six classes, as unlike each other as there are."""
    data = fashion_mnist("test")
    wanted = ("T-shirt/top", "Trouser", "Dress", "Sneaker", "Bag", "Ankle boot")
    labels = [data.classes.index(name) for name in wanted]
    first = [int((data.labels == label).nonzero()[0]) for label in labels]
    return data.pixels[first], list(wanted)
