"""Model cards: the JSON file beside a file of weights, with what a reader must know and the checksum."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import disk
from .files import CheckpointError

MOST_OF_A_CARD = 16_000_000  # bytes


def read_card(path: str | Path) -> dict[str, Any]:
    """The model card beside a file of weights; empty where there is none.

    Raises:
        CheckpointError: the card is no JSON object, or its parts are not those of a card.
    """
    file = Path(path).with_suffix(".json")
    if not os.path.lexists(file):
        return {}
    try:
        card = json.loads(disk.read_bytes(file, MOST_OF_A_CARD).decode("utf-8"))
    except (OSError, RecursionError, ValueError) as error:
        raise CheckpointError(f"{file} is damaged: {error}") from error
    if not isinstance(card, dict):
        raise CheckpointError(f"{file} is no model card: it holds a {type(card).__name__}")
    for part in ("weights", "model", "stages"):
        if not isinstance(card.get(part, {}), dict):
            raise CheckpointError(f"{file} is damaged: {part} must be an object, got a {type(card[part]).__name__}")
    return card


def verify(path: Path, card: Mapping[str, Any]) -> None:
    """Compare a file with the checksum on its card.

    Raises:
        CheckpointError: it is missing, or another one.
    """
    if not path.is_file():
        raise CheckpointError(f"{path} is missing, though its card is there: install the package again")
    wanted, digest = digest_on(card), sha256_of(path)
    if digest != wanted:
        raise CheckpointError(
            f"{path} is damaged or was changed: its SHA-256 is {digest}, its card says {wanted}. "
            "Install the package again, or export the weights of your run again"
        )


def digest_on(card: Mapping[str, Any]) -> Any:
    """The checksum of the weights on their card; None where it says none."""
    return (card.get("weights") or {}).get("sha256")


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal digits."""
    summed = hashlib.sha256()
    with open(path, "rb") as file:
        while part := file.read(1 << 20):
            summed.update(part)
    return summed.hexdigest()
