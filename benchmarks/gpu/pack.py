"""Results as a few tar files whose paths are those of this tree, and back into it."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from diffusion_edu.files import write_bytes

from .wheels import ROOT

MOST_BYTES = 15 << 20  # a file; the limit that is known of such machines is 16 MiB
MOST_FILES = {"models": 5, "notebooks": 1}  # with gpu.json and log.txt: eight less one
PLACES = ("src/diffusion_edu/weights/", "notebooks/", "benchmarks/results/")
RESULTS = ROOT / "benchmarks/results/gpu.json"


def pack(folder: Path, group: str, contents: Mapping[str, Path]) -> dict[str, str]:
    """Write the files of a group as GROUP-1.tar and so on, each below the limit, each whole or not at all.

    Args:
        folder: where to.
        group: "models" or "notebooks".
        contents: {path in this tree: the file}. Files that share their stem stay together.

    Returns:
        {path: why it was left out}: too large, or one too many.
    """
    left_out: dict[str, str] = {}
    together: dict[str, list[str]] = {}
    for path in sorted(contents):
        together.setdefault(str(Path(path).with_suffix("")), []).append(path)
    bins: list[list[tuple[str, bytes]]] = []
    for paths in sorted(together.values(), key=lambda paths: -sum(contents[p].stat().st_size for p in paths)):
        files = [(path, contents[path].read_bytes()) for path in paths]
        fitting = (b for b in [*bins, []] if size_of([*b, *files]) <= MOST_BYTES)
        chosen = next(fitting, None)
        if chosen is None:
            left_out |= {path: f"{len(data):,} bytes do not fit into {MOST_BYTES:,}" for path, data in files}
        elif chosen or len(bins) < MOST_FILES[group]:
            if not chosen:
                bins.append(chosen)
            chosen.extend(files)
        else:
            left_out |= {path: f"more than {MOST_FILES[group]} files of {group}" for path, _ in files}
    folder.mkdir(parents=True, exist_ok=True)
    for index, files in enumerate(bins, 1):
        write_bytes(folder / f"{group}-{index}.tar", tarred(files))
    for old in folder.glob(f"{group}-*.tar"):
        if int(old.name.removeprefix(f"{group}-").split(".")[0]) > len(bins):
            old.unlink()
    return left_out


def size_of(files: list[tuple[str, bytes]]) -> int:
    """Bytes of a tar file, at most: each entry has a header, and ends at a whole block."""
    return sum(len(data) + 4 * tarfile.BLOCKSIZE for _, data in files) + tarfile.RECORDSIZE


def tarred(files: list[tuple[str, bytes]]) -> bytes:
    """The same bytes for the same files. Not compressed: neither half-precision numbers nor pictures get smaller."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path, data in files:
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(data), 0o644
            tar.addfile(entry, io.BytesIO(data))
    return plain.getvalue()


def unpack(folder: Path, root: Path = ROOT) -> list[str]:
    """Put everything in a folder of results in its place in the tree; returns a line for each thing done.

    Raises:
        ValueError: an archive holds a path that is none of a result, or none at all is there.
    """
    archives, told = sorted(folder.glob("*.tar")), []
    if not archives and not (folder / "gpu.json").is_file():
        raise ValueError(f"{folder} holds no results: neither gpu.json nor a tar file")
    for archive in archives:
        with tarfile.open(archive) as tar:
            for entry in tar.getmembers():
                parts = Path(entry.name).parts
                if not entry.isfile() or ".." in parts or not entry.name.startswith(PLACES):
                    raise ValueError(f"{archive} holds {entry.name!r}, which is no place of a result")
                stream = tar.extractfile(entry)
                assert stream is not None
                (root / entry.name).parent.mkdir(parents=True, exist_ok=True)
                write_bytes(root / entry.name, stream.read())
                told.append(entry.name)
    told += [
        graph(root / path, root) for path in told if (root / path).with_suffix(".onnx").is_file() and "safe" in path
    ]
    if (folder / "gpu.json").is_file():
        told.append(merge(json.loads((folder / "gpu.json").read_text()), root / RESULTS.relative_to(ROOT)))
    return told


def graph(weights: Path, root: Path) -> str:
    """Write the page's graph of new weights again: it points to places in their file."""
    command = [sys.executable, "-m", "diffusion_edu.cli", "export", weights.stem, "--graph"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    name = weights.with_suffix(".onnx").name
    return f"{name}: {'written again' if done.returncode == 0 else 'NOT written: ' + done.stderr.strip()[-300:]}"


def merge(new: dict[str, Any], path: Path) -> str:
    """Parts that were measured now take the place of the old ones; each says which machine it belongs to."""
    known = json.loads(path.read_text()) if path.is_file() else {**new, "parts": {}}
    fresh = {name: {**part, "machine": new["machine"]} for name, part in new["parts"].items() if part.get("done")}
    whole = {**known, "parts": {**known["parts"], **fresh}}
    if "peak" in fresh:
        whole |= {key: new[key] for key in ("machine", "settings")}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, (json.dumps(whole, indent=2) + "\n").encode())
    return f"{path.name}: {', '.join(fresh) or 'no part was done'}"
