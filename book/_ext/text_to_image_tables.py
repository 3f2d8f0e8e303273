"""The tables of benchmarks/results/text_to_image.json, of which `benchmark_tables` makes part of a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

Parts = tuple[str, Sequence[str], list[list[str]]]  # caption, head, rows
NONE = "–"


def tables(result: dict[str, Any], machine: str) -> list[Parts]:
    """All tables for which something was measured, as captions, heads and rows.

    Args:
        result: the file.
        machine: what it was measured on, in words.
    """
    systems = result.get("systems", {})
    if "true" not in result or not systems:
        return []
    made = [_fidelity(result, systems), _distances(result, systems), _copies(systems), _cost(systems, machine)]
    made += [_guidance(result, name, found) for name, found in systems.items() if "guidance" in found]
    made += [_steps(result, name, found) for name, found in systems.items() if "steps" in found]
    made += [_autoencoders(result, systems)]
    # A row for each of several lengths of one training; of a single one there is nothing to compare.
    several = {name: found for name, found in systems.items() if len(found.get("training", {}).get("points", ())) > 1}
    made += [_training(name, found) for name, found in several.items()]
    return [one for one in made if one[2]]


def percent(share: dict[str, Any] | None) -> str:
    """A share with its interval."""
    if share is None:
        return NONE
    return f"{100 * share['value']:.1f}% ({100 * share['low']:.0f} to {100 * share['high']:.0f})"


def far(distance: dict[str, Any], places: int = 1) -> str:
    """A distance with its interval."""
    value, low, high = (f"{distance[key]:.{places}f}" for key in ("value", "low", "high"))
    return f"{value} ({low} to {high})"


def _measured(systems: dict[str, Any], part: str) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Name, all of a system, and its part, where that was measured."""
    for name, found in systems.items():
        if part in found:
            yield name, found, found[part]


def _looked(name: str, told: dict[str, Any]) -> list[str]:
    judge, reader = told["judge"], told.get("reader")
    return [
        name,
        percent(judge["top1"]),
        percent(judge["top5"]),
        percent(judge.get("style")),
        percent(told.get("efficientnet", {}).get("top5")),
        percent(reader["top5"]) if reader else NONE,
        f"{reader['score']:.1f}" if reader else NONE,
    ]


def _fidelity(result: dict[str, Any], systems: dict[str, Any]) -> Parts:
    chance = {key: f"{100 * result['chance'][key]:.1f}%" for key in ("top1", "top5")}
    style = f"{100 * result['chance']['style']:.1f}%" if "style" in result["chance"] else NONE
    rows = [["chance", chance["top1"], chance["top5"], style, chance["top5"], chance["top5"], NONE]]
    sizes = sorted({found["size"] for found in systems.values()})
    rows += [
        _looked(f"true image of the thing in another style, {size} x {size}", result["true"][str(size)]["other_style"])
        for size in sizes
    ]
    rows += [
        _looked(f"{name}, {found['size']} x {found['size']}, w = {told['guidance']:g}", told)
        for name, found, told in _measured(systems, "headline")
    ]
    rows.append(_looked("true image", result["true"]["held_out"]))
    n = result["chance"]["among"]
    caption = f"Text fidelity on {n} held-out prompts: share with its 95% interval"
    judge = ("judge: own caption first", "among the first 5", "own style of three")
    head = ("images", *judge, "EfficientNet: own true image among the 5 nearest")
    return caption, (*head, "reader: among the first 5", "reader's CLIP score"), rows


def _distances(result: dict[str, Any], systems: dict[str, Any]) -> Parts:
    rows = []
    for name, found, told in _measured(systems, "headline"):
        floor = result["true"][str(found["size"])]["floor"]
        own = [far(told["frechet_judge"]), far(told["frechet_efficientnet"])]
        rows.append([name, str(told["n"]), *own, far(floor["judge"]), far(floor["efficientnet"])])
    caption = f"Squared Fréchet distance to {result['chance']['among']} true held-out images, with its 95% interval"
    floors = ("floor: judge", "floor: EfficientNet-Lite0")
    return caption, ("images", "how many", "judge's features", "EfficientNet-Lite0's", *floors), rows


def _copies(systems: dict[str, Any]) -> Parts:
    rows = []
    for part, title in (("headline", "held-out prompts"), ("choose", "training prompts")):
        for name, _, told in _measured(systems, part):
            for by, words in (("pixels", "pixels, of 255"), ("judge", "judge's embedding")):
                near = told["copies"][by]
                numbers = [f"{near[key]:.3g}" for key in ("median", "true_median", "threshold")]
                rows.append([f"{name}, {title}", words, *numbers, percent(near["copies"])])
    caption = (
        "Distance to the nearest of 4,936 training images; nearer than 99% of true held-out images is called a copy"
    )
    return caption, ("images", "distance by", "median", "median of true images", "threshold", "copies"), rows


def _cost(systems: dict[str, Any], machine: str) -> Parts:
    rows = []
    for name, found, told in _measured(systems, "headline"):
        cost, weights = told["cost"], found["weights"]
        rows.append(
            [
                name,
                f"{weights['parameters'] / 1e6:.1f} M",
                f"{cost['unet_flops'] / 1e9:.2f} G",
                f"{cost['decoder_flops'] / 1e9:.2f} G",
                str(cost["evaluations"]),
                _others(cost),
                f"{told['flops'] / 1e9:.1f} G",
                f"{told['core_seconds']:.2f} s",
            ]
        )
    head = (
        "system",
        "parameters",
        "FLOPs of the U-Net",
        "of the decoder",
        "evaluations",
        "other networks",
        "FLOPs an image",
        "core time",
    )
    return f"What an image costs; {machine}", head, rows


def _others(cost: dict[str, Any]) -> str:
    """What else runs for one image: name, FLOPs, how often."""
    others = cost.get("others", {}).items()
    return ", ".join(f"{name}: {part['flops'] / 1e9:.2f} G × {part['evaluations']}" for name, part in others) or NONE


def _guidance(result: dict[str, Any], name: str, found: dict[str, Any]) -> Parts:
    points = found["guidance"]["points"]
    rows = [
        [
            f"{point['guidance']:g}" + (" (chosen)" if point["guidance"] == found["choose"]["guidance"] else ""),
            percent(point["judge"]["top5"]),
            percent(point["efficientnet"]["top5"]),
            far(point["frechet_judge"]),
            percent(point["reader"]["top5"]),
        ]
        for point in points
    ]
    caption = (
        f"{name}: guidance, {points[0]['n']} held-out prompts, {points[0]['steps']} steps; {_floor(result, found)}"
    )
    head = ("w", "judge: top 5", "EfficientNet: nearest 5", "Fréchet distance, judge", "reader: top 5")
    return caption, head, rows


def _steps(result: dict[str, Any], name: str, found: dict[str, Any]) -> Parts:
    points = found["steps"]["points"]
    rows = [
        [
            str(point["steps"]),
            percent(point["judge"]["top5"]),
            far(point["frechet_judge"]),
            f"{point['flops'] / 1e9:.1f} G",
            f"{point['core_seconds']:.2f} s",
        ]
        for point in points
    ]
    caption = (
        f"{name}: steps, {points[0]['n']} held-out prompts, w = {points[0]['guidance']:g}; {_floor(result, found)}"
    )
    return caption, ("steps", "judge: top 5", "Fréchet distance, judge", "FLOPs an image", "core time"), rows


def _floor(result: dict[str, Any], found: dict[str, Any]) -> str:
    floor = result["true"][str(found["size"])]["floor_of_sweeps"]["judge"]
    return f"floor of the distance {far(floor)}"


def _autoencoders(result: dict[str, Any], systems: dict[str, Any]) -> Parts:
    rows = []
    for name, found, told in _measured(systems, "autoencoder"):
        floor = result["true"][str(found["size"])]["floor"]
        rows.append(
            [
                name,
                f"{told['values']['image']:,} to {told['values']['latent']:,}",
                f"{told['psnr']:.1f} dB ({told['psnr_low']:.1f} to {told['psnr_high']:.1f})",
                f"{told['psnr_of_mean_mse']:.1f} dB",
                f"{told['downsampled_psnr']:.1f} dB",
                f"{told['frechet']['judge']['value']:.2f} ({floor['judge']['value']:.1f})",
                f"{told['frechet']['efficientnet']['value']:.2f} ({floor['efficientnet']['value']:.1f})",
                percent(told["judge"]["top5"]),
            ]
        )
    caption = "The auto-encoder on held-out images: PSNR with the middle 90% of the images, Fréchet distance (floor)"
    psnr = ("mean PSNR", "PSNR of the mean error", "of averaging and enlarging")
    distances = ("Fréchet distance, judge", "EfficientNet-Lite0", "judge: top 5")
    return caption, ("system", "numbers", *psnr, *distances), rows


def _training(name: str, found: dict[str, Any]) -> Parts:
    told = found["training"]
    rows = [
        [
            f"{point['images']:,}",
            f"{point['held_out_loss']:.4f}",
            f"{point['training_loss']:.4f}",
            percent(point["judge"]["top1"]),
            percent(point["judge"]["top5"]),
        ]
        for point in told["points"]
    ]
    caption = f"{name}: what more training gives, {told['points'][0]['n']} held-out prompts, w = {told['guidance']:g}"
    head = ("images seen", "loss, held-out images", "loss, training images", "judge: first", "judge: top 5")
    return caption, head, rows
