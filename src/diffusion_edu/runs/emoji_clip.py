"""The run `emoji-clip`: CLIP on the emoji and their captions, and what is measured of it.

model = new_clip(seed=0)
for step in fit(model, training_data(), RECIPE, OBJECTIVE, directory="runs/emoji-clip"):
    print(step.step, step.loss)
print(report(load("runs/emoji-clip")))
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .._errors import bad_value
from ..data import emoji, to_x0
from ..data.captions import PHRASINGS, SHORT_FORMS, emoji_caption, short_texts
from ..metrics.clip_score import clip_score
from ..nn import TextEncoderConfig
from ..randomness import seeded
from ..systems import CLIP, CLIPConfig, Contrast, emoji_tokenizer, retrieval, zero_shot
from ..systems.text import encode_texts
from ..train import Recipe
from .run import Made, Run, Source, Stage

CONFIG = CLIPConfig.small(text=TextEncoderConfig.small(width=96, depth=2))
RECIPE = Recipe(
    steps=4_000, batch_size=128, rate=1.5e-3, warmup=100, cooldown=2_000, weight_decay=0.05, ema_decay=0.995
)
GPU = {"batch_size": 512, "rate": 2e-3}
OBJECTIVE = Contrast(shift=2)


def training_data(phrasings: int = PHRASINGS, short: int = SHORT_FORMS) -> dict[str, Tensor]:
    """The training split as :class:`Contrast` takes it.

    Args:
        phrasings: whole captions; the first is the plain one, the others are drawn with the seeds 0 to phrasings - 2.
        short: how many of the forms of :func:`short_texts` follow, so that a single word says something too.

    Returns:
        pixels (N, 3, 32, 32) uint8, ids (N, phrasings + short, L), group (N,): equal for equal plain captions.

    Raises:
        ValueError: phrasings < 1, or short not in 0..SHORT_FORMS.
    """
    if phrasings < 1:
        raise bad_value("phrasings", phrasings, "at least 1")
    if not 0 <= short <= SHORT_FORMS:
        raise bad_value("short", short, f"in 0..{SHORT_FORMS}")
    data, tokenizer = emoji("train"), emoji_tokenizer()
    texts = [data.captions, *(data.described(seed) for seed in range(phrasings - 1))]
    texts += list(zip(*(short_texts(*thing)[:short] for thing in zip(data.names, data.keywords))))
    ids = torch.stack([tokenizer.encode(row, CONFIG.text.length)[0] for row in texts], dim=1)
    longest = int((ids != 0).sum(-1).max())
    number = {caption: i for i, caption in enumerate(dict.fromkeys(data.captions))}
    group = torch.tensor([number[caption] for caption in data.captions])
    return {"pixels": data.pixels, "ids": ids[:, :, :longest].contiguous(), "group": group}


def new_clip(seed: int = 0, config: CLIPConfig = CONFIG) -> CLIP:
    """A CLIP whose random start is a function of the seed; global generators are left as they were."""
    return seeded(lambda: CLIP(config), seed)


@torch.no_grad()
def report(model: CLIP) -> dict[str, Any]:
    """What a CLIP knows of the held-out emoji: each thing was seen in training, in the two other styles.

    Args:
        model: in evaluation mode.

    Returns:
        JSON-ready: recall both ways with chance; accuracy of the style and of Unicode's group, each named by one phrase
        ("noto style", "food drink") and by many (:func:`class_captions`), with the share of the most frequent one;
        CLIP score of the true captions and of those of other images.
    """
    data, device = emoji("test"), next(model.parameters()).device
    image, text = model.encode_image(to_x0(data.pixels.to(device))), encode_texts(model, data.captions)
    classes = {}
    for what, phrases in class_captions().items():
        names = sorted(phrases)
        own = data.groups if what == "group" else [data.classes[label] for label in data.labels.tolist()]
        truth = torch.tensor([names.index(name) for name in own])
        one = [f"{name} style" if what == "style" else name.replace("-", " ") for name in names]
        many = torch.stack([encode_texts(model, phrases[name]).mean(0) for name in names])
        classes[what] = {
            "accuracy": _share(zero_shot(image, encode_texts(model, one)), truth),
            "accuracy_with_many_phrases": _share(zero_shot(image, many), truth),
            "most_frequent": truth.bincount().max().item() / len(truth),
        }
    return {
        "pictures": len(image),
        "retrieval": retrieval(image, text)._asdict(),
        "zero_shot": classes,
        "clip_score": {"true": clip_score(image, text), "other": clip_score(image, text.roll(1, 0))},
    }


def class_captions() -> dict[str, dict[str, list[str]]]:
    """Many phrases for each style and each of Unicode's groups: the captions that the names of the training split make.

    The name of a class is a phrase that a CLIP may never have read; the mean of the embeddings of many captions that
    it has read says what they have in common (Radford et al. 2021, section 3.1.4).

    Returns:
        {"style": {"noto": captions of all names, ...}, "group": {"food-drink": captions of its names, ...}}.
    """
    data = emoji("train")
    group_of = dict(zip(data.names, data.groups))  # each name once, in the data's order
    style = {style: [emoji_caption(style, name) for name in group_of] for style in data.classes}
    group: dict[str, list[str]] = {}
    for name, of in group_of.items():
        group.setdefault(of, []).extend(emoji_caption(style, name) for style in data.classes)
    return {"style": style, "group": group}


def _share(probability: Tensor, truth: Tensor) -> float:
    """How often the most probable class is the right one."""
    return (probability.argmax(1).cpu() == truth).float().mean().item()


def _data(source: Source, made: Made) -> dict[str, Tensor]:
    source.refuse_folder("emoji-clip")
    return training_data()


RUN = Run(
    name="emoji-clip",
    about="CLIP on the emoji and their captions: the model of chapter 10, about half an hour on one CPU core",
    stages=(Stage("clip", CLIP, CONFIG, RECIPE, _data, lambda made: OBJECTIVE, GPU),),
    measure=report,
    notes={
        "training_data": "4,936 emoji in three drawing styles with Unicode's names and keywords: Noto (Apache 2.0), "
        "Twemoji (CC BY 4.0), Fluent flat (MIT), Unicode CLDR (Unicode license)",
        "licence": "MIT, as this package; the images keep theirs",
        "intended_use": "Teaching: how images and words come into one space, and what a CLIP score says",
        "limits": "It knows emoji at 32x32 and the few thousand words of their captions, and no other image. "
        "Do not measure a generator with the CLIP that guided it",
    },
)
