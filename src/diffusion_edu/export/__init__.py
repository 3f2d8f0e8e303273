"""Writing networks for other runtimes; needs the extra `export` (``pip install 'diffusion-edu[export]'``)."""

from .onnx import Exported, ExportError, to_graph, to_onnx

__all__ = ["ExportError", "Exported", "to_graph", "to_onnx"]
