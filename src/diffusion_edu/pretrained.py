"""Trained networks, ready to use: those that come with the package, and those of the reader's own runs.

Weights are half-precision safetensors whose header holds the configuration. Beside each lies a model card, a JSON
file that says how they were made, and holds the SHA-256 that is checked when they are loaded.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from ._errors import bad_value, unknown_name
from .data.pixels import to_x0
from .diffusion.denoiser import Denoiser
from .diffusion.samplers import SampleStep, sample
from .diffusion.schedules import NoiseSchedule
from .nn.unet import UNet, UNetConfig
from .systems import CLIP, Classifier, load_system
from .train import checkpoint
from .train.checkpoint import CheckpointError
from .train.loop import CHECKPOINT
from .train.parallel import world

WEIGHTS = Path(__file__).parent / "weights"
RUN_WEIGHTS = "weights.safetensors"
FORMAT = 1
_LOADERS = {"CLIP": "load_clip()", "Classifier": "load_classifier()"}


@dataclass(frozen=True)
class Pretrained:
    """A trained network with everything that is needed to draw samples from it.

    Args:
        name: what it was loaded by.
        model: the network, in evaluation mode and without gradients.
        schedule: the noise schedule of its training.
        denoiser: the two joined, with x_0 clipped to [-1, 1].
        shape: (C, H, W) of its pictures.
        card: the model card.
    """

    name: str
    model: nn.Module
    schedule: NoiseSchedule
    denoiser: Denoiser
    shape: tuple[int, int, int]
    card: dict[str, Any]

    def generate(
        self,
        n: int = 16,
        seed: int = 0,
        method: str = "ddim",
        steps: int | None = None,
        eta: float = 0.0,
        variance: str = "posterior",
        start: Tensor | None = None,
        start_t: int | None = None,
        batch_size: int = 64,
        progress: bool = False,
    ) -> Tensor:
        """Draw pictures. Picture i belongs to seed + i, whatever n and the batch size are.

        Args:
            n: how many.
            seed: of the first.
            method, steps, eta, variance: the sampler, as for :func:`diffusion_edu.sample`.
            start: pictures to begin from instead of noise, (C, H, W) for all or (n, C, H, W), in [-1, 1] or uint8.
            start_t: the step that `start` is noised to, in 1..T; the higher, the less is left of it.
            batch_size: pictures that are worked on at once; costs memory, changes nothing else.
            progress: show a progress bar.

        Returns:
            (n, C, H, W) float32 in [-1, 1], on the CPU.

        Raises:
            ValueError: an argument out of range, or a `start` of another shape.
        """
        if n < 1:
            raise bad_value("n", n, "at least 1")
        if batch_size < 1:
            raise bad_value("batch_size", batch_size, "at least 1")
        begin = None if start is None else self._start(start, n)

        def batch(first: int) -> Iterator[SampleStep]:
            last = min(first + batch_size, n)
            return sample(
                self.denoiser,
                (last - first, *self.shape),
                method=method,
                steps=steps,
                eta=eta,
                variance=variance,
                seeds=range(seed + first, seed + last),
                start=None if begin is None else begin[first:last],
                start_t=start_t,
            )

        drawn = []
        run = batch(0)  # before the bar: it checks the arguments
        with tqdm(total=n, unit="picture", disable=not progress) as bar:
            for first in range(0, n, batch_size):
                for step in run if first == 0 else batch(first):
                    bar.set_postfix(t=step.t)
                drawn.append(step.x_t.cpu())
                bar.update(len(step.x_t))
        return torch.cat(drawn)

    def generate_part(self, n: int, seed: int = 0, start: Tensor | None = None, **options: Any) -> Tensor:
        """This process's part of n pictures: several processes each draw theirs, and together those of one alone.

        Args:
            n, seed, start, options: as for :meth:`generate`, the same in all processes.

        Returns:
            (m, C, H, W): the pictures of `world().part(n)`, in order; m may be 0.
        """
        if n < 1:
            raise bad_value("n", n, "at least 1")
        own = world().part(n)
        if not own:
            return torch.empty(0, *self.shape)
        if start is not None and start.ndim == 4 and len(start) == n:
            start = start[own.start : own.stop]
        return self.generate(len(own), seed=seed + own.start, start=start, **options)

    def _start(self, start: Tensor, n: int) -> Tensor:
        """The pictures to begin from, one a sample, in [-1, 1]."""
        start = to_x0(start) if start.dtype == torch.uint8 else start
        if tuple(start.shape) == self.shape:
            start = start.unsqueeze(0)
        if tuple(start.shape) == (1, *self.shape):
            start = start.expand(n, *self.shape)
        if tuple(start.shape) != (n, *self.shape):
            allowed = f"of shape {self.shape} or {(n, *self.shape)}"
            raise bad_value("start", tuple(start.shape), allowed)
        return start


def available() -> list[str]:
    """The names of the networks that come with the package."""
    return sorted(path.stem for path in WEIGHTS.glob("*.json"))


def load(name: str | Path, device: torch.device | str | None = None) -> Pretrained:
    """A trained network, by the name of one that comes with the package, or from a file or folder of your own run.

    Args:
        name: one of :func:`available`; or a file of weights, a checkpoint, or the folder of a training run.
        device: where to put it; default: the CPU.

    Returns:
        Pretrained; its weights are float32, whatever precision they were stored in.

    Raises:
        ValueError: no such name, and no such file (the message holds the nearest name); or one that draws nothing.
        CheckpointError: the file is damaged, or is not what its card says.
    """
    path, card = _whole(name)
    tensors, meta = checkpoint.read(path)
    described = meta.get("model") or {}
    if described.get("class") in _LOADERS:
        raise ValueError(
            f"name must be that of a model that draws pictures, got {str(name)!r}, a {described['class']}: "
            f"it is loaded by {_LOADERS[described['class']]}"
        )
    if meta.get("format") != FORMAT or described.get("class") != "UNet" or not described.get("config"):
        raise CheckpointError(f"{path} holds no network that this version can build: {described or meta}")
    model = UNet(UNetConfig.from_dict(described["config"]))
    averaged = checkpoint.under_prefix("ema", tensors) or tensors
    try:
        model.load_state_dict({key: value.float() for key, value in averaged.items()})
    except RuntimeError as error:
        raise CheckpointError(f"{path} does not fit its own description: {error}") from error
    model.eval().requires_grad_(False).to(device if device is not None else "cpu")
    schedule = NoiseSchedule.from_dict(meta["schedule"])
    denoiser = Denoiser(model, schedule, meta["kind"], clip=True).eval()
    channels, height, width = meta["data"]["shape"][1:]
    return Pretrained(str(name), model, schedule, denoiser, (channels, height, width), card or dict(meta))


def load_clip(name: str | Path = "emoji-clip", device: torch.device | str = "cpu") -> CLIP:
    """A trained CLIP, in evaluation mode and without gradients.

    Args:
        name: "emoji-clip", which comes with the package; or a file of weights, a checkpoint, or the folder of a run.
        device: where to put it.

    Returns:
        CLIP with float32 weights.

    Raises:
        ValueError: no such name, and no such file.
        CheckpointError: the file is damaged, holds no CLIP, or is not what its card says.
    """
    return load_system(_whole(name)[0], "CLIP", device)


def load_classifier(name: str | Path = "fashion-classifier", device: torch.device | str = "cpu") -> Classifier:
    """A trained classifier of pictures; otherwise as :func:`load_clip`.

    Args:
        name: "fashion-classifier", which comes with the package; or a file of weights, a checkpoint, or a run's folder.
        device: where to put it.

    Returns:
        Classifier with float32 weights.

    Raises:
        ValueError, CheckpointError: as there.
    """
    return load_system(_whole(name)[0], "Classifier", device)


def card_of(name: str | Path) -> dict[str, Any]:
    """The model card of a trained network, after its file was checked; without a card, what the file says of itself.

    Args:
        name: as for :func:`load`, of a network of any kind.

    Raises:
        ValueError, CheckpointError: as for :func:`load`.
    """
    path, card = _whole(name)
    _, meta = checkpoint.read(path)
    kind = (meta.get("model") or {}).get("class")
    # A card of what cannot be loaded would help nobody.
    load_system(path, str(kind)) if kind in _LOADERS else load(name)
    return card or dict(meta)


def read_card(path: str | Path) -> dict[str, Any]:
    """The model card beside a file of weights; empty where there is none.

    Raises:
        CheckpointError: the card is no JSON object.
    """
    file = Path(path).with_suffix(".json")
    if not file.is_file():
        return {}
    try:
        card = json.loads(file.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{file} is damaged: {error}") from error
    if not isinstance(card, dict):
        raise CheckpointError(f"{file} is no model card: it holds a {type(card).__name__}")
    return card


def export_weights(source: str | Path, path: str | Path, card: Mapping[str, Any]) -> dict[str, Any]:
    """Write the averaged weights of a run in half precision, and the model card beside them.

    Args:
        source: the checkpoint of the run, or its folder.
        path: the file to write, `NAME.safetensors`; the card becomes `NAME.json`.
        card: what a reader must know; the recipe, the sizes and the checksum are added here.

    Returns:
        The whole card.

    Raises:
        FileNotFoundError, CheckpointError: no checkpoint, a damaged one, or weights too large for half precision.
        OSError: the disk is full; no half file stays.
    """
    source, path = Path(source), Path(path)
    if path.suffix != ".safetensors":
        raise bad_value("path", str(path), "a file name that ends in .safetensors")
    tensors, meta = checkpoint.read(source / CHECKPOINT if source.is_dir() else source)
    averaged = checkpoint.under_prefix("ema", tensors)
    if not averaged:
        raise CheckpointError(f"{source} holds no averaged weights")
    half = {key: value.half() if value.is_floating_point() else value for key, value in averaged.items()}
    wild = [key for key, value in half.items() if value.is_floating_point() and not value.isfinite().all()]
    if wild:
        raise CheckpointError(f"{source}: not finite in half precision: {', '.join(wild)}")
    kept = ("format", "model", "schedule", "kind", "objective", "recipe", "data", "step")
    described = {key: meta[key] for key in kept if meta.get(key) is not None}
    if "schedule" not in described:  # what is no diffusion predicts no noise either
        described.pop("kind", None)
    checkpoint.write(path, half, described)
    full = {
        **card,
        **{key: described[key] for key in kept[1:] if key in described},
        "parameters": sum(value.numel() for value in half.values()),
        "weights": {"bytes": path.stat().st_size, "precision": "float16", "sha256": _sha256(path)},
    }
    payload = json.dumps(full, indent=2, ensure_ascii=False) + "\n"
    checkpoint.write_bytes(path.with_suffix(".json"), payload.encode())
    return full


def find_weights(name: str | Path) -> Path:
    """The file that a name, a path or the folder of a run stands for."""
    names = available()
    if str(name) in names:
        return WEIGHTS / f"{name}.safetensors"
    path = Path(name)
    if path.is_dir():
        for candidate in (path / RUN_WEIGHTS, path / CHECKPOINT):
            if candidate.is_file():
                return candidate
        raise FileNotFoundError(f"{path} holds neither {RUN_WEIGHTS} nor {CHECKPOINT}")
    if path.is_file():
        return path
    raise unknown_name("name", str(name), names, also="a file of weights or the folder of a training run")


def _whole(name: str | Path) -> tuple[Path, dict[str, Any]]:
    """The file of a name, checked against its card, and the card (empty where there is none)."""
    path = find_weights(name)
    card = read_card(path)
    if card:
        _verify(path, card)
    return path, card


def _verify(path: Path, card: Mapping[str, Any]) -> None:
    """Compare a file with the checksum on its card."""
    if not path.is_file():
        raise CheckpointError(f"{path} is missing, though its card is there: install the package again")
    wanted = (card.get("weights") or {}).get("sha256")
    found = _sha256(path)
    if found != wanted:
        raise CheckpointError(
            f"{path} is damaged or was changed: its SHA-256 is {found}, its card says {wanted}. "
            "Install the package again, or export the weights of your run again"
        )


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
