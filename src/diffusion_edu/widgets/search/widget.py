"""Search of images by words, with the similarity matrix of a batch: what chapter 10's CLIP is for."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Sequence
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import torch
import traitlets
from torch import Tensor
from torch.nn import functional as F

from ..._arguments import anything, count
from ..._arguments import checked as as_checked
from ...data import to_x0
from ...data.emoji import EmojiData
from ...pretrained import WEIGHTS
from ...systems.clip import CLIP, clip_loss
from ...systems.text import encode_texts
from ...systems.tokenizer import emoji_tokenizer
from ..kit.base import BookWidget, Real, Text, WidgetValueError, as_traits, checked
from ..kit.bundle import esm
from ..kit.models import named_model
from ..kit.payload import b64, check_int
from ..model.clip_tower import tower_of
from ..model.tower import tower_of_file
from .captions import caption_words, chosen_pictures, phrases, preset_batches, sheet
from .fallback import ranking_picture

NAME = "emoji-clip"
WORDS = Path(str(files("diffusion_edu.systems"))) / "files" / "emoji_words.json"
EXAMPLES = (
    *("a blue heart", "sunset over mountains", "a man with a beard", "bread"),
    *("bird", "animal", "xylophone"),
)
STORED = 12  # results of each example that travel with the page
MIN_BATCH, MAX_BATCH = 2, 10
COLUMNS = 16  # of the sheet of pictures


@as_traits(model=anything)
class TextSearch(BookWidget):
    """Type words, see images ranked by CLIP's cosine; choose images, see their similarities and the batch's loss.

    The images' embeddings are computed here and travel as signed bytes, of which only the direction counts. That of
    the words is computed in the page, by the text encoder written again in JavaScript; its weights are loaded when the
    reader types: from the book's own files, or from the kernel of a notebook. Until then, and where they cannot be had,
    stored answers to `examples` are shown.

    The words are asked in the form of the training captions, "WORDS, STYLE style" once for each style, and the mean of
    the embeddings counts (:func:`captions.phrases`); the page has a switch for the bare words.

    The traits ``query``, ``batch`` and ``temperature`` follow the page and move it.

    Args:
        model: "emoji-clip" (the shipped weights), a file of weights, or a CLIP for images of 32x32 and the vocabulary
            of :func:`emoji_tokenizer`.
        data: the images; default: 192 things, half of them never seen in training in this style.
        unseen: which of them training never saw, a bool each; needed with `data`.
        query: what is asked at first.
        batch: the images of the matrix, 2..10 different indices; default: eight that are alike.
        temperature: of the softmax, 0.01..1; default: what the model learned.
        examples: words with stored answers.

    Raises:
        ValueError: an argument outside what is said above, or no such file of weights.
    """

    query = Text("")
    batch = traitlets.List(traitlets.Int()).tag(sync=True)
    temperature = Real(0.07, 0.01, 1, "in 0.01..1")
    _esm = esm("search")
    _tag = "text-search"
    _heights = (1200, 1970)

    def __init__(
        self,
        model: str | Path | CLIP = "emoji-clip",
        data: EmojiData | None = None,
        unseen: Sequence[bool] | None = None,
        query: str = EXAMPLES[0],
        batch: Sequence[int] | None = None,
        temperature: float | None = None,
        examples: Sequence[str] = EXAMPLES,
    ) -> None:
        self._file = WEIGHTS / f"{NAME}.safetensors" if model == NAME else None
        self._clip = named_model(model, CLIP).eval()
        if data is None:
            data, unseen = chosen_pictures()
        self._data, self._unseen = data, list(unseen or ())
        if len(self._unseen) != len(data.names):
            raise WidgetValueError(
                f"unseen must hold one bool per image, {len(data.names)} in all, got {len(self._unseen)}"
            )
        self._pictures, self._texts = self._embeddings()
        self._batches = preset_batches(data, self._pictures)
        queries = tuple(dict.fromkeys([*filter(None, [query.strip()]), *examples]))
        super().__init__(
            payload=json.dumps(self._travels(queries)),
            query=query,
            batch=list(self._batches["alike"] if batch is None else batch),
            temperature=self.learned_temperature if temperature is None else temperature,
        )
        self.on_msg(self._answer)

    def _declared(self) -> dict[str, Any]:
        return super()._declared() | {"batch": {"limits": [MIN_BATCH, MAX_BATCH]}}

    @traitlets.validate("batch")
    def _valid_batch(self, proposal: Any) -> list[int]:
        batch, last = proposal["value"], len(self._data.names) - 1
        if not MIN_BATCH <= len(batch) <= MAX_BATCH or len(set(batch)) != len(batch):
            raise WidgetValueError(f"batch must hold {MIN_BATCH}..{MAX_BATCH} different images, got {batch!r}")
        return checked(lambda: [check_int("batch", i, 0, last) for i in batch])

    @property
    def learned_temperature(self) -> float:
        """1 / exp(log_scale) of the model."""
        return math.exp(-float(self._clip.log_scale.detach()))

    @property
    def loss(self) -> float:
        """The contrastive loss of the batch at the temperature now set, from the embeddings that the page has."""
        pictures, texts = (part[self.batch] for part in (self._pictures, self._texts))
        return float(clip_loss(pictures, texts, -math.log(self.temperature)))

    @as_checked(k=count())
    def search(self, words: str, k: int = 5) -> list[tuple[str, float]]:
        """The k best captions with their cosines, as the page ranks them."""
        cosines, order = self._ranked(words)
        return [(self._data.captions[i], float(cosines[i])) for i in order[:k]]

    def _ranked(self, words: str) -> tuple[Tensor, list[int]]:
        asked = F.normalize(encode_texts(self._clip, phrases(words, self._data.classes)).mean(0), dim=0)
        cosines = self._pictures @ asked.cpu()
        return cosines, cosines.argsort(descending=True, stable=True).tolist()

    def _embeddings(self) -> tuple[Tensor, Tensor]:
        device = next(self._clip.parameters()).device
        with torch.no_grad():
            pictures = self._clip.encode_image(to_x0(self._data.pixels).to(device))
            texts = encode_texts(self._clip, self._data.captions)
        return _through_bytes(pictures), _through_bytes(texts)

    @cached_property
    def _tower(self) -> dict[str, Any]:
        """The text encoder as a page loads it."""
        if self._file is not None:
            return tower_of_file(self._file, WORDS)
        return tower_of(self._clip)

    def _travels(self, examples: Sequence[str]) -> dict[str, Any]:
        """What the page has from the start."""
        data = self._data
        stored = []
        for words in examples:
            cosines, order = self._ranked(words)
            best = [[i, round(float(cosines[i]), 4)] for i in order[:STORED]]
            pieces = emoji_tokenizer().pieces(phrases(words, data.classes)[0])
            stored.append({"query": words, "best": best, "pieces": pieces})
        return {
            "tower": {"name": NAME, "id": self._tower["id"], "bytes": len(self._tower["data"]) * 3 // 4},
            "side": data.pixels.shape[-1],
            "columns": COLUMNS,
            "sheet": sheet(data.pixels, COLUMNS),
            "names": [caption.rsplit(", ", 1)[0] for caption in data.captions],
            "captions": list(data.captions),
            "unseen": "".join("01"[flag] for flag in self._unseen),
            "styles": list(data.classes),
            "pictures": b64(_as_bytes(self._pictures)),
            "texts": b64(_as_bytes(self._texts)),
            "words": " ".join(caption_words()),
            "batches": self._batches,
            "learned": self.learned_temperature,
            "stored": stored,
        }

    def _answer(self, _: Any, question: dict[str, Any], buffers: Sequence[Any]) -> None:
        """A page with a kernel asks for the text encoder."""
        if question.get("wanted") == "tower":
            rest = {name: value for name, value in self._tower.items() if name != "data"}
            self.send({"tower": rest}, [base64.b64decode(self._tower["data"])])

    def _picture(self) -> tuple[str, str]:
        stored = json.loads(self.payload)["stored"][:3]
        rows = [(s["query"], [i for i, _ in s["best"][:6]], [c for _, c in s["best"][:6]]) for s in stored]
        first = "; ".join(
            f"{words}: {self._data.captions[best[0]]} ({cosines[0]:.2f})" for words, best, cosines in rows
        )
        return ranking_picture(
            self._data.pixels, rows
        ), f"Words and the six images that fit them best. The first: {first}"


def _as_bytes(directions: Tensor) -> np.ndarray:
    """Unit vectors (N, E) as int8, the largest number of each row 127."""
    largest = directions.abs().amax(1, keepdim=True)
    return (directions / largest * 127).round().to(torch.int8).numpy()


def _through_bytes(directions: Tensor) -> Tensor:
    """The unit vectors that a page gets: (N, E) float32, through int8."""
    return F.normalize(torch.from_numpy(_as_bytes(directions.cpu())).float(), dim=1)
