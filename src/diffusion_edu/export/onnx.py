"""Networks as ONNX files, for runtimes that know no PyTorch: a web page, a phone, another language.

The weights are stored in half precision and turned to float32 by the runtime when it loads the file: half the size,
the same speed, and the same arithmetic as PyTorch's with weights rounded to half precision.
"""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import warnings
from collections.abc import Container, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from .._errors import bad_value
from ..nn import UNet
from ..train.checkpoint import tensor_places, write_bytes

OPSET = 18
_OUTPUT = "diffusion_edu.output"  # a name that no part of a network has
TOLERANCE = 1e-4  # largest difference to PyTorch, as a share of the output's standard deviation


class ExportError(RuntimeError):
    """The file would not compute what the network computes."""


class Exported(NamedTuple):
    """What was written: the file, its size, and the largest difference to PyTorch as a share of the output's spread."""

    path: Path
    bytes: int
    difference: float


def to_onnx(
    model: nn.Module,
    path: str | Path,
    *,
    example: Mapping[str, Tensor] | None = None,
    output: str = "prediction",
    half: bool = True,
    size: int = 32,
) -> Exported:
    """Write a network to one ONNX file, after the file's answers were compared with PyTorch's.

    Inputs and outputs are float32 whatever the weights are; t is int64; the batch may have any size.

    Args:
        model: a U-Net, or any module with tensors in and one tensor out.
        path: the file; a file of that name is replaced when all is done.
        example: inputs by the names of the module's arguments, with a batch of 2 or more; default for a U-Net:
            x_t (2, C, size, size) and t (2,).
        output: name of the output.
        half: store the weights in half precision.
        size: height and width of the default example.

    Returns:
        Exported(path, bytes, difference).

    Raises:
        ImportError: the extra `export` is not installed.
        TypeError, ValueError: no example for a module that is not a U-Net, or one with a batch below 2.
        ExportError: the file's answers differ from PyTorch's.
    """
    path = Path(path)
    twin, inputs = _twin(model, half), _example(model, example, size)
    proto, names = _graph(twin, inputs, output)
    state = twin.state_dict()
    for initializer in proto.graph.initializer:
        if initializer.name in names:
            name, turned = names[initializer.name]
            value = state[name].T if turned else state[name]
            _fill(initializer, value.contiguous().numpy().astype(np.float16 if half else np.float32))
    if half:
        _cast_at_load(proto, names)
    difference = _compare(proto.SerializeToString(), None, twin, inputs, output)
    payload = proto.SerializeToString()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, payload)
    return Exported(path, len(payload), difference)


def to_graph(model: nn.Module, path: str | Path, weights: str | Path, *, size: int = 32) -> Exported:
    """Write the graph of a U-Net without its weights: it points to the tensors inside a safetensors file beside it.

    A web page then loads the very file that PyTorch loads, and the weights exist once.

    Args:
        model: the U-Net whose weights the file holds.
        path: the ONNX file.
        weights: the safetensors file, in the same folder; float16 or float32 tensors under the names of the module.
        size: height and width of the example.

    Returns:
        Exported(path, bytes, difference), with the bytes of the graph alone.

    Raises:
        ImportError: the extra `export` is not installed.
        ValueError: the files lie in different folders, or the weights' file lacks a tensor or has another shape.
        ExportError: the file's answers differ from PyTorch's.
    """
    path, weights = Path(path), Path(weights)
    if path.parent.resolve() != weights.parent.resolve():
        raise bad_value("weights", str(weights), f"in the folder of the graph, {path.parent}")
    places = tensor_places(weights)
    twin, inputs = _twin(model, half=False), _example(model, None, size)
    proto, names = _graph(twin, inputs, "prediction")
    state, halves = twin.state_dict(), set()
    for initializer in proto.graph.initializer:
        name, turned = names.get(initializer.name, ("", False))
        if not name:
            continue
        if turned:
            raise ExportError(f"the graph needs {name} transposed, and the weights' file has it as it is")
        kind, shape, offset, length = places.get(name, ("", (), 0, 0))
        if kind not in ("F16", "F32") or shape != tuple(state[name].shape):
            wanted = f"to hold {name} as F16 or F32 {tuple(state[name].shape)}"
            raise bad_value("weights", str(weights), f"{wanted}, found {kind or 'nothing'} {shape}")
        _point(initializer, weights.name, offset, length, half=kind == "F16")
        if kind == "F16":
            halves.add(initializer.name)
    _cast_at_load(proto, halves)
    payload = proto.SerializeToString()
    difference = _compare(payload, weights, twin, inputs, "prediction")
    write_bytes(path, payload)
    return Exported(path, len(payload), difference)


def _twin(model: nn.Module, half: bool) -> nn.Module:
    """A copy on the CPU in float32 for evaluation, its weights rounded to half precision where they will be."""
    twin = copy.deepcopy(model).cpu().float().eval().requires_grad_(False)
    if half:
        with torch.no_grad():
            for tensor in twin.state_dict().values():
                if tensor.is_floating_point():
                    tensor.copy_(tensor.half())
    return twin


def _example(model: nn.Module, example: Mapping[str, Tensor] | None, size: int) -> dict[str, Tensor]:
    if example is None:
        if not isinstance(model, UNet):
            raise TypeError(f"example is needed for a {type(model).__name__}: tensors by the names of its arguments")
        generator = torch.Generator().manual_seed(0)
        shape = (2, model.config.in_channels, size, size)
        return {"x_t": torch.randn(shape, generator=generator), "t": torch.tensor([999, 20])}
    batches = {name: len(value) if value.ndim else 0 for name, value in example.items()}
    if len(set(batches.values())) != 1 or min(batches.values()) < 2:
        raise bad_value("example", batches, "tensors with one batch size of at least 2")  # 1 would be fixed in the file
    return dict(example)


def _graph(model: nn.Module, inputs: Mapping[str, Tensor], output: str) -> tuple[Any, dict[str, tuple[str, bool]]]:
    """The bare ONNX graph, and which of its constants is which tensor of the module, and whether transposed.

    The exporter folds, turns and renames constants. So it is given a module whose tensors hold random numbers, all
    different, and each constant is known by what it holds.
    """
    try:
        import onnx
        import onnxscript  # noqa: F401 - torch.onnx asks for it, less clearly
        from onnx import numpy_helper
    except ImportError as error:
        raise ImportError("to write ONNX files, install the extra: pip install 'diffusion-edu[export]'") from error
    marked = copy.deepcopy(model)
    generator = torch.Generator().manual_seed(0)
    owners: dict[bytes, tuple[str, bool]] = {}
    with torch.no_grad():
        for name, tensor in marked.state_dict().items():
            if tensor.is_floating_point():
                tensor.copy_(torch.rand(tensor.shape, generator=generator) * 0.1 + 0.05)
                owners[tensor.numpy().tobytes()] = (name, False)
                if tensor.ndim == 2 and min(tensor.shape) > 1:
                    owners[tensor.T.contiguous().numpy().tobytes()] = (name, True)
    batch = torch.export.Dim("batch")
    shapes = {name: {0: batch} for name in inputs}
    with _quiet():
        program = torch.onnx.export(
            marked,
            kwargs=dict(inputs),
            dynamo=True,
            dynamic_shapes=shapes,
            input_names=list(inputs),
            output_names=[_OUTPUT],
            opset_version=OPSET,
            verbose=False,
        )
    assert program is not None
    proto = onnx.ModelProto()
    proto.CopyFrom(program.model_proto)
    names = {}
    for initializer in proto.graph.initializer:
        owner = owners.get(numpy_helper.to_array(initializer).tobytes())
        if owner is not None:
            names[initializer.name] = owner
    _strip(proto)
    _name_output(proto, output)
    return proto, names


def _name_output(proto: Any, name: str) -> None:
    """Give the output its name, and whatever the exporter happened to call so another one."""
    new = {name: f"{name}.inner", _OUTPUT: name}
    for node in proto.graph.node:
        node.input[:] = [new.get(value, value) for value in node.input]
        node.output[:] = [new.get(value, value) for value in node.output]
    proto.graph.output[0].name = name


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


def _fill(initializer: Any, value: np.ndarray) -> None:
    """Put numbers into a constant, whose shape (perhaps with ones added by the exporter) stays."""
    initializer.ClearField("float_data")
    initializer.data_type = 10 if value.dtype == np.float16 else 1  # onnx.TensorProto.FLOAT16, FLOAT
    initializer.raw_data = value.tobytes()


def _point(initializer: Any, file: str, offset: int, length: int, half: bool) -> None:
    """Make a constant a reference to bytes of another file."""
    initializer.ClearField("raw_data")
    initializer.ClearField("float_data")
    initializer.data_type = 10 if half else 1
    initializer.data_location = 1  # onnx.TensorProto.EXTERNAL
    for key, value in (("location", file), ("offset", str(offset)), ("length", str(length))):
        initializer.external_data.add(key=key, value=value)


def _cast_at_load(proto: Any, names: Container[str]) -> None:
    """Turn half-precision constants to float32; runtimes do it once, when they load the file."""
    from onnx import helper

    casts = []
    for initializer in proto.graph.initializer:
        if initializer.name in names and initializer.data_type == 10:
            stored, wanted = f"{initializer.name}.half", initializer.name
            initializer.name = stored
            casts.append(helper.make_node("Cast", [stored], [wanted], to=1))
    nodes = [*casts, *proto.graph.node]
    del proto.graph.node[:]
    proto.graph.node.extend(nodes)


def _compare(
    payload: bytes, weights: Path | None, model: nn.Module, inputs: Mapping[str, Tensor], output: str
) -> float:
    """The largest difference between the file's answers and PyTorch's, as a share of their standard deviation."""
    import onnx
    from onnx.external_data_helper import load_external_data_for_model
    from onnx.reference import ReferenceEvaluator

    proto = onnx.load_from_string(payload)
    if weights is not None:
        load_external_data_for_model(proto, str(weights.parent))
    # One more sample than the example had: a batch that was fixed by mistake would show.
    more = {name: torch.cat([value, value[:1].flip(-1)]) for name, value in inputs.items()}
    with torch.no_grad():
        wanted = model(**more).numpy()
    feed = {name: value.numpy() for name, value in more.items()}
    found = _run(proto, feed, output, ReferenceEvaluator)
    if found.shape != wanted.shape:
        raise ExportError(f"the file answers with shape {found.shape}, PyTorch with {wanted.shape}")
    difference = float(np.abs(found - wanted).max() / max(float(wanted.std()), 1e-12))
    if not difference <= TOLERANCE:
        raise ExportError(
            f"the file's answer differs by {difference:.2g} of its spread, at most {TOLERANCE:g} is allowed"
        )
    return difference


def _run(proto: Any, feed: Mapping[str, np.ndarray], output: str, reference: Any) -> np.ndarray:
    """The file's answer, by onnxruntime where it is installed, else by onnx's own slow evaluator."""
    try:
        import onnxruntime
    except ImportError:
        return reference(proto).run([output], dict(feed))[0]
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run([output], dict(feed))[0]
