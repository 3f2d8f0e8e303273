"""What a notebook's kernel answers when a page asks it to run a network: the twin of worker.mjs."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..._errors import unknown_name
from ...diffusion import Denoiser
from ...nn import by_name

_TYPES = {"float32": "<f4", "int64": "<i8", "bool": "?"}


@torch.no_grad()
def answer(
    graphs: Mapping[str, nn.Module], question: Mapping[str, Any], buffers: Sequence[Any]
) -> tuple[dict[str, Any], list[bytes]]:
    """Run a network on what the page sent.

    Args:
        graphs: networks by name, each called with the page's feeds as keyword arguments (a condition's parts by the
            names of its fields); one tensor comes out, "prediction", or those that its `outputs` name.
        question: {"id", "graph", "feeds": [{"name", "type", "dims"}, ...]}, as `kernelBackend` of backend.mjs sends it.
        buffers: the bytes of each feed, little-endian.

    Returns:
        {"id", "outputs": [{"name", "type", "dims"}], "ms"}, and the bytes of each output; or {"failed": words} and
        nothing, whatever went wrong: the reader is to see it and not to wait.
    """
    began = time.perf_counter()
    try:
        if question["graph"] not in graphs:
            raise unknown_name("graph", question["graph"], graphs)
        model = by_name(graphs[question["graph"]])
        parameter = next(model.parameters())
        feeds = {feed["name"]: _tensor(feed, content, parameter) for feed, content in zip(question["feeds"], buffers)}
        given = model(**feeds)
        results = [x.float().cpu().numpy().astype("<f4") for x in ([given] if isinstance(given, Tensor) else given)]
    except Exception as error:
        return {"failed": str(error)}, []
    names = getattr(model, "outputs", ("prediction",))
    described = [{"name": name, "type": "float32", "dims": list(x.shape)} for name, x in zip(names, results)]
    milliseconds = 1000 * (time.perf_counter() - began)
    return {"id": question["id"], "outputs": described, "ms": milliseconds}, [x.tobytes() for x in results]


def clip_name(denoiser: Denoiser) -> str:
    """How a denoiser clips its estimates, as denoiser.mjs calls it: "none", "static" or "dynamic"."""
    if denoiser.clip == "dynamic":
        return "dynamic"
    return "static" if denoiser.clip else "none"


def _tensor(feed: Mapping[str, Any], content: Any, like: Tensor) -> Tensor:
    """One feed on the network's device; floating point in the network's precision."""
    numbers = np.frombuffer(content, dtype=_TYPES[feed["type"]]).reshape(feed["dims"])
    value = torch.from_numpy(numbers.copy()).to(like.device)
    return value.to(like.dtype) if value.is_floating_point() else value
