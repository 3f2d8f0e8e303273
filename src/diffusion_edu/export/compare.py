"""A file's answers against PyTorch's, before anyone relies on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

TOLERANCE = 1e-4  # largest difference to PyTorch, as a share of the output's standard deviation


class ExportError(RuntimeError):
    """The file would not compute what the network computes."""


def difference(
    payload: bytes, weights: Path | None, model: nn.Module, inputs: Mapping[str, Tensor], outputs: Sequence[str]
) -> float:
    """The largest difference between the file's answers and PyTorch's, as a share of their standard deviation.

    Args:
        payload: the file.
        weights: the file that it points to; None where it holds its weights.
        model: what it was made from, called with `inputs` by name.
        inputs: the example.
        outputs: names of the file's outputs, in the order of the module's.

    Raises:
        ExportError: another number of outputs, another shape, or a difference above `TOLERANCE`.
    """
    import onnx
    from onnx.external_data_helper import load_external_data_for_model
    from onnx.reference import ReferenceEvaluator

    proto = onnx.load_from_string(payload)
    if weights is not None:
        load_external_data_for_model(proto, str(weights.parent))
    # One more sample than the example had: a batch that was fixed by mistake would show.
    more = {name: torch.cat([value, value[:1].flip(-1)]) for name, value in inputs.items()}
    with torch.no_grad():
        answer = model(**more)
    wanted = [answer] if isinstance(answer, Tensor) else list(answer)
    if len(wanted) != len(outputs):
        raise ExportError(f"the network has {len(wanted)} outputs, named were {len(outputs)}: {', '.join(outputs)}")
    feed = {name: value.numpy() for name, value in more.items()}
    worst = 0.0
    for name, ours, theirs in zip(outputs, wanted, _run(proto, feed, outputs, ReferenceEvaluator)):
        if theirs.shape != tuple(ours.shape):
            raise ExportError(f"the file answers with {name} of shape {theirs.shape}, PyTorch with {tuple(ours.shape)}")
        off = float(np.abs(theirs - ours.numpy()).max() / max(float(ours.std()), 1e-12))
        worst = off if off > worst or off != off else worst
    if not worst <= TOLERANCE:
        raise ExportError(f"the file's answer differs by {worst:.2g} of its spread, at most {TOLERANCE:g} is allowed")
    return worst


def _run(proto: Any, feed: Mapping[str, np.ndarray], outputs: Sequence[str], reference: Any) -> list[np.ndarray]:
    """The file's answers, by onnxruntime where it is installed, else by onnx's own slow evaluator."""
    try:
        import onnxruntime
    except ImportError:
        return reference(proto).run(list(outputs), dict(feed))
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(list(outputs), dict(feed))
