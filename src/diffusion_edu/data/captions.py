"""Words for the emoji: a caption is a function of style, name, keywords and a seed, and of nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from random import Random

from .._arguments import checked, said

PHRASINGS = 7  # whole captions of an image that a CLIP reads in its training: the plain one, and seeds 0 to 5
SHORT_FORMS = 5  # and texts of one thing or one keyword, as people type them who search

# Names whose first sound is not that of their first letter.
_A = ("ewe", "euro ", "one ", "one-", "unicorn")
_AN = ("hourglass", "x-ray", "NG ", "SOS ")
_OF = {"flag: ": "flag of ", "family: ": "family of ", "keycap: ": "keycap "}


@cache
def bare_names() -> frozenset[str]:
    """Names that take no article: plurals, things that are not counted, names of their own, orders."""
    text = (files("diffusion_edu.data") / "files" / "emoji" / "no_article.txt").read_text(encoding="utf-8")
    return frozenset(text.splitlines())


def spoken(name: str) -> str:
    """The name as a caption says it: plain quotes, and words in place of Unicode's colon ("flag of Norway")."""
    for curly, plain in (("’", "'"), ("“", '"'), ("”", '"')):
        name = name.replace(curly, plain)
    for start, words in _OF.items():
        if name.startswith(start):
            return words + name[len(start) :]
    return name.replace(": ", ", ")


def with_article(name: str) -> str:
    """The spoken name after "a" or "an", where English wants one ("a red apple", "grapes")."""
    words = spoken(name)
    if words in bare_names() or words.startswith("no ") or words.endswith(("o'clock", "-thirty")):
        return words
    vowel = words[0].lower() in "aeiou" and not words.startswith(_A)
    return f"{'an' if vowel or words.startswith(_AN) else 'a'} {words}"


@checked(style=said, name=said)
def emoji_caption(style: str, name: str, keywords: Sequence[str] = (), seed: int | None = None) -> str:
    """What to call an image: "a red apple, noto style".

    With a seed the words vary, so that a model learns more than one phrase: of ten captions about four are as above,
    three name one or two keywords as well ("a red apple, fruit, diet, noto style"), and the rest put the style
    elsewhere ("a red apple in noto style", "noto style, a red apple"). Every form holds the name and the style.

    Args:
        style: of the drawing.
        name: Unicode's name.
        keywords: Unicode's keywords; those that repeat a word of the name are not used.
        seed: which of the phrases; None: always the first form. Same arguments, same words, on every machine.
    """
    thing = with_article(name)
    plain = f"{thing}, {style} style"
    if seed is None:
        return plain
    rng = Random(f"{seed}|{style}|{name}")  # of its methods, random() alone is promised to stay as it is
    form = rng.random()
    if form < 0.4:
        return plain
    if form < 0.55:
        return f"{thing} in {style} style"
    if form < 0.7:
        return f"{style} style, {thing}"
    said = set(spoken(name).lower().replace(",", "").split())
    spare = [word for word in map(spoken, keywords) if not said & set(word.lower().split())]
    chosen = []
    for _ in range(min(len(spare), 1 if rng.random() < 0.5 else 2)):
        chosen.append(spare.pop(int(rng.random() * len(spare))))
    return ", ".join([thing, *chosen, f"{style} style"])


def short_texts(name: str, keywords: Sequence[str]) -> list[str]:
    """What people type who search: "a red apple", "red apple", and three times one or two keywords, "fruit"."""
    texts = [with_article(name), spoken(name)]
    for seed in range(SHORT_FORMS - 2):
        rng = Random(f"{seed}|{name}")  # of its methods, random() alone is promised to stay as it is
        spare = [spoken(word) for word in keywords] or [spoken(name)]
        count = min(len(spare), 1 + int(rng.random() * 2))
        texts.append(", ".join(spare.pop(int(rng.random() * len(spare))) for _ in range(count)))
    return texts
