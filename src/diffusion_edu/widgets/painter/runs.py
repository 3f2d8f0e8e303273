"""What the text painter draws in Python: the page's own run, and the runs that travel with a page."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from ...cond import Cond
from ...data import to_pixels
from ...data.captions import spoken
from ...data.emoji import read_names
from ...diffusion import Guided, named_sampler, timesteps
from ...nn import WithWordMaps
from ...systems.system import Drawer
from ...systems.text import known_words
from ...systems.tokenizer import emoji_tokenizer
from ..kit.fallback import INK, MUTED, Sheet
from ..kit.payload import b64
from ..kit.stored import leveled, sheet_image, webp
from ..maths.noise import widget_noise
from ..search.captions import caption_words

SPAN = 3.0  # of a latent that is shown, as SPAN of facts.mjs
COLUMNS = 4  # of the sheet of stored images
ROW, LEFT = 150, 168  # of the picture for readers without scripts


class Painted(NamedTuple):
    """images (B, C, H, W) in [-1, 1]; drawn (B, c, h, w), what was denoised; maps (B, 1 + L, h', w') of all tokens."""

    images: Tensor
    drawn: Tensor
    maps: Tensor


class _Listening(nn.Module):
    """A network that keeps the mean of its word maps over the calls, of the first n samples of each."""

    def __init__(self, network: nn.Module, n: int) -> None:
        super().__init__()
        self.network, self.n, self.calls = WithWordMaps(network), n, 0
        self.mean: Tensor | None = None

    def forward(self, x_t: Tensor, t: Tensor, cond: Cond) -> Tensor:
        """As the network."""
        prediction, maps = self.network(x_t, t, vec=cond.vec, tokens=cond.tokens, mask=cond.mask)
        self.calls += 1
        maps = maps[: self.n]
        self.mean = maps if self.mean is None else self.mean + (maps - self.mean) / self.calls
        return prediction


@torch.no_grad()
def paint(
    system: Drawer, texts: Sequence[str], guidance: float, steps: int, seeds: Sequence[int], negative: str, method: str
) -> Painted:
    """Draw an image of each text as the page does, from the page's noise.

    Args:
        system: that reads with a CLIP.
        texts, seeds: one a sample.
        guidance, negative: as for :meth:`Drawer.generate`.
        steps: of the sampler.
        method: name of a sampler that takes no fresh noise.
    """
    assert system.text is not None
    device = next(system.parameters()).device
    listening = _Listening(system.unet, len(texts)).eval()
    against = system.text([negative]) if negative.strip() else None
    denoiser = system.around(Guided(listening, guidance, against))
    cond, sampler, memory = system.text(list(texts)).to(device), named_sampler(method), dict[str, Any]()
    x_t = torch.cat([widget_noise(system.drawn_shape, seed) for seed in seeds]).float().to(device)
    for t, s in itertools.pairwise(timesteps(system.schedule.T, steps)):
        x_t = sampler.step(x_t, denoiser(x_t, t, cond), t, s, system.schedule, None, memory)
    assert listening.mean is not None
    return Painted(system.after(x_t).cpu(), x_t.cpu(), listening.mean.cpu())


def stored_runs(
    system: Drawer, prompts: Sequence[str], guidances: Sequence[float], steps: int, seed: int, method: str
) -> tuple[Tensor, dict[str, Any]]:
    """One image for each prompt at each guidance: (prompts * guidances, C, H, W), and what a page needs of the runs."""
    runs = [paint(system, prompts, w, steps, [seed] * len(prompts), "", method) for w in guidances]
    images = torch.stack([run.images for run in runs], 1).flatten(0, 1)
    drawn = torch.stack([run.drawn for run in runs], 1).flatten(0, 1)
    latent = system.drawn_shape != system.shape
    words = [places(system, prompt) for prompt in prompts]
    maps = [
        run.maps[p, first:last].sum(0) for p in range(len(prompts)) for run in runs for _, first, last in words[p]
    ]  # of each prompt, of each guidance, of each word
    most = max((float(one.max()) for one in maps), default=0.0) or 1.0
    bytes_of = ((drawn if latent else drawn[:0]) / SPAN).clamp(-1, 1)
    begins = itertools.accumulate((len(own) for own in words), initial=0)
    return images, {
        "prompts": [
            {"text": prompt, "words": [word for word, _, _ in own], "first": first}
            for prompt, own, first in zip(prompts, words, begins)
        ],
        "guidances": list(guidances),
        "steps": steps,
        "seed": seed,
        "sheet": webp(sheet_image(leveled(images), COLUMNS)),
        "columns": COLUMNS,
        "drawn": b64(to_pixels(bytes_of).numpy()),
        "maps": b64((torch.stack(maps) / most * 255).round().to(torch.uint8).numpy() if maps else np.empty(0, "u1")),
        "most": most,
        "side": maps[0].shape[-1] if maps else 0,
    }


def places(system: Drawer, text: str) -> list[tuple[str, int, int]]:
    """The words of a text, each with the first of its places in the maps and the place after its last.

    Signs are left out, and words that the encoder has no room for.
    """
    tokenizer, at, found = emoji_tokenizer(), 2, []
    room = getattr(system.text, "length", 0)
    for word in tokenizer.words(text):
        last = at + len(tokenizer.pieces(word)) - 2  # without [CLS] and [SEP]
        if last <= room and any(letter.isalnum() for letter in word):
            found.append((word, at, last))
        at = last
    return found


def offered() -> dict[str, Any]:
    """Words that the training knew, the most frequent first, and the names of the emoji."""
    known = known_words()
    frequent = [word for word in caption_words() if word in known]
    names = dict.fromkeys(spoken(entry["label"]).lower() for entry in read_names())
    return {"words": " ".join([*frequent, *sorted(known - set(frequent))]), "things": list(names)}


def sweep_picture(images: Tensor, prompts: Sequence[str], guidances: Sequence[float]) -> str:
    """A data URL: a row for each prompt, its images with growing guidance beside it."""
    sheet = Sheet(ROW * len(prompts) + 24)
    side = min(ROW - 14, (sheet.image.width - LEFT) // len(guidances) - 8)
    pixels = leveled(images)
    for column, w in enumerate(guidances):
        sheet.text((LEFT + column * (side + 8) + side / 2, 12), f"guidance {w:g}", color=MUTED, anchor="mm")
    for line, prompt in enumerate(prompts):
        top = 24 + ROW * line
        words = prompt.replace(", ", ",\n")
        sheet.draw.multiline_text((8, top + ROW / 2 - 12), words, INK, font_size=14)
        for column in range(len(guidances)):
            k = line * len(guidances) + column
            tile = sheet_image(pixels[k : k + 1], 1).resize((side, side), Image.Resampling.NEAREST)
            sheet.image.paste(tile, (LEFT + column * (side + 8), top))
    return webp(sheet.image)
