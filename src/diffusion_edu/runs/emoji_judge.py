"""The run `emoji-judge`: a second CLIP of other widths and another seed, on the same captions.

It conditions nothing and guides nothing, so it may say whether a generated image shows what was asked: the CLIP that a
generator reads with is too kind to it.
"""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from ..nn import TextEncoderConfig
from ..systems import CLIP, CLIPConfig
from . import emoji_clip
from .run import Made, Run, Source, Stage

CONFIG = CLIPConfig(channels=(48, 96, 128, 192), embedding=96, text=TextEncoderConfig.small(width=128, depth=2))
RECIPE = replace(emoji_clip.RECIPE, seed=1)


def _data(source: Source, made: Made) -> dict[str, Tensor]:
    source.refuse_folder("emoji-judge")
    return emoji_clip.training_data()


RUN = Run(
    name="emoji-judge",
    about="a second CLIP on the emoji, which judges what the text-to-image models draw: half an hour on one CPU core",
    stages=(Stage("clip", CLIP, CONFIG, RECIPE, _data, lambda made: emoji_clip.OBJECTIVE, emoji_clip.GPU),),
    measure=emoji_clip.report,
    notes={
        **emoji_clip.RUN.notes,
        "intended_use": "To judge whether a generated emoji shows what its prompt says. No generator reads with it",
        "limits": "It knows emoji at 32x32 and the words of their captions, and no other image",
    },
)
