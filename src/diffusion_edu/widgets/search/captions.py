"""What the search of images is made of: which images and words, how a search is asked, and batches to look at."""

from __future__ import annotations

import base64
import io
from collections import Counter
from collections.abc import Sequence
from functools import cache

import torch
from PIL import Image
from torch import Tensor

from ...data import emoji
from ...data.captions import spoken
from ...data.emoji import EmojiData
from ...systems.tokenizer import emoji_tokenizer
from ..kit.stored import sheet_image

BARE = ("a", "an", "the", "no")
WANTED = ("dog", "cat")  # what readers type first
PLAIN_GROUPS = ("animals-nature", "food-drink", "travel-places", "objects", "activities", "smileys-emotion")


def phrases(words: str, styles: Sequence[str]) -> list[str]:
    """The captions that a search asks with: the words in the form that the network was trained on.

    Args:
        words: what the reader typed.
        styles: names of the styles.

    Returns:
        "a WORDS, STYLE style" for each style; the words as they are where they are none or name a style themselves.

    Source: Radford et al. 2021, section 3.1.4.
    """
    plain = words.strip()
    split = emoji_tokenizer().words(plain)
    if not split or "style" in split:
        return [plain]
    article = "" if split[0] in BARE else "an " if split[0][0] in "aeiou" else "a "
    return [f"{article}{plain}, {style} style" for style in styles]


@cache
def chosen_pictures(count: int = 192) -> tuple[EmojiData, list[bool]]:
    """Different things, half of them held out, half of them seen in training; and which are held out.

    Those that training saw have names of one word where there are enough, those of WANTED among them: they are what one
    thinks of first.

    Returns:
        EmojiData of `count` images of 32x32 and a bool for each, True where training never saw it.
    """
    held_out, seen = emoji("test"), emoji("train")
    half = count // 2
    first = [(i + 1) * len(held_out.names) // half - 1 for i in range(half)]
    taken = {held_out.names[i] for i in first}
    things: dict[str, list[int]] = {}
    for i, (name, group) in enumerate(zip(seen.names, seen.groups)):
        if group in PLAIN_GROUPS and name not in taken and len(spoken(name).split()) == 1:
            things.setdefault(name, []).append(i)
    # The styles in turn, so that none rules.
    places = sorted(drawings[k % len(drawings)] for k, drawings in enumerate(things.values()))
    second = [places[i * len(places) // (count - half)] for i in range(count - half)]
    second = _with(second, [i for i in places if seen.names[i] in WANTED])
    return _joined(_rows(held_out, first), _rows(seen, second)), [True] * half + [False] * (count - half)


def _with(places: Sequence[int], wanted: Sequence[int]) -> list[int]:
    """The places with those wanted among them, each in place of the nearest that is not wanted itself."""
    chosen = list(places)
    for i in wanted:
        free = [k for k, place in enumerate(chosen) if place not in wanted]
        if i not in chosen and free:
            chosen[min(free, key=lambda k: abs(chosen[k] - i))] = i
    return chosen


def _rows(data: EmojiData, rows: Sequence[int]) -> EmojiData:
    """Some of the images."""
    chosen = {
        name: tuple(getattr(data, name)[i] for i in rows)
        for name in ("captions", "names", "keywords", "groups", "codes")
    }
    return data._replace(pixels=data.pixels[list(rows)], labels=data.labels[list(rows)], **chosen)


def _joined(a: EmojiData, b: EmojiData) -> EmojiData:
    """Two sets of images as one."""
    both = {name: getattr(a, name) + getattr(b, name) for name in ("captions", "names", "keywords", "groups", "codes")}
    return a._replace(pixels=torch.cat([a.pixels, b.pixels]), labels=torch.cat([a.labels, b.labels]), **both)


@cache
def caption_words() -> list[str]:
    """The words of the texts that the network was trained on, keywords included, the most frequent first."""
    from ...data.captions import PHRASINGS, short_texts

    data, tokenizer = emoji("train"), emoji_tokenizer()
    captions = Counter(caption for seed in (None, *range(PHRASINGS - 1)) for caption in data.described(seed))
    captions.update(text for thing in zip(data.names, data.keywords) for text in short_texts(*thing))
    count: Counter[str] = Counter()
    for caption, times in captions.items():
        for word in tokenizer.words(caption):
            count[word] += times
    return sorted(count, key=lambda word: (-count[word], word))


def preset_batches(data: EmojiData, pictures: Tensor, size: int = 8) -> dict[str, list[int]]:
    """Batches to begin with: "mixed", one of each group; "alike", the images that are nearest to each other.

    Args:
        data: the images.
        pictures: (N, E) their embeddings, of length 1.
        size: images of a batch, fewer where there are fewer.
    """
    first: dict[str, int] = {}
    for i, group in enumerate(data.groups):
        first.setdefault(group, i)
    mixed = [*first.values(), *(i for i in range(len(data.names)) if i not in first.values())][:size]
    nearest = (pictures @ pictures.T).topk(min(size, len(pictures)), dim=1)
    alike = nearest.indices[int(nearest.values.sum(1).argmax())].tolist()
    return {"mixed": mixed, "alike": alike}


def sheet(pixels: Tensor, columns: int) -> str:
    """A data URL: images (N, 3, S, S) in rows of `columns`, lossless in 96 colors."""
    return webp(sheet_image(pixels, columns), colours=96)


def webp(image: Image.Image, colours: int) -> str:
    """A data URL: the image in so many colors, lossless."""
    buffer = io.BytesIO()
    image.quantize(colours).convert("RGB").save(buffer, "WEBP", lossless=True, quality=100, method=4)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
