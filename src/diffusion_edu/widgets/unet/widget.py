"""The clickable diagram of a U-Net, and the recorder of its feature maps."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
import traitlets
from torch import Tensor

from ..._arguments import anything, images_inside, module, tensor
from ..._arguments import checked as as_checked
from ..._errors import bad_value
from ...diffusion import NoiseSchedule, q_sample
from ...nn import TraceRow, UNet, UNetConfig, attention_maps, features
from ..kit.base import BookWidget, Choice, Whole, WidgetValueError, as_traits, checked, integers_in
from ..kit.bundle import esm
from ..kit.payload import check_int, deflate
from .fallback import unet_png

LEVELS = 13  # grey levels of the stored maps; an odd number, so that one of them is 0
RECORDED = {"config", "size", "ts", "levels", "maps", "attention", "pixels"}  # what a recording holds
PICTURE = "x_t"  # the part before the first: the noisy picture itself


def _image(name: str, value: Any) -> Tensor:
    """An image in [-1, 1]."""
    return images_inside(name, tensor("(..., C, H, W)")(name, value))


@as_checked(model=module, channels=integers_in(1, 64), x0=_image)
@torch.no_grad()
def record_features(
    model: UNet,
    schedule: NoiseSchedule,
    x0: Tensor,
    ts: Sequence[int] = (100, 400, 800),
    channels: int = 4,
    seed: int = 0,
) -> dict[str, Any]:
    """Run a network on one noised image at some steps, and keep a few feature maps of each part and its attention.

    Of each part the channels whose maps vary most over the positions are kept, the same at every step. A map is
    rounded to 13 gray levels between -scale and scale, one scale for a part and a step: 99.5% of its values lie
    between. Attention is averaged over the heads, and each query's row is stored relative to its largest weight.

    Args:
        model: the network.
        schedule: of its training.
        x0: (1, C, H, W) or (C, H, W) an image in [-1, 1], square.
        ts: steps, in rising order.
        channels: most maps kept of a part.
        seed: of the noise, which is the same at every step.

    Returns:
        A JSON-ready dictionary for :class:`UNetExplorer`.

    Raises:
        ValueError: a bad argument.
    """
    steps = [check_int("ts", t, 0, schedule.T) for t in ts]
    if not steps or steps != sorted(set(steps)):
        raise bad_value("ts", tuple(ts), "steps in rising order, at least one")
    x0 = x0[None] if x0.ndim == 3 else x0
    if x0.ndim != 4 or len(x0) != 1 or x0.shape[2] != x0.shape[3]:
        raise bad_value("x0", tuple(x0.shape), "one square image, (1, C, size, size)")
    eps = torch.randn(x0.shape, generator=torch.Generator().manual_seed(seed))
    device = next(model.parameters()).device
    noised = torch.cat([q_sample(x0.cpu(), t, schedule, noise=eps)[0] for t in steps]).to(device)
    t = torch.tensor(steps)
    outputs = {PICTURE: noised} | features(model, noised, t)
    planes: list[np.ndarray] = []
    # What only normalises looks like the part before it.
    kept = {name: out.cpu() for name, out in outputs.items() if out.ndim == 4 and name != "norm_out"}
    maps = {name: _keep_maps(out, channels, planes) for name, out in kept.items()}
    looks = {name: _keep_attention(maps_.cpu(), planes) for name, maps_ in attention_maps(model, noised, t).items()}
    return {
        "config": model.config.to_dict(),
        "size": int(x0.shape[2]),
        "ts": steps,
        "levels": LEVELS,
        "maps": maps,
        "attention": looks,
        "pixels": deflate(b"".join(plane.astype(np.uint8).tobytes() for plane in planes)),
    }


def _keep_maps(out: Tensor, channels: int, planes: list[np.ndarray]) -> dict[str, Any]:
    """Append the planes of one part, step by step and channel by channel; says where they begin."""
    spread = out.flatten(2).std(dim=2, correction=0).mean(dim=0)  # (C,)
    kept = spread.topk(min(channels, len(spread))).indices.sort().values
    shown = out[:, kept].double()  # (steps, kept, H, W)
    scale = torch.quantile(shown.abs().flatten(1), 0.995, dim=1).clamp(min=1e-6)
    value = (shown / scale.reshape(-1, 1, 1, 1)).clamp(-1, 1)
    first = sum(plane.size for plane in planes)
    planes.append(((value + 1) * ((LEVELS - 1) / 2)).round().numpy())
    sizes = {"side": int(out.shape[2]), "channels": kept.tolist()}
    return {"first": first, **sizes, "scale": [float(f"{s:.3g}") for s in scale.tolist()]}


def _keep_attention(weights: Tensor, planes: list[np.ndarray]) -> dict[str, Any]:
    """Append the mean over the heads, each query's row relative to its largest weight, and tell those in per mille."""
    mean = weights.double().mean(dim=1)  # (steps, positions, positions)
    largest = mean.amax(dim=2, keepdim=True)
    first = sum(plane.size for plane in planes)
    planes.append((mean / largest * (LEVELS - 1)).round().numpy())
    side = round(mean.shape[1] ** 0.5)
    return {"first": first, "side": side, "largest": (1000 * largest[..., 0]).round().int().tolist()}


def unpack_map(recording: Mapping[str, Any], name: str, t: int) -> Tensor:
    """(channels, side, side) the stored maps of a part at a step, in units of the part's scale: -1 to 1."""
    entry = recording["maps"][name]
    flat = np.frombuffer(zlib.decompress(base64.b64decode(recording["pixels"])), dtype=np.uint8)
    shape = (len(recording["ts"]), len(entry["channels"]), entry["side"], entry["side"])
    cut = flat[entry["first"] : entry["first"] + int(np.prod(shape))].astype(np.float32).reshape(shape)
    return torch.from_numpy(cut[recording["ts"].index(t)]) * (2 / (recording["levels"] - 1)) - 1


@as_traits(models=anything, size=integers_in(1, 1024))
class UNetExplorer(BookWidget):
    """A U-Net as a diagram: choose a part, by hand or along the way of the data, and see what it does and costs.

    The traits ``model``, ``part``, ``t`` and ``query`` follow the page and move it.

    Args:
        models: a network or a configuration, or several with names, which the page offers in this order.
        size: height and width of the image for which shapes and FLOPs are given.
        recording: what :func:`record_features` returned for the first of the models.
        model: index of the model shown first.
        part: name of the part shown first, as in the trace; "x_t" is the noisy image.
        t: step of the feature maps shown first, one of the recording's; the middle one when not given.
        query: position whose attention is shown, counted row by row.

    Raises:
        ValueError: no model, a recording of another network, or an index, name or step that there is not.
    """

    model = Whole(0, 0, lambda self: len(self._labels) - 1)
    part = Choice(PICTURE, lambda self: self._names())
    t = traitlets.Int(0).tag(sync=True)
    query = Whole(0, 0, lambda self: self._size**2 - 1)
    _esm = esm("unet")
    _tag = "unet-explorer"
    _heights = (1211, 1306)

    def __init__(
        self,
        models: UNet | UNetConfig | Mapping[str, UNet | UNetConfig],
        size: int = 32,
        recording: Mapping[str, Any] | None = None,
        model: int = 0,
        part: str = PICTURE,
        t: int | None = None,
        query: int = 0,
    ) -> None:
        named = dict(models) if isinstance(models, Mapping) else {"U-Net": models}
        if not named:
            raise WidgetValueError(str(bad_value("models", "none", "at least one network or configuration")))
        configs = {label: m.config if isinstance(m, UNet) else m for label, m in named.items()}
        self._size = checked(lambda: check_int("size", size, 1, 1024))
        self._rows = [checked(partial(_trace, label, config, self._size)) for label, config in configs.items()]
        self._labels = list(configs)
        first = next(iter(configs.values()))
        if recording is not None and not set(recording) >= RECORDED:
            raise WidgetValueError(str(bad_value("recording", list(recording), "what record_features() returned")))
        if recording is not None and UNetConfig.from_dict(recording["config"]) != first:
            raise WidgetValueError("recording must be of the first of the models, got one of another configuration")
        self._ts = [] if recording is None else list(recording["ts"])
        payload = {
            "size": self._size,
            "models": [_model_payload(label, rows) for label, rows in zip(self._labels, self._rows)],
            "recording": None if recording is None else {k: v for k, v in recording.items() if k != "pixels"},
            "pixels": "" if recording is None else recording["pixels"],
        }
        # Before the traits: a part is looked up in the model's rows.
        checked(lambda: check_int("model", model, 0, len(self._labels) - 1))
        begin = self._ts[len(self._ts) // 2] if self._ts else 0
        text = json.dumps(payload, separators=(",", ":"))
        super().__init__(payload=text, model=model, part=part, t=begin if t is None else t, query=query)

    @property
    def row(self) -> TraceRow | None:
        """The row of the trace that is now shown; None for the noisy image."""
        return next((row for row in self._rows[self.model] if row.name == self.part), None)

    @traitlets.validate("t")
    def _valid_t(self, proposal: Any) -> int:
        if proposal["value"] not in (self._ts or [0]):
            raise WidgetValueError(str(bad_value("t", proposal["value"], f"one of {self._ts or [0]}")))
        return int(proposal["value"])

    @traitlets.observe("model")
    def _keep_part(self, change: Any) -> None:
        if self.part not in self._names():
            self.part = PICTURE

    def _names(self) -> list[str]:
        return [PICTURE, *(row.name for row in self._rows[self.model])]

    def _picture(self) -> tuple[str, str]:
        rows = self._rows[self.model]
        maps = [row for row in rows if row.level is not None]
        depth = max(reversed(maps), key=lambda row: row.level or 0)
        return unet_png(rows), (
            f"{self._labels[self.model]} as a U of {len(maps)} parts: on the left the encoder goes down from "
            f"{_shape(maps[0].out_shape)} to {_shape(depth.out_shape)}, on the right the decoder comes back to "
            f"{_shape(maps[-1].out_shape)}; {sum(1 for row in rows if row.skip)} skip connections lead across"
        )


def _trace(label: str, config: Any, size: int) -> list[TraceRow]:
    """The rows of one configuration; the error for anything else names the model."""
    if not isinstance(config, UNetConfig):
        raise bad_value(f"models[{label!r}]", config, "a UNet or a UNetConfig")
    with torch.device("meta"):  # for the shapes alone
        return UNet(config).trace(size)


def _shape(shape: Sequence[int]) -> str:
    """(C, H, W) -> "H×W×C", as the text of the book has it."""
    return "×".join(map(str, (*shape[1:], shape[0])))


def _model_payload(label: str, rows: Sequence[TraceRow]) -> dict[str, Any]:
    names = ("name", "kind", "parameters", "flops", "skip", "level", "residual", "heads")
    parts = []
    for row in rows:
        entry = {name: getattr(row, name) for name in names} | {"in": row.in_shape, "out": row.out_shape}
        # Of the layers inside: name, kind, channels in and out, parameters, FLOPs.
        entry["layers"] = [
            [p.name, p.kind, *(shape[0] if shape else 0 for shape in (p.in_shape, p.out_shape)), p.parameters, p.flops]
            for p in row.parts
        ]
        parts.append(entry)
    return {"label": label, "parts": parts}
