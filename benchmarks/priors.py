"""From a text to an image by way of an embedding: how near does each prior come, and what does the decoder make of it?

    python benchmarks/priors.py                        # all routes, all captions: half an hour on one core
    python benchmarks/priors.py --only diffusion_2     # this route anew
    python benchmarks/priors.py --tiny --out FOLDER    # a trial of the script: random networks

The system is `emoji-dalle`. The captions are the 480 held-out ones of `text_to_image.py`, in its order; image i has
seed i, and the same networks look. A route leads from a caption, or from its true image, to an embedding:

    true              the embedding of the true image
    quantized         the same, after it was turned into codes and back
    text              the embedding of the text itself: no prior
    diffusion_W       the prior by diffusion with guidance W
    codes_W           the prior by codes with guidance W, each code drawn
    codes_likeliest   the prior by codes, the likeliest code each time, guidance 1

One decoder draws from all of them, with one guidance: chosen on the training split with true embeddings, by the rule of
`text_to_image.py`. The file is written after each part; the same command goes on where a stopped one was. Other
settings or other weights begin it anew. FOLDER (default benchmarks/results) then holds priors.json, with SHARE and
DISTANCE as in `text_to_image.py`:

    MEAN      {"value", "low", "high", "sd", "n"}: a mean over n captions, its 95% interval (normal), and the standard
              deviation of the n
    LOOKED    {"judge": {"top1", "top5", "style": SHARE}, "reader": {"top1", "top5": SHARE, "score"},
              "efficientnet": {"top5": SHARE}, "frechet": {"judge", "efficientnet": DISTANCE}}

    command, machine, judge, reader, efficientnet, chance  as there
    settings    {"n", "choose_n", "spread_n", "seeds", "steps", "seed", "sampler", "batch"}
    weights     {"sha256", "bytes", "parameters", "images"} of the system
    real        {"true": LOOKED without "efficientnet" and "frechet", "floor": {"judge", "efficientnet": DISTANCE} of
                training images of the same things in another style,
                "cosine": {"other_image": MEAN, "mean_embedding": MEAN}}: cosine of each true embedding to that of
                another held-out image, and to the mean embedding of the training images
    decoder     {"points": [{"guidance", "n", "judge"}] on training images, "guidance", "rule"}
    routes      NAME -> {"prior", "guidance", "temperature", "cosine": MEAN to the true embedding, "spread": SPREAD or
                null, **LOOKED, "core_seconds": {"prior", "decoder"}}: seconds of all cores for one caption, the text
                encoder with the prior (the route `text` is the text encoder alone)
    SPREAD      of `seeds` embeddings of each of `spread_n` captions: {"pairs": MEAN over captions of the mean cosine of
                two of them, "sd_within": standard deviation of the cosine to the true embedding among the seeds of one
                caption (root mean square over captions), "sd_between": of its mean among captions}; null where the
                embedding does not depend on the seed
    variations  two images drawn from each true image's embedding with other noise: {"judge": {"top1", "top5", "style"}
                of the first, "cosine": {"own": MEAN of the judge's cosine to the image that they vary, "pair": MEAN of
                that between the two, "other": MEAN of that to another held-out image}, "guidance"}
    each part has "wall_seconds" too
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).resolve().parent))

from text_to_image import eyes as looking
from text_to_image.drawing import BATCH, SAMPLER
from text_to_image.parts import CANDIDATES, RULE, Bench, lowest_good
from text_to_image.record import Record, check_counts, machine, settings_of
from text_to_image.sets import Sets
from text_to_image.sources import Package, Trial

import diffusion_edu as de
from diffusion_edu.data import to_pixels
from diffusion_edu.data.emoji import STYLES

ROOT = Path(__file__).resolve().parent.parent
SYSTEM = "emoji-dalle"
STEPS = 15
FIXED = ("settings", "weights", "judge", "reader", "efficientnet")


class Route(NamedTuple):
    """From a caption, or its image, to an embedding."""

    prior: str | None
    guidance: float = 1.0
    temperature: float = 1.0


ROUTES: dict[str, Route] = {
    "true": Route(None),
    "quantized": Route(None),
    "text": Route("none"),
    **{f"diffusion_{w}": Route("diffusion", float(w)) for w in (1, 2, 4)},
    **{f"codes_{w}": Route("codes", float(w)) for w in (1, 2, 4)},
    "codes_likeliest": Route("codes", temperature=0.0),
}


@dataclass
class Study:
    """The system with what looks at it.

    Args:
        system: of two priors and a decoder.
        bench: the real images, the eyes, the settings.
    """

    system: Any
    bench: Bench

    def __post_init__(self) -> None:
        self.size = self.system.shape[-1]
        self.true = self.system.seen(self.bench.sets.held_out.pixels[self.size])  # (N, E)
        self.system.embed(self.bench.sets.held_out.texts[:1], prior="none")  # the vocabulary is loaded before timing

    def embed(self, route: Route, name: str, seed: int, n: int = 1, few: int | None = None) -> Tensor:
        """Embeddings of the first captions, n of each."""
        if route.prior is None:
            codes = self.system.codes
            return codes.decode(codes.encode(self.true)) if name == "quantized" else self.true
        options = {"prior_guidance": route.guidance, "temperature": route.temperature}
        texts = self.bench.sets.held_out.texts[:few]
        return self.system.embed(texts, n, prior=route.prior, seed=seed, **options)

    def drawn(self, embeddings: Tensor, guidance: float, seed: int) -> Tensor:
        """Their images, uint8."""
        steps = self.bench.settings["steps"]
        options: dict[str, Any] = {"sampler": de.DPMSolver(), "steps": steps, "batch_size": BATCH}
        return to_pixels(self.system.decode(embeddings, guidance=guidance, seed=seed, **options))

    def looked(self, pixels: Tensor) -> dict[str, Any]:
        """What the three networks say of images of all captions."""
        bench, features = self.bench, self.bench.eyes.efficientnet(pixels)
        true = bench.efficientnet("held_out", self.size)
        return {
            **looking.fidelity(bench.eyes, pixels, bench.sets.held_out.texts),
            "efficientnet": looking.own_nearest(features, true),
            "frechet": {
                "judge": looking.distance(bench.judge(pixels), bench.judged),
                "efficientnet": looking.distance(features, true),
            },
        }


def real(study: Study) -> dict[str, Any]:
    """True images in place of drawn ones, and what a cosine would be without any text."""
    bench, size = study.bench, study.size
    other, average = study.true.roll(1, 0), study.system.codes.mean.expand_as(study.true)
    pixels = bench.sets.other_style[size]
    features, judged = bench.efficientnet("other_style", size), bench.judge(pixels)
    return {
        "true": looking.fidelity(bench.eyes, bench.sets.held_out.pixels[size], bench.sets.held_out.texts),
        "floor": {
            "judge": looking.distance(judged, bench.judged),
            "efficientnet": looking.distance(features, bench.efficientnet("held_out", size)),
        },
        "cosine": {
            "other_image": looking.mean(F.cosine_similarity(other, study.true)),
            "mean_embedding": looking.mean(F.cosine_similarity(average, study.true)),
        },
    }


def decoder(study: Study) -> dict[str, Any]:
    """The decoder's guidance, on images of the training split."""
    bench, n = study.bench, study.bench.settings["choose_n"]
    prompts = bench.sets.training
    embeddings, points = study.system.seen(prompts.pixels[study.size][:n]), []
    for guidance in CANDIDATES:
        pixels = study.drawn(embeddings, guidance, bench.settings["seed"])
        judge = looking.fidelity(bench.eyes, pixels, prompts.texts)["judge"]
        points.append({"guidance": guidance, "n": n, "judge": judge})
    return {"points": points, "guidance": lowest_good(points), "rule": RULE}


def route(study: Study, name: str, guidance: float) -> dict[str, Any]:
    """One route, from the embedding to what its images show."""
    path, seed = ROUTES[name], study.bench.settings["seed"]
    embeddings, prior = timed(lambda: study.embed(path, name, seed))
    pixels, decoding = timed(lambda: study.drawn(embeddings, guidance, seed))
    return {
        **path._asdict(),
        "cosine": looking.mean(F.cosine_similarity(embeddings, study.true)),
        "spread": spread(study, name) if path.prior in ("diffusion", "codes") and path.temperature else None,
        **study.looked(pixels),
        "core_seconds": {"prior": round(prior / len(pixels), 5), "decoder": round(decoding / len(pixels), 5)},
    }


def spread(study: Study, name: str) -> dict[str, Any]:
    """How far embeddings of one caption lie apart."""
    settings = study.bench.settings
    few, seeds = settings["spread_n"], settings["seeds"]
    drawn = study.embed(ROUTES[name], name, settings["seed"], n=seeds, few=few)
    unit = F.normalize(drawn, dim=1).reshape(few, seeds, -1)
    table = unit @ unit.transpose(1, 2)  # (few, seeds, seeds)
    row, column = torch.triu_indices(seeds, seeds, offset=1)
    near = F.cosine_similarity(unit, study.true[:few, None], dim=2).double()  # (few, seeds)
    return {
        "pairs": looking.mean(table[:, row, column].mean(1)),
        "sd_within": round(near.var(1).mean().sqrt().item(), 5),
        "sd_between": round(near.mean(1).std().item(), 5),
    }


def variations(study: Study, guidance: float) -> dict[str, Any]:
    """Two variations of each true held-out image."""
    bench, seed, n = study.bench, study.bench.settings["seed"], len(study.true)
    first, second = (study.drawn(study.true, guidance, seed + i * n) for i in (1, 2))
    seen = [looking.embedded(bench.eyes.judge, pixels) for pixels in (first, second)]
    true = looking.embedded(bench.eyes.judge, bench.sets.held_out.pixels[study.size])
    return {
        "judge": looking.fidelity(bench.eyes, first, bench.sets.held_out.texts)["judge"],
        "cosine": {
            "own": looking.mean((seen[0] * true).sum(1)),
            "pair": looking.mean((seen[0] * seen[1]).sum(1)),
            "other": looking.mean((seen[0] * true.roll(1, 0)).sum(1)),
        },
        "guidance": guidance,
    }


def timed(work: Callable[[], Tensor]) -> tuple[Tensor, float]:
    """What it gives, and the seconds of all cores that it took."""
    began = time.process_time()
    found = work()
    return found, time.process_time() - began


def parsed(words: Sequence[str] | None) -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=480, help="held-out captions, at most 480")
    parser.add_argument("--choose", type=int, default=96, help="training images that choose the decoder's guidance")
    parser.add_argument("--spread", type=int, default=48, help="captions of which several embeddings are drawn")
    parser.add_argument("--seeds", type=int, default=4, help="embeddings of each of these")
    parser.add_argument("--steps", type=int, default=STEPS, help="of the decoder's sampler")
    parser.add_argument("--seed", type=int, default=0, help="of the first image")
    parser.add_argument("--only", nargs="+", choices=list(ROUTES), default=[], help="measure these routes anew")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results", metavar="FOLDER")
    parser.add_argument("--tiny", action="store_true", help="a trial, with networks that drew lots")
    arguments = parser.parse_args(words)
    check_counts(parser, arguments, 5, "choose", "spread")
    if arguments.seeds < 2:
        parser.error(f"--seeds must be at least 2, got {arguments.seeds}")
    return arguments


@torch.no_grad()
def main(words: Sequence[str] | None = None) -> int:
    """Measure; the exit code is 1 where the system is not there."""
    arguments = parsed(words)
    source = Trial() if arguments.tiny else Package()
    if SYSTEM not in source.names():
        print(f"error: {SYSTEM} does not come with this version")
        return 1
    subject, seeing = source.subject(SYSTEM), source.eyes()
    asked = {"n": "n", "choose_n": "choose", "spread_n": "spread", "seeds": "seeds", "steps": "steps", "seed": "seed"}
    settings, command = settings_of("priors.py", asked, arguments, parsed([]))
    settings |= {"sampler": SAMPLER, "batch": BATCH}
    here = {
        "command": command,
        "machine": machine(),
        "settings": settings,
        "weights": subject.about,
        **seeing.about,
        "chance": {"top1": 1 / arguments.n, "top5": 5 / arguments.n, "style": 1 / len(STYLES), "among": arguments.n},
    }
    record = Record(arguments.out / "priors.json", here, FIXED)
    for name in arguments.only:
        record.all.get("routes", {}).pop(name, None)
    study = Study(subject.system, Bench(Sets(arguments.n), seeing, settings))
    record.part(["real"], lambda: real(study))
    guidance = record.part(["decoder"], lambda: decoder(study))["guidance"]
    for name in ROUTES:
        record.part(["routes", name], lambda name=name: route(study, name, guidance))
    record.part(["variations"], lambda: variations(study, guidance))
    return 0


if __name__ == "__main__":
    sys.exit(main())
