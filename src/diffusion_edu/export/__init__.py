"""Writing networks for other runtimes; needs the extra `export` (``pip install 'diffusion-edu[export]'``)."""

from .compare import ExportError
from .onnx import Exported, to_graph, to_graphs, to_onnx

__all__ = ["ExportError", "Exported", "to_graph", "to_graphs", "to_onnx"]
