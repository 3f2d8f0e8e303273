"""Statistics of features as other packages store them: a mean `mu` and a covariance `sigma` in an .npz file."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from ..data.limits import UNREADABLE, reason
from ..files import CheckpointError
from ._rows import Array

MOST = 500_000_000  # bytes that one table may take: 7,900 features


def read_npz(path: Path) -> tuple[Array, Array]:
    """The mean (D,) and the covariance (D, D) in a file of pytorch-fid, TTUR, guided-diffusion or clean-fid.

    Raises:
        FileNotFoundError: no such file.
        CheckpointError: it is damaged, holds something else, or claims more than is safe to unpack.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no statistics at {path}")
    try:
        with zipfile.ZipFile(path) as packed:
            sizes = {entry.filename.removesuffix(".npy"): entry.file_size for entry in packed.infolist()}
        if not {"mu", "sigma"} <= set(sizes):
            raise CheckpointError(f"{path} holds no mu and sigma, but {', '.join(sorted(sizes)) or 'nothing'}")
        if max(sizes["mu"], sizes["sigma"]) > MOST:
            raise CheckpointError(f"{path} claims a table of more than {MOST:,} bytes")
        with np.load(path, allow_pickle=False) as arrays:
            mean, covariance = (np.asarray(arrays[name], dtype=np.float64) for name in ("mu", "sigma"))
    except CheckpointError:
        raise
    except (zipfile.BadZipFile, *UNREADABLE) as error:
        raise CheckpointError(f"{path} is damaged or holds no numbers: {reason(error)}") from error
    return mean, covariance
