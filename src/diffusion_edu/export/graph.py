"""From a module to a bare ONNX graph, and what is known of each of its constants."""

from __future__ import annotations

import contextlib
import copy
import inspect
import io
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ..nn import by_name

OPSET = 18
FLOAT, FLOAT16 = 1, 10  # onnx.TensorProto's numbers
_OUTPUT = "diffusion_edu.output"  # a name that no part of a network has


class Owner(NamedTuple):
    """Which tensor of the module a constant of the graph is, or which beginning of it."""

    name: str
    turned: bool = False  # whether the graph wants it transposed
    first: int | None = None  # only so many numbers: the exporter cuts a table of positions to the example's length


def bare_graph(model: nn.Module, inputs: Mapping[str, Tensor], outputs: Sequence[str]) -> tuple[Any, dict[str, Owner]]:
    """The ONNX graph, and which of its constants is which tensor of the module, and whether transposed.

    The exporter folds, turns and renames constants. So it is given a module whose tensors hold random numbers, all
    different, and each constant is known by what it holds.

    Raises:
        ImportError: the extra `export` is not installed.
    """
    try:
        import onnx
        import onnxscript  # noqa: F401 - torch.onnx asks for it, less clearly
        from onnx import numpy_helper
    except ImportError as error:
        raise ImportError("to write ONNX files, install the extra: pip install 'diffusion-edu[export]'") from error
    marked, owners = _marked(model)
    names = [_OUTPUT + str(i) for i in range(len(outputs))]
    called = by_name(marked)
    order = [name for name in inspect.signature(called.forward).parameters if name in inputs]
    with _quiet():
        program = torch.onnx.export(
            called,
            kwargs={name: inputs[name] for name in order},
            dynamo=True,
            dynamic_shapes={name: {0: torch.export.Dim("batch")} for name in order},
            input_names=order,
            output_names=names,
            opset_version=OPSET,
            verbose=False,
        )
    assert program is not None
    proto = onnx.ModelProto()
    proto.CopyFrom(program.model_proto)
    found = {}
    for initializer in proto.graph.initializer:
        value = numpy_helper.to_array(initializer).tobytes()
        owner = owners.get(value) or _beginning(value, owners)
        if owner is not None:
            found[initializer.name] = owner
    _strip(proto)
    _name_outputs(proto, dict(zip(names, outputs)))
    return proto, found


def _marked(model: nn.Module) -> tuple[nn.Module, dict[bytes, Owner]]:
    """A copy of the module with other numbers, and whose they are."""
    marked = copy.deepcopy(model)
    generator = torch.Generator().manual_seed(0)
    owners: dict[bytes, Owner] = {}
    with torch.no_grad():
        for name, tensor in marked.state_dict().items():
            if tensor.is_floating_point():
                tensor.copy_(torch.rand(tensor.shape, generator=generator) * 0.1 + 0.05)
                owners[tensor.numpy().tobytes()] = Owner(name)
                if tensor.ndim == 2 and min(tensor.shape) > 1:
                    owners[tensor.T.contiguous().numpy().tobytes()] = Owner(name, turned=True)
    return marked, owners


def _beginning(value: bytes, owners: Mapping[bytes, Owner]) -> Owner | None:
    """The tensor whose beginning a constant holds; all tensors hold different numbers, so few bytes are enough."""
    if len(value) < 8:
        return None
    for whole, owner in owners.items():
        if not owner.turned and whole.startswith(value):
            return Owner(owner.name, first=len(value) // 4)
    return None


def _name_outputs(proto: Any, names: Mapping[str, str]) -> None:
    """Give the outputs their names, and whatever the exporter happened to call so another one."""
    new = {**{wanted: f"{wanted}.inner" for wanted in names.values()}, **names}
    for node in proto.graph.node:
        node.input[:] = [new.get(value, value) for value in node.input]
        node.output[:] = [new.get(value, value) for value in node.output]
    for output in proto.graph.output:
        output.name = names[output.name]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's progress and its advice to its own developers."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _strip(proto: Any) -> None:
    """Drop what no runtime reads: a third of a megabyte of notes on where each node came from."""
    del proto.graph.value_info[:], proto.metadata_props[:], proto.graph.metadata_props[:]
    proto.graph.doc_string = ""
    for part in (*proto.graph.node, *proto.graph.input, *proto.graph.output, *proto.graph.initializer):
        part.doc_string = ""
        del part.metadata_props[:]


def fill(initializer: Any, value: np.ndarray) -> None:
    """Put numbers into a constant, whose shape (perhaps with ones added by the exporter) stays."""
    initializer.ClearField("float_data")
    initializer.data_type = FLOAT16 if value.dtype == np.float16 else FLOAT
    initializer.raw_data = value.tobytes()


def point(initializer: Any, file: str, offset: int, length: int, half: bool) -> None:
    """Make a constant a reference to bytes of another file."""
    initializer.ClearField("raw_data")
    initializer.ClearField("float_data")
    initializer.data_type = FLOAT16 if half else FLOAT
    initializer.data_location = 1  # onnx.TensorProto.EXTERNAL
    for key, value in (("location", file), ("offset", str(offset)), ("length", str(length))):
        initializer.external_data.add(key=key, value=value)


def convert_at_load(proto: Any, halves: set[str], turned: set[str]) -> None:
    """Turn half-precision constants to float32, and those stored the other way round; runtimes do it once, at loading.

    Args:
        proto: the graph; its constants hold, or point to, what is stored.
        halves: names of constants in half precision.
        turned: names of constants whose stored matrix is the transposed one.
    """
    from onnx import helper

    made = []
    for initializer in proto.graph.initializer:
        name = initializer.name
        if name in turned:
            initializer.dims[:] = reversed(initializer.dims)
        steps = [("Cast", {"to": FLOAT})] * (name in halves) + [("Transpose", {"perm": [1, 0]})] * (name in turned)
        value = initializer.name = f"{name}.stored" if steps else name
        for number, (operation, options) in enumerate(steps, 1):
            result = name if number == len(steps) else f"{name}.cast"
            made.append(helper.make_node(operation, [value], [result], **options))
            value = result
    nodes = [*made, *proto.graph.node]
    del proto.graph.node[:]
    proto.graph.node.extend(nodes)
