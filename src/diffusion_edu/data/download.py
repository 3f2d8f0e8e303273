"""Download on first use: into the user's cache, checked, whole or not at all."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from .._errors import DataError

MOST = 1 << 28  # bytes: the largest file that the package asks for has 170 million


class _TooLong(Exception):
    """A download has more bytes than any file that is asked for."""


class _Bounded:
    """A file that takes no more than `most` bytes."""

    def __init__(self, file: BinaryIO, most: int) -> None:
        self._file, self._left = file, most

    def write(self, chunk: bytes) -> None:
        self._left -= len(chunk)
        if self._left < 0:
            raise _TooLong
        self._file.write(chunk)

    def flush(self) -> None:
        self._file.flush()


def fetch(
    name: str,
    checksum: str,
    addresses: Sequence[str],
    advice: str,
    cache: str | Path | None = None,
    retries: int = 2,
    most: int = MOST,
) -> Path:
    """The path of a file in the cache, downloaded there if it is missing or damaged.

    A download goes to a temporary file, which takes the name only once its checksum is right: an interrupted
    one leaves nothing behind.

    Args:
        name: of the file, under each address.
        checksum: "sha256:..." or "md5:...".
        addresses: folders of the web that hold the file, tried in this order.
        advice: what the reader can do instead, for the message.
        cache: folder; default: the user's cache folder of this package.
        retries: further tries at each address.
        most: bytes after which a download is given up.

    Raises:
        DataError: no address gave the file, or only with another checksum.
        OSError: the disk is full (the message says where).
    """
    # Imported here: pooch brings requests along, which only a download needs.
    import pooch
    import requests

    http = pooch.HTTPDownloader(progressbar=True, timeout=30, chunk_size=1 << 16)

    def downloader(url: str, output: str, store: pooch.Pooch) -> None:
        with open(output, "wb") as file:
            http(url, _Bounded(file, most), store)

    folder = Path(cache) if cache is not None else Path(pooch.os_cache("diffusion_edu"))
    failures = []
    for address in addresses:
        store = pooch.create(folder, address, registry={name: checksum}, retry_if_failed=retries)
        try:
            return Path(store.fetch(name, downloader=downloader))
        except _TooLong:
            failures.append(f"{address}{name} is not the file expected (it has more than {most:,} bytes)")
        except ValueError as error:  # pooch's word for a wrong checksum
            failures.append(f"{address}{name} is not the file expected ({error})")
        except requests.exceptions.RequestException as error:
            failures.append(f"{address}{name}: {_reason(error)}")
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise OSError(errno.ENOSPC, f"no space left to download {name}", str(folder)) from error
            raise
    reasons = "\n  ".join(failures)
    raise DataError(f"{name} could not be downloaded:\n  {reasons}\n{advice}.")


def _reason(error: Exception) -> str:
    """What went wrong, without the wrapping of three libraries."""
    response = getattr(error, "response", None)
    if response is not None:
        return f"the server answers {response.status_code}"
    text = str(error)
    for mark, words in (
        ("NameResolution", "the address cannot be resolved (no network?)"),
        ("IncompleteRead", "the connection was cut before the end"),
        ("refused", "the connection was refused"),
        ("timed out", "the server did not answer in time"),
    ):
        if mark in text:
            return words
    return text
