"""Whole files of every kind that the package reads, small, and what is read from them."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import pickle
import struct
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

import diffusion_edu as de
from diffusion_edu import files
from diffusion_edu.cards import read_card
from diffusion_edu.data import cifar10
from diffusion_edu.data.folder import read_picture
from diffusion_edu.data.idx import read_idx
from diffusion_edu.nn import AutoEncoderConfig, new_unet
from diffusion_edu.pretrained import card_of, draws, export_system, export_weights
from diffusion_edu.randomness import seeded
from diffusion_edu.systems import (
    CLIP,
    Classifier,
    ClassifierConfig,
    CLIPConfig,
    Imagen,
    ImagenConfig,
    LatentDiffusion,
    LatentDiffusionConfig,
    PromptTable,
)
from diffusion_edu.train.checkpoint import CHECKPOINT, METRICS, reports

UNET = de.UNetConfig(in_channels=1, channels=(8,), blocks=1, attention_levels=(0,))
RECIPE = de.Recipe(steps=2, batch_size=2, warmup=0, precision="fp32", log_every=1, checkpoint_every=1)
SCHEDULE = {"name": "cosine", "T": 20}
PIXELS = torch.arange(64, dtype=torch.uint8).reshape(4, 1, 4, 4)
PICTURES = {
    "a.png": "RGB",
    "b.png": "RGBA",
    "c.png": "P",
    "d.png": "I;16",
    "e.jpg": "RGB",
    "f.gif": "P",
    "g.bmp": "RGB",
    "h.tiff": "F",
    "i.tiff": "RGB",
    "j.webp": "RGB",
    "k.ppm": "RGB",
    "l.pgm": "L",
}


def train(folder: Path, steps: int = RECIPE.steps) -> str:
    """Begin or go on with a small training; what its folder holds at the end."""
    recipe = de.Recipe(**{**RECIPE.to_dict(), "steps": steps})
    model = new_unet(UNET, seed=0)
    objective = de.Denoising(de.NoiseSchedule.from_dict(SCHEDULE))
    for _ in de.fit(model, PIXELS, recipe, objective, directory=folder, device="cpu"):
        pass
    tensors, meta = files.read(folder / CHECKPOINT)
    return files.digest(tensors, str(meta["step"]))


def metrics(folder: Path) -> str:
    """The same for a training that is at its end, with its reports."""
    reports(folder / METRICS)
    return train(folder)


def load(path: Path) -> str:
    """A trained network, an image of it where it draws, and what it was built by."""
    model = de.load(path)
    config = json.dumps(model.config.to_dict(), sort_keys=True)
    drawn = ""
    if isinstance(model, de.systems.PixelDiffusion):
        pixels = de.data.to_pixels(model.generate(1, steps=2))
        drawn = files.digest({"pixels": pixels, "beta": model.schedule.beta}, model.denoiser.target)
    return files.digest(model.state_dict(), config) + drawn


def card(path: Path) -> str:
    """A network whose card is damaged: all that is asked of a card is asked."""
    draws(card_of(path))
    read_card(path)
    return load(path)


def statistics(path: Path) -> str:
    """Mean, covariance and number of rows."""
    stats = de.Statistics.load(path)
    parts = {"mean": torch.from_numpy(stats.mean), "covariance": torch.from_numpy(stats.covariance)}
    return files.digest(parts, f"{stats.count} {stats.about}")


def prompts(path: Path) -> str:
    """What a table of prompts says of them."""
    table = PromptTable.read(path)
    cond = table(list(table.texts))
    assert cond.tokens is not None and cond.vec is not None and cond.mask is not None
    return files.digest({"tokens": cond.tokens, "vec": cond.vec, "mask": cond.mask}, " ".join(table.texts))


def idx(path: Path) -> str:
    """A table of bytes."""
    return files.digest({"idx": read_idx(path, 3)})


def picture(path: Path) -> str:
    """An image, made small and grey."""
    return files.digest({"picture": read_picture(path, 4, 1)})


def cifar(folder: Path) -> str:
    """CIFAR-10 in one of its forms."""
    data = cifar10("train", root=folder)
    return files.digest({"pixels": data.pixels, "labels": data.labels})


class Stock:
    """Whole files, in a folder of their own.

    Args:
        folder: where they are made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        torch.set_num_threads(1)
        self.run = folder / "run"
        train(self.run)
        self.weights = self._networks()
        self.checkpoint = (self.run / CHECKPOINT).read_bytes()
        self.metrics = (self.run / METRICS).read_bytes()
        self.card = (folder / "w0.json").read_bytes()
        rows = torch.randn(12, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        self.statistics = []
        for count in (4, 12):  # kept as rows, and as moments
            de.Statistics(5, {"network": "x"}).update(rows[:count]).save(folder / "s")
            self.statistics.append((folder / "s").read_bytes())
        packed = io.BytesIO()
        np.savez(packed, mu=rows.mean(0).numpy(), sigma=rows.T.cov().numpy())
        self.statistics.append(packed.getvalue())
        PromptTable(["a cat", "a dog"], rows[:5], torch.tensor([2, 3]), rows[:2]).write(folder / "p", {"encoder": "x"})
        self.prompts = (folder / "p").read_bytes()
        self.idx = idx_bytes(rows.mul(50).to(torch.uint8).reshape(3, 4, 5))
        self.pictures = {name: picture_bytes(name, mode) for name, mode in PICTURES.items()}
        self.cifar = cifar_forms(folder / "cifar")

    def _networks(self) -> list[bytes]:
        """A file of weights for each kind of network that is built without another one."""
        export_weights(self.run, self.folder / "w0.safetensors", {"about": "small"})
        coder = AutoEncoderConfig.tiny(latent_channels=4)
        small, latent = de.UNetConfig(1, (8,), 1, (0,)), de.UNetConfig(4, (8,), 1, (0,))
        larger = de.UNetConfig(1, (8,), 1, (0,), concat_channels=1, level=True)
        systems: list[tuple[type[nn.Module], Any]] = [
            (Classifier, ClassifierConfig(1, (4, 8), 1, 3)),
            (CLIP, CLIPConfig.tiny()),
            (LatentDiffusion, LatentDiffusionConfig(coder, latent, 8 * coder.factor, SCHEDULE)),
            (Imagen, ImagenConfig(small, (larger,), 4, SCHEDULE, most_level=10, level=5)),
        ]
        for index, (network, config) in enumerate(systems, 1):
            system = seeded(lambda network=network, config=config: network(config), 0)  # type: ignore[misc]
            export_system(system, self.folder / f"w{index}.safetensors", {}, {})
        return [(self.folder / f"w{index}.safetensors").read_bytes() for index in range(len(systems) + 1)]


def idx_bytes(table: torch.Tensor) -> bytes:
    """A table as IDX, not yet packed."""
    return bytes([0, 0, 8, table.ndim]) + struct.pack(f">{table.ndim}I", *table.shape) + table.numpy().tobytes()


def picture_bytes(name: str, mode: str) -> bytes:
    """A picture of 12 x 12."""
    values = np.random.default_rng(0).integers(0, 256, (12, 12, 3), np.uint8)
    image = Image.fromarray(values)
    if mode == "I;16":
        image = Image.fromarray(values[..., 0].astype(np.uint16) * 257)
    elif mode == "F":
        image = Image.fromarray(values[..., 0].astype(np.float32) / 255)
    else:
        image = image.convert(mode)
    stored = io.BytesIO()
    image.save(stored, format=Image.registered_extensions()[Path(name).suffix])
    return stored.getvalue()


def cifar_forms(folder: Path) -> dict[str, dict[str, bytes]]:
    """Batches of three pictures in each form, by the names of their files; the reader is made to expect these."""
    module: Any = sys.modules["diffusion_edu.data.cifar10"]
    module.ROWS = 3
    random = np.random.default_rng(0)
    names = [name for split in module.BATCHES.values() for name in split]
    made = {
        name: (random.integers(0, 256, (3, 3, 32, 32), np.uint8), random.integers(0, 10, 3).astype(np.uint8))
        for name in names
    }
    for split, parts in module.BATCHES.items():
        pixels = np.concatenate([made[name][0] for name in parts]).transpose(0, 2, 3, 1)
        labels = np.concatenate([made[name][1] for name in parts])
        module.PIXELS_SHA256[split] = hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()
        module.LABELS_SHA256[split] = hashlib.sha256(labels.tobytes()).hexdigest()
    binary = {name: b"".join(bytes([y]) + x.tobytes() for x, y in zip(*batch)) for name, batch in made.items()}
    pickles = {
        name: pickle.dumps({b"data": x.reshape(3, -1), b"labels": y.tolist()}, protocol=2)
        for name, (x, y) in made.items()
    }
    packed = tarred({f"cifar-10-batches-bin/{name}.bin": content for name, content in binary.items()})
    pictures = {}
    for name, (pixels, _) in made.items():
        stored = io.BytesIO()
        Image.fromarray(pixels.transpose(0, 2, 3, 1).reshape(3, 1024, 3)).save(stored, format="PNG")
        pictures[f"{name}.png"] = stored.getvalue()
    train_labels = [int(y) for name in module.BATCHES["train"] for y in made[name][1]]
    return {
        "binary": {f"{name}.bin": content for name, content in binary.items()},
        "pickle": pickles,
        "archive": {module.ARCHIVE: gzip.compress(packed, mtime=0)},
        "pictures": {**pictures, "train_lables.json": json.dumps(train_labels).encode()},
    }


def tarred(members: Mapping[str, bytes]) -> bytes:
    """Files as a tar archive."""
    stored = io.BytesIO()
    with tarfile.open(fileobj=stored, mode="w") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stored.getvalue()
