"""Trained networks and systems, ready to use: those that come with the package, and those of the reader's own runs.

Weights are half-precision safetensors whose header holds the configuration. Beside each lies a model card, a JSON
file that says how they were made, and holds the SHA-256 that is checked when they are loaded.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from . import disk, files
from ._arguments import checked
from ._errors import bad_value, unknown_name
from .cards import digest_on, read_card, sha256_of, verify
from .config import Config
from .files import CheckpointError
from .systems import (
    CLIP,
    Classifier,
    ClassifierConfig,
    CLIPConfig,
    Dalle,
    DalleConfig,
    Imagen,
    ImagenConfig,
    LatentDiffusion,
    LatentDiffusionConfig,
    PixelDiffusion,
    PixelDiffusionConfig,
)
from .train.checkpoint import CHECKPOINT, FORMAT
from .train.ema import plain_state, unwrapped
from .train.objective import translated

WEIGHTS = Path(__file__).parent / "weights"
RUN_WEIGHTS = "weights.safetensors"
DESCRIBED = ("format", "model", "objective", "recipe", "data", "step")
Kind = TypeVar("Kind", bound=nn.Module)


class Built(NamedTuple):
    """How a file's network is made again: its class, and that of its configuration."""

    network: type[nn.Module]
    config: type[Config]


# The one table of what can be loaded: the class that a file names -> how it is built.
BUILT: dict[str, Built] = {
    "CLIP": Built(CLIP, CLIPConfig),
    "Classifier": Built(Classifier, ClassifierConfig),
    "Imagen": Built(Imagen, ImagenConfig),
    "Dalle": Built(Dalle, DalleConfig),
    "LatentDiffusion": Built(LatentDiffusion, LatentDiffusionConfig),
    "PixelDiffusion": Built(PixelDiffusion, PixelDiffusionConfig),
}


def available() -> list[str]:
    """The names of the networks that come with the package; :func:`load` takes each of them."""
    return sorted(path.stem for path in WEIGHTS.glob("*.json"))


@checked
def load(name: str | Path, device: torch.device | str = "cpu") -> Any:
    """A trained network or system, by a name, or from a file or folder of your own run.

    Args:
        name: one of :func:`available`; or a file of weights, a checkpoint, or the folder of a training run.
        device: where to put it.

    Returns:
        What its file names: a :class:`PixelDiffusion`, whose `generate` draws; a :class:`CLIP`; a :class:`Classifier`;
        ... In evaluation mode, without gradients, its weights float32 whatever precision they were stored in.

    Raises:
        ValueError: no such name, and no such file (the message holds the nearest name).
        CheckpointError: the file is damaged, is not what its card says, holds nothing that this version can build, or
            a network that it uses is missing or changed.
    """
    path, card = _whole(name)
    tensors, meta = files.read(path, known=card is not None)
    with files.making_sense(path):
        described, weights = _described(translated(meta), files.under_prefix("ema", tensors) or tensors)
        if str(described.get("class")) not in BUILT or not described.get("config"):
            raise CheckpointError(f"{path} holds no network that this version can build: {meta.get('model') or meta}")
        used = {other: _used(path, other, digest) for other, digest in (meta.get("uses") or {}).items()}
        model = _built(described, used, weights)
    return model.float().eval().requires_grad_(False).to(device)


def _built(described: Mapping[str, Any], used: Mapping[str, nn.Module], weights: Mapping[str, Tensor]) -> nn.Module:
    """The network of a description, with its weights: it takes memory only once they are known to fit it."""
    files.check_extent(described["config"], len(weights))
    built = BUILT[described["class"]]
    config = built.config.from_dict(described["config"])
    arguments = (config, used) if used else (config,)
    with torch.device("meta"):
        twin = built.network(*arguments)
    files.check_fit(weights, twin.state_dict())
    model = built.network(*arguments)
    model.load_state_dict({key: value.float() for key, value in weights.items()})
    return model


def _described(meta: Mapping[str, Any], weights: dict[str, Tensor]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Class and configuration in a file, and the weights; a bare U-Net, as a training leaves it, becomes a system."""
    model = meta.get("model") or {}
    objective, shape = meta.get("objective"), (meta.get("data") or {}).get("shape")
    if model.get("class") != "UNet" or not isinstance(objective, Mapping) or "schedule" not in objective or not shape:
        return model, weights
    channels = model["config"]["in_channels"]
    if len(shape) != 4 or shape[1] != channels or shape[2] != shape[3] or not all(type(n) is int for n in shape):
        raise ValueError(f"data.shape must be (N, {channels}, H, H), as its network draws images, got {shape}")
    config = {
        "unet": model["config"],
        "size": shape[-1],
        "schedule": objective["schedule"],
        "target": objective["target"],
    }
    return {"class": "PixelDiffusion", "config": config}, files.with_prefix("unet", weights)


def _used(path: Path, name: str, digest: str) -> nn.Module:
    """A frozen network that a file names instead of holding it."""
    if name not in available():
        raise CheckpointError(f"{path} uses {name}, which does not come with this version")
    own = digest_on(read_card(WEIGHTS / name))
    if own != digest:
        raise CheckpointError(f"{path} uses another {name} than this version has: SHA-256 {digest}, not {own}")
    return load(name)


def load_as(name: str | Path, wanted: type[Kind], device: torch.device | str = "cpu") -> Kind:
    """As :func:`load`, where only one class will do.

    Raises:
        ValueError: it is of another class.
    """
    model = load(name, device)
    if not isinstance(model, wanted):
        raise bad_value("name", str(name), f"that of a {wanted.__name__}, and it is a {type(model).__name__}")
    return model


def draws(card: Mapping[str, Any]) -> bool:
    """Whether a card is that of a system that draws images."""
    name = (card.get("model") or {}).get("class")
    return name == "UNet" or (name in BUILT and hasattr(BUILT[name].network, "generate"))


def card_of(name: str | Path) -> dict[str, Any]:
    """The model card of a trained network, after its file was checked; without a card, what the file says of itself.

    Args:
        name: as for :func:`load`.

    Raises:
        ValueError, CheckpointError: as for :func:`load`.
    """
    load(name)  # a card of what cannot be loaded would help nobody
    path, card = _whole(name)
    return dict(files.read(path, known=True)[1]) if card is None else card


def export_weights(source: str | Path, path: str | Path, card: Mapping[str, Any]) -> dict[str, Any]:
    """Write the averaged weights of a training in half precision, and the model card beside them.

    Args:
        source: the checkpoint of the training, or its folder.
        path: the file to write, `NAME.safetensors`; the card becomes `NAME.json`.
        card: what a reader must know; the recipe, the sizes and the checksum are added here.

    Returns:
        The whole card.

    Raises:
        FileNotFoundError, CheckpointError: no checkpoint, a damaged one, or weights too large for half precision.
        OSError: the disk is full; no half file stays.
    """
    source = Path(source)
    file = source / CHECKPOINT if source.is_dir() else source
    tensors, meta = files.read(file)
    with files.making_sense(file):
        meta = translated(meta)
    averaged = files.under_prefix("ema", tensors)
    if not averaged:
        raise CheckpointError(f"{source} holds no averaged weights")
    return _write(path, averaged, {key: meta[key] for key in DESCRIBED if meta.get(key) is not None}, card, source)


def export_system(
    system: Any, path: str | Path, stages: Mapping[str, str | Path], card: Mapping[str, Any]
) -> dict[str, Any]:
    """Write a system made of several stages as :func:`export_weights` writes one network.

    Args:
        system: with a `config`; the shipped networks in its `uses` are named by their checksums and not written. Where
            it or a part of it is wrapped, as by torch.compile, what is inside is written.
        path, card: as there.
        stages: the folders of its stages' trainings, by name.

    Returns:
        The whole card.

    Raises:
        FileNotFoundError, CheckpointError, OSError: as there.
    """
    system, weights = unwrapped(system), plain_state(system)
    of_stages = {}
    for name, folder in stages.items():
        file = Path(folder) / CHECKPOINT
        with files.making_sense(file):
            meta = translated(files.read(file)[1])
        of_stages[name] = {key: meta[key] for key in DESCRIBED[1:] if meta.get(key) is not None}
    names: Iterable[str] = getattr(system, "uses", ())
    description = {
        "format": FORMAT,
        "model": {"class": type(system).__name__, "config": system.config.to_dict()},
        "stages": of_stages,
        "uses": {name: digest_on(read_card(WEIGHTS / name)) for name in names},
    }
    return _write(path, weights, description, card, path)


def _write(
    path: str | Path,
    weights: Mapping[str, Tensor],
    description: Mapping[str, Any],
    card: Mapping[str, Any],
    source: str | Path,
) -> dict[str, Any]:
    """A file of weights in half precision, and its card."""
    path = Path(path)
    if path.suffix != ".safetensors":
        raise bad_value("path", str(path), "a file name that ends in .safetensors")
    half = {key: value.half() if value.is_floating_point() else value for key, value in weights.items()}
    infinite = [key for key, value in half.items() if value.is_floating_point() and not value.isfinite().all()]
    if infinite:
        raise CheckpointError(f"{source}: not finite in half precision: {', '.join(infinite)}")
    files.write(path, half, description)
    full = {
        **card,
        **{key: value for key, value in description.items() if key != "format"},
        "parameters": sum(value.numel() for value in half.values()),
        "weights": {"bytes": path.stat().st_size, "precision": "float16", "sha256": sha256_of(path)},
    }
    payload = json.dumps(full, indent=2, ensure_ascii=False) + "\n"
    disk.write_bytes(path.with_suffix(".json"), payload.encode())
    return full


def find_weights(name: str | Path) -> Path:
    """The file that a name, a path or the folder of a run stands for."""
    names = available()
    if str(name) in names:
        return WEIGHTS / f"{name}.safetensors"
    path = disk.as_path("name", name)
    if path.is_dir():
        for candidate in (path / RUN_WEIGHTS, path / CHECKPOINT):
            if candidate.is_file():
                return candidate
        raise FileNotFoundError(f"{path} holds neither {RUN_WEIGHTS} nor {CHECKPOINT}")
    if path.is_file():
        return path
    raise unknown_name("name", str(name), names, also="a file of weights or the folder of a training run")


def _whole(name: str | Path) -> tuple[Path, dict[str, Any] | None]:
    """The file of a name, checked against its card, and the card; None where there is none."""
    path = find_weights(name)
    if not os.path.lexists(path.with_suffix(".json")):
        return path, None
    card = read_card(path)
    verify(path, card)
    return path, card
