"""Where every public path runs twice: here, and on the other device; both must say the same.

pytest -m cuda          # on a machine with a GPU: all of it, against the CPU
pytest tests/devices    # without one: against the CPU by other kernels, PyTorch's own in the place of oneDNN's
"""

import contextlib
from collections.abc import Iterator
from typing import NamedTuple

import pytest
import torch


class Other(NamedTuple):
    """The other device."""

    device: torch.device

    @contextlib.contextmanager
    def work(self) -> Iterator[torch.device]:
        """For what runs there; in single precision, not in the 10 bits of TensorFloat-32 that cuDNN takes by itself."""
        tf32 = torch.backends.cudnn.allow_tf32
        torch.backends.cudnn.allow_tf32 = False
        try:
            with torch.backends.mkldnn.flags(enabled=self.device.type != "cpu"):
                yield self.device
        finally:
            torch.backends.cudnn.allow_tf32 = tf32


@pytest.fixture(params=[pytest.param("cuda", marks=pytest.mark.cuda), "cpu"])
def other(request) -> Other:
    """A GPU, where there is one; and the CPU with other kernels."""
    if request.param == "cuda":
        if not torch.cuda.is_available():
            pytest.skip("no CUDA device here")
        return Other(torch.device("cuda", torch.cuda.current_device()))
    return Other(torch.device("cpu"))
