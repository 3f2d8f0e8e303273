"""The trained model itself, drawing pictures: in the page on the reader's machine, or in a notebook by its kernel."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import traitlets
from torch import Tensor

from .._errors import bad_value
from ..data.fashion_mnist import fashion_mnist
from ..diffusion import sample
from ..diffusion.samplers import METHODS
from ..pretrained import WEIGHTS, available, load
from ._base import BookWidget, WidgetValueError, checked, choice
from .bundle import esm
from .payload import b64, check_int, check_labels, strip_png, to_uint8

MAX_SEED = 2**31 - 5
SAMPLES = 4
STORED_STEPS = 20


class LiveSampler(BookWidget):
    """A trained model that draws four pictures at a time; the reader chooses sampler, steps, eta, seed and start.

    On a page of the book the network runs in the browser (onnxruntime-web in a worker: WebGPU where there is one, else
    WebAssembly) once the reader asks for it; in a notebook with a kernel it runs in Python. Where neither can be, a
    stored run is shown. A run starts from noise, or from a picture, a drawing or a file of the reader's own, noised to
    any step. Sample k has the noise of :func:`payload.widget_noise` for the seed plus k.

    The traits ``method``, ``steps``, ``eta`` and ``seed`` follow the page and move it.

    Args:
        model: name of a model of this package that has a graph for the page, such as "fashion".
        method: "ddpm", "ddim" or "dpm-solver".
        steps: number of steps, 2..T.
        eta: share of fresh noise in "ddim", 0..1.
        seed: of the first sample.
        images: (N, C, size, size) pictures to start from, as for :class:`XTExplorer`; default: six of the data set.
        labels: one name a picture.

    Raises:
        ValueError, TypeError: an argument outside what is said above.
    """

    method = traitlets.Unicode("ddim").tag(sync=True)
    steps = traitlets.Int(50).tag(sync=True)
    eta = traitlets.Float(0.0).tag(sync=True)
    seed = traitlets.Int(0).tag(sync=True)
    _esm = esm("live_sampler")
    _tag = "live-sampler"
    _heights = (470, 640)
    _shared = ("method", "steps", "eta", "seed")

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
        graphs = [name for name in available() if (WEIGHTS / f"{name}.onnx").is_file()]
        choice("model", model, graphs)
        self._system = load(model)
        channels, size, _ = self._system.shape
        if images is None:
            images, labels = _six_pictures()
        pixels = to_uint8(images)
        if pixels.shape[1:] != (channels, size, size):
            raise WidgetValueError(f"images must have shape (N, {channels}, {size}, {size}), got {pixels.shape}")
        payload = {
            "model": model,
            "schedule": self._system.schedule.to_dict(),
            "size": size,
            "channels": channels,
            "samples": SAMPLES,
            "pixels": b64(pixels),
            "labels": checked(lambda: check_labels(labels, len(pixels))),
        }
        super().__init__(payload=json.dumps(payload), method=method, steps=steps, eta=eta, seed=seed)
        self.on_msg(self._answer)

    @traitlets.validate("method")
    def _valid_method(self, proposal: Any) -> str:
        return choice("method", proposal["value"], METHODS)

    @traitlets.validate("steps")
    def _valid_steps(self, proposal: Any) -> int:
        return checked(lambda: check_int("steps", proposal["value"], 2, self._system.schedule.T))

    @traitlets.validate("eta")
    def _valid_eta(self, proposal: Any) -> float:
        if not 0 <= proposal["value"] <= 1:
            raise WidgetValueError(str(bad_value("eta", proposal["value"], "between 0 and 1")))
        return float(proposal["value"])

    @traitlets.validate("seed")
    def _valid_seed(self, proposal: Any) -> int:
        return checked(lambda: check_int("seed", proposal["value"], 0, MAX_SEED))

    def _answer(self, _: Any, question: dict[str, Any], buffers: Sequence[Any]) -> None:
        """A page with a kernel asks for the noise in x_t at step t."""
        began = time.perf_counter()
        try:
            x_t = torch.from_numpy(np.frombuffer(buffers[0], dtype="<f4").reshape(question["shape"]).copy())
            with torch.no_grad():
                parameter = next(self._system.model.parameters())
                eps = self._system.model(
                    x_t.to(parameter), torch.full((len(x_t),), int(question["t"]), device=parameter.device)
                )
        except Exception as error:  # whatever it is, the reader is to see it and not to wait
            self.send({"failed": str(error)})
            return
        milliseconds = 1000 * (time.perf_counter() - began)
        self.send({"id": question["id"], "ms": milliseconds}, [eps.float().cpu().numpy().astype("<f4").tobytes()])

    def _picture(self) -> tuple[str, str]:
        states = list(sample(self._system.denoiser, (1, *self._system.shape), steps=STORED_STEPS, seeds=[self.seed]))
        chosen = [states[i] for i in np.linspace(0, STORED_STEPS, 8).round().astype(int)]
        noised, estimates = (torch.cat([getattr(s, part) for s in chosen]).cpu() for part in ("x_t", "x0"))
        times = ", ".join(str(s.t) for s in chosen)
        return (
            strip_png([noised.clamp(-1, 1), estimates.clamp(-1, 1)]),
            f"DDIM, {STORED_STEPS} steps: x_t (above) and the estimate of x_0 (below) at t = {times}",
        )


def _six_pictures() -> tuple[Tensor, list[str]]:
    """The first test picture of six classes, as unlike each other as there are."""
    data = fashion_mnist("test")
    wanted = ("T-shirt/top", "Trouser", "Dress", "Sneaker", "Bag", "Ankle boot")
    labels = [data.classes.index(name) for name in wanted]
    first = [int((data.labels == label).nonzero()[0]) for label in labels]
    return data.pixels[first], list(wanted)
