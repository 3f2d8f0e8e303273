"""The text painter: a prompt becomes an image, in the page on the reader's machine, or in a notebook by its kernel."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from ..._arguments import anything
from ..._errors import bad_value
from ...pretrained import WEIGHTS, available
from ...systems.system import Drawer, graph_files
from ...systems.text import ClipText
from ..kit.base import BookWidget, Real, Text, Whole, as_traits, checked
from ..kit.bundle import esm
from ..kit.models import named_model
from ..kit.payload import check_int
from ..model.clip_tower import tower_of
from ..model.kernel import answer, clip_name
from ..model.packing import traveling
from .runs import Painted, offered, paint, stored_runs, sweep_picture

MAX_SEED = 2**31 - 5
PROMPTS = ("a red apple, noto style", "a blue heart, fluent style", "a cat, twemoji style", "a yellow flower")
GUIDANCES = (0.0, 1.0, 2.0, 4.0)
METHOD = "dpm-solver"
STEPS = (2, 100)


@as_traits(model=anything)
class TextPainter(BookWidget):
    """Type a prompt and watch its image condense; choose guidance, steps, seed and a negative prompt.

    On a page of the book the networks run in the browser once the reader asks for it: the text tower in JavaScript, the
    U-Net and the decoder with onnxruntime-web in a worker. In a notebook with a kernel they run in Python. Until then,
    and where neither can be, runs that travel with the page are shown: `prompts` at each of `guidances`, drawn here at
    construction with `steps` and `seed`.

    Beside the image stand what is denoised (a latent's channels, or the noised image) and where the image reads one of
    the prompt's words: the cross-attention of :class:`diffusion_edu.nn.WithWordMaps`, as a mean over the steps so far.

    Image k has the noise of :func:`noise.widget_noise` for the seed plus k, and DPM-Solver++(2M) as its sampler.
    The traits ``prompt``, ``negative``, ``guidance``, ``steps``, ``seed`` and ``n`` follow the page and move it.

    Args:
        model: name of a system that reads, such as "emoji-latent"; a file or folder of one; or the system itself, which
            a page cannot load.
        prompt: what to paint at first; default: the first of `prompts`.
        negative: what to lead away from.
        guidance: scale w, 0..8.
        steps: of the sampler, 2..100.
        seed: of the first image.
        n: how many images, 1..4; the page offers 1 and 4.
        prompts, guidances: of the stored runs.

    Raises:
        ValueError, TypeError: an argument outside what is said above, or a system that does not read with a CLIP.
    """

    prompt = Text("")
    negative = Text("")
    guidance = Real(2.0, 0.0, 8.0, "in 0..8")
    steps = Whole(25, *STEPS)
    seed = Whole(0, 0, MAX_SEED)
    n = Whole(1, 1, 4)
    _esm = esm("painter")
    _tag = "text-painter"
    _heights = (831, 1196)

    def __init__(
        self,
        model: str | Path | Drawer = "emoji-latent",
        prompt: str | None = None,
        negative: str = "",
        guidance: float = 2.0,
        steps: int = 25,
        seed: int = 0,
        n: int = 1,
        prompts: Sequence[str] = PROMPTS,
        guidances: Sequence[float] = GUIDANCES,
    ) -> None:
        self._system = _reading(model)
        self._name = model if isinstance(model, str) and model in available() else ""
        self._prompts, self._guidances = _texts("prompts", prompts), checked(lambda: _scales(guidances))
        checked(lambda: check_int("steps", steps, *STEPS))  # before anything is drawn with them
        checked(lambda: check_int("seed", seed, 0, MAX_SEED))
        self._images, stored = stored_runs(self._system, self._prompts, self._guidances, steps, seed, METHOD)
        payload = {
            "network": self._network(),
            "tower": {name: self._tower[name] for name in ("name", "id")},
            "schedule": self._system.schedule.to_dict(),
            "stored": stored,
            **offered(),
        }
        first = self._prompts[0] if prompt is None else prompt
        numbers = {"guidance": guidance, "steps": steps, "seed": seed, "n": n}
        super().__init__(payload=json.dumps(payload), prompt=first, negative=negative, **numbers)
        self.on_msg(self._answer)

    def paint(self) -> Painted:
        """What the page draws in its present state: images, what was denoised, and the mean maps of all tokens."""
        seeds = range(self.seed, self.seed + self.n)
        return paint(self._system, [self.prompt] * self.n, self.guidance, self.steps, seeds, self.negative, METHOD)

    def _network(self) -> dict[str, Any]:
        """Which graphs and files, and what the page must know to run them."""
        graphs = self._system.graphs()
        files = graph_files(f"{self._name}.onnx", graphs) if self._name else {}
        weights = [f"{self._name}.safetensors"] if self._name else []
        here = [path for path in (WEIGHTS / file for file in (*files.values(), *weights)) if path.is_file()]
        _, example = graphs["unet"]
        return {
            "graphs": files,
            "weights": weights,
            "bytes": sum(traveling(path.read_bytes()) for path in here) + len(self._tower["data"]),
            "target": self._system.denoiser.target,
            "clip": clip_name(self._system.denoiser),
            "method": METHOD,
            "inputs": list(example),
            "length": example["mask"].shape[1],
            "shape": list(self._system.drawn_shape),
            "image": list(self._system.shape),
            "latent": "decoder" in graphs,
        }

    @cached_property
    def _tower(self) -> dict[str, Any]:
        """The text encoder as a page loads it."""
        assert isinstance(self._system.text, ClipText)
        name = self._system.uses[0] if self._system.uses else "text"
        return {"name": name, **tower_of(self._system.text.clip)}

    def _answer(self, _: Any, question: dict[str, Any], buffers: Sequence[Any]) -> None:
        """A page with a kernel asks for the text encoder, or for what a network makes of its inputs."""
        if question.get("wanted") == "tower":
            rest = {name: value for name, value in self._tower.items() if name != "data"}
            self.send({"tower": rest}, [base64.b64decode(self._tower["data"])])
            return
        networks = {name: module for name, (module, _) in self._system.graphs().items()}
        self.send(*answer(networks, question, buffers))

    def _picture(self) -> tuple[str, str]:
        scales = ", ".join(f"{w:g}" for w in self._guidances)
        return (
            sweep_picture(self._images, self._prompts, self._guidances),
            f"Images of {'; '.join(self._prompts)}, each with guidance {scales} from left to right",
        )


def _reading(model: str | Path | Drawer) -> Drawer:
    """The system, if it reads with a CLIP."""
    system = named_model(model, Drawer)
    if not isinstance(system, Drawer) or not isinstance(system.text, ClipText):
        what = type(system).__name__
        checked(lambda: _refuse("model", what, "a system that draws what a text says, and reads it with a CLIP"))
    return system.eval()


def _refuse(argument: str, value: Any, allowed: str) -> None:
    raise bad_value(argument, value, allowed)


def _texts(argument: str, texts: Sequence[str]) -> list[str]:
    """At least one text, none of them empty."""
    if not texts or not all(text.strip() for text in texts):
        checked(lambda: _refuse(argument, texts, "at least one text, none of them empty"))
    return [text.strip() for text in texts]


def _scales(guidances: Sequence[float]) -> list[float]:
    """Between one and five different scales, in 0..8."""
    scales = list(guidances)
    if not 1 <= len(scales) <= 5 or len(set(scales)) < len(scales) or not all(0 <= w <= 8 for w in scales):
        raise bad_value("guidances", guidances, "one to five different scales in 0..8")
    return scales
