"""The text encoder of a CLIP in memory, as a page loads it: what model/tower.py makes of a file."""

from __future__ import annotations

from typing import Any

from ...systems.clip import CLIP
from ...systems.tokenizer import emoji_tokenizer
from .tower import tower


def tower_of(clip: CLIP) -> dict[str, Any]:
    """:func:`tower` of a CLIP that reads with the vocabulary of :func:`emoji_tokenizer`; weights in half precision."""
    state = {name: value.detach().cpu().half().contiguous() for name, value in clip.state_dict().items()}
    tensors = [(name, list(value.shape), value.numpy().astype("<f2").tobytes()) for name, value in state.items()]
    return tower(tensors, clip.config.text.trunk.heads, emoji_tokenizer().vocabulary)
