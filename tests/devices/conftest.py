"""Where every public path runs twice: here, and on the other device; both must say the same.

pytest -m cuda          # on a machine with a GPU: all of it, against the CPU
pytest tests/devices    # without one: against the CPU by other kernels, PyTorch's own in the place of oneDNN's;
                        # and against a device that is not there, whose tensors refuse to meet the CPU's
"""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))  # tests are imported by path, and share pretend.py

import pretend


class Other(NamedTuple):
    """The other device."""

    device: torch.device

    @contextlib.contextmanager
    def work(self) -> Iterator[torch.device]:
        """For what runs there; in single precision, not in the 10 bits of TensorFloat-32 that cuDNN takes by itself."""
        if self.device.type == pretend.NAME:
            with pretend.running() as device:
                yield device
            return
        tf32 = torch.backends.cudnn.allow_tf32
        torch.backends.cudnn.allow_tf32 = False
        try:
            with torch.backends.mkldnn.flags(enabled=self.device.type != "cpu"):
                yield self.device
        finally:
            torch.backends.cudnn.allow_tf32 = tf32


def _other(name: str) -> Other:
    if name == pretend.NAME:
        return Other(pretend.device())
    if name == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    return Other(torch.device(name, torch.cuda.current_device()) if name == "cuda" else torch.device(name))


GPU = pytest.param("cuda", marks=pytest.mark.cuda)


@pytest.fixture(params=[GPU, "cpu"])
def other_kernels(request) -> Other:
    """A GPU, where there is one; and the CPU with other kernels: for what depends on how they compute."""
    return _other(request.param)


@pytest.fixture(params=[GPU, "cpu", pretend.NAME])
def other(request) -> Other:
    """These, and the device that is not there."""
    return _other(request.param)
