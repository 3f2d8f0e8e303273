"""The tables of priors.json, cascade.json and text_encoder_study.json, which `benchmark_tables` puts on a page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from text_to_image_tables import NONE, Parts, far, percent

ROUTES = {
    "true": "embedding of the true image",
    "quantized": "the same, as codes and back",
    "text": "embedding of the text, no prior",
    "codes_likeliest": "codes, the likeliest each time",
}
PRIORS = {"diffusion": "prior by diffusion", "codes": "prior by codes"}
RUNS = {"clean": "clean", "noised": "noised"}


def priors(result: dict[str, Any], machine: str) -> list[Parts]:
    """How near each route comes to the true embedding, what its images show, and what varies."""
    routes, real = result.get("routes", {}), result.get("real")
    if not routes or real is None:
        return []
    made = [_near(result, routes, real, machine), _shown(result, routes, real)]
    if "variations" in result:
        made.append(_variations(result["variations"], real))
    return made


def _route(name: str, told: dict[str, Any]) -> str:
    return ROUTES.get(name) or f"{PRIORS[told['prior']]}, w = {told['guidance']:g}"


def _near(result: dict[str, Any], routes: dict[str, Any], real: dict[str, Any], machine: str) -> Parts:
    baselines = {"another held-out image's": "other_image", "mean of the training images'": "mean_embedding"}
    rows = [
        [f"embedding: {title}", _mean(real["cosine"][key], 3), NONE, NONE, NONE] for title, key in baselines.items()
    ]
    for name, told in routes.items():
        spread = told["spread"]
        rows.append(
            [
                _route(name, told),
                _mean(told["cosine"], 3),
                NONE if spread is None else _mean(spread["pairs"], 3),
                NONE if spread is None else f"{spread['sd_within']:.3f}",
                NONE if told["prior"] is None else f"{1000 * told['core_seconds']['prior']:.1f} ms",
            ]
        )
    n = routes["true"]["cosine"]["n"] if "true" in routes else result["settings"]["n"]
    several = f"{result['settings']['seeds']} seeds of {result['settings']['spread_n']} captions"
    head = ("from", "cosine to the true embedding", f"cosine of two seeds ({several})", "sd among seeds", "core time")
    return f"From a caption to an embedding, {n} held-out captions; mean with its 95% interval; {machine}", head, rows


def _shown(result: dict[str, Any], routes: dict[str, Any], real: dict[str, Any]) -> Parts:
    rows = [[_route(name, told), *_looked(told), *_distances(told["frechet"])] for name, told in routes.items()]
    rows.append(["true image", *_looked(real["true"]), NONE, NONE])
    rows.append(["training image of the thing in another style", *[NONE] * 5, *_distances(real["floor"])])
    decoder = result["decoder"]["guidance"] if "decoder" in result else None
    told = "" if decoder is None else f", decoder's w = {decoder:g}"
    caption = f"What the decoder makes of it, {result['settings']['n']} captions{told}; the last row is the floor"
    judge = ("judge: own caption first", "among the first 5", "own style of three")
    head = ("from", *judge, "EfficientNet: nearest 5", "reader: first 5")
    return caption, (*head, "Fréchet distance, judge", "Fréchet distance, EfficientNet-Lite0"), rows


def _variations(told: dict[str, Any], real: dict[str, Any]) -> Parts:
    cosine, judge, true = told["cosine"], told["judge"], real["true"]["judge"]
    rows = [
        ["judge: own caption among the first 5, variation", percent(judge["top5"])],
        ["the same of the true image", percent(true["top5"])],
        ["judge's cosine: variation and its image", _mean(cosine["own"], 3)],
        ["two variations of one image", _mean(cosine["pair"], 3)],
        ["variation and another image", _mean(cosine["other"], 3)],
    ]
    n, w = cosine["own"]["n"], told["guidance"]
    return f"Variations of {n} true held-out images, decoder's w = {w:g}", ("measure", "value"), rows


def cascade(result: dict[str, Any], machine: str) -> list[Parts]:
    """Levels, the threshold, and what noise in training does."""
    if "real" not in result:
        return []
    made: list[Parts] = []
    if "levels" in result:
        made += [_psnr_of_levels(result, name) for name in result["levels"]["true"]]
        made.append(_drawn_at_levels(result))
    if "draws" in result:
        made.append(_draws(result["draws"]["true"]))
    if "thresholding" in result:
        made.append(_thresholding(result))
    if "trained" in result and "augmentation" in result:
        made.append(_augmentation(result, machine))
    return made


def _errors(one: dict[str, Any]) -> list[str]:
    return ["clean" if error == "0" else f"noise of {error}" for error in one]


def _psnr_of_levels(result: dict[str, Any], name: str) -> Parts:
    points, plain = result["levels"]["true"][name], result["real"]["enlarged"][name]
    rows = [["bilinear enlargement", *[_mean(one, 1) for one in plain.values()]]]
    for point in points:
        rows.append([_level(result, point["level"]), *[_mean(one, 1) for one in point["psnr"].values()]])
    size = name.removeprefix("up")
    caption = f"PSNR in dB to the true image of {size} x {size}, {plain['0']['n']} true small images with an error"
    return caption, ("level that the upscaler is given", *_errors(plain)), rows


def _draws(found: dict[str, Any]) -> Parts:
    """Interpolation, and the mean of several drawings of one image, for each upscaler."""
    counts = [one["count"] for one in next(iter(found.values()))["draws"]]
    rows = []
    for name, told in found.items():
        plain = [_mean(told[mode], 1) for mode in ("bilinear", "bicubic")]
        rows.append([f"to {name.removeprefix('up')}", *plain, *[_mean(one["psnr"], 1) for one in told["draws"]]])
    means = [f"mean of {count} drawings" if count > 1 else "one drawing" for count in counts]
    n = next(iter(found.values()))["bicubic"]["n"]
    caption = f"PSNR in dB to the true image, {n} true small images, level 0"
    return caption, ("enlarged", "bilinear", "bicubic", *means), rows


def _level(result: dict[str, Any], level: int) -> str:
    return f"{level}" + (" (the system's)" if level == result["level"] else "")


def _drawn_at_levels(result: dict[str, Any]) -> Parts:
    rows = [
        [_level(result, point["level"]), *_judged(point["judge"]), *_distances(point["frechet"])]
        for point in result["levels"]["generated"]
    ]
    rows.append(["floor", *[NONE] * 2, *_distances(result["real"]["floor"])])
    settings = result["settings"]
    caption = f"The base's own small images, enlarged twice: {settings['n']} captions, w = {settings['guidance']:g}"
    judge = ("judge: own caption first", "among the first 5")
    return caption, ("level", *judge, "Fréchet distance, judge", "Fréchet distance, EfficientNet-Lite0"), rows


def _thresholding(result: dict[str, Any]) -> Parts:
    small = result["real"]["small"]
    rows = [
        [
            point["clip"],
            f"{point['guidance']:g}",
            *[f"{100 * point[key]['value']:.1f}%" for key in ("saturated", "beyond")],
            percent(point["judge"]["top5"]),
            far(point["frechet_judge"]),
        ]
        for point in result["thresholding"]["points"]
    ]
    saturated, floor = f"{100 * small['saturated']['value']:.1f}%", far(small["floor_of_sweeps"])
    rows.append(["true", NONE, saturated, "0.0%", percent(small["judge"]["top5"]), f"{floor}: floor"])
    values = ("values at 0 or 255", "values beyond ±1")
    caption = f"The threshold of x₀ in the base, {result['settings']['sweep_n']} captions, images of the smallest size"
    return caption, ("clip", "w", *values, "judge: top 5", "Fréchet distance, judge"), rows


def _augmentation(result: dict[str, Any], machine: str) -> Parts:
    trained, rows = result["trained"], []
    for name, points in result["augmentation"]["runs"].items():
        kind, seed = name.rsplit("-", 1)
        for point in points:
            psnr = [_mean(one, 1) for one in point["psnr"].values()]
            head = f"{RUNS[kind]}, seed {seed}, given level {point['level']}"
            rows.append([head, *_distances(point["frechet"]), percent(point["judge"]["top5"]), *psnr])
    plain = next(iter(result["augmentation"]["runs"].values()))[0]["psnr"]
    caption = (
        f"The last upscaler after {trained['images']:,} training images, whose small images were clean or noised; "
        f"drawn and true small images, PSNR in dB; {machine}"
    )
    distances = ("Fréchet distance, judge", "EfficientNet-Lite0")
    return caption, ("training", *distances, "judge: top 5", *[f"PSNR, {word}" for word in _errors(plain)]), rows


def text_encoder_study(result: dict[str, Any], machine: str) -> list[Parts]:
    """The best distance and the best fidelity of each cell, and each cell over the guidance."""
    cells = result.get("cells", {})
    if not cells or "true" not in result:
        return []
    return [_best(result, cells, machine), *_over_guidance(cells)]


def _best(result: dict[str, Any], cells: dict[str, Any], machine: str) -> Parts:
    rows = []
    for cell in cells.values():
        nearest = min(cell["points"], key=lambda point: point["frechet_judge"]["value"])
        truest = max(cell["points"], key=lambda point: point["judge"]["top5"]["value"])
        rows.append(
            [
                cell["encoder"],
                f"{cell['size']}: {', '.join(map(str, cell['channels']))}",
                str(cell["seed"]),
                f"{cell['parameters'] / 1e6:.2f} M",
                f"{far(nearest['frechet_judge'])}, w = {nearest['guidance']:g}",
                f"{percent(truest['judge']['top5'])}, w = {truest['guidance']:g}",
                f"{max(point['score'] for point in cell['points']):.1f}",
                f"{cell['core_seconds']['training'] / 60:,.0f} min",
            ]
        )
    true = result["true"]
    floor = f"{far(true['floor'])}: floor"
    rows.append(["true image", *[NONE] * 3, floor, percent(true["judge"]["top5"]), f"{true['score']:.1f}", NONE])
    head = ("text encoder", "U-Net", "seed", "parameters", "least Fréchet distance, judge")
    n, images = result["settings"]["n"], result["settings"]["images"]
    caption = f"The best of each cell over the guidance: {images:,} training images each, {n} captions; {machine}"
    return caption, (*head, "most of judge's top 5", "most of judge's score", "core time of the training"), rows


def _over_guidance(cells: dict[str, Any]) -> Iterator[Parts]:
    scales = [f"w = {point['guidance']:g}" for point in next(iter(cells.values()))["points"]]
    for title, value in (
        ("Squared Fréchet distance, judge", lambda point: f"{point['frechet_judge']['value']:.1f}"),
        ("Judge: own caption among the first 5", lambda point: f"{100 * point['judge']['top5']['value']:.1f}%"),
    ):
        rows = [[name.replace(":", ", "), *map(value, cell["points"])] for name, cell in cells.items()]
        yield f"{title}, over the guidance", ("encoder, U-Net, seed", *scales), rows


def _mean(told: dict[str, Any], places: int) -> str:
    """A mean with its interval."""
    value, low, high = (f"{told[key]:.{places}f}" for key in ("value", "low", "high"))
    return f"{value} ({low} to {high})"


def _judged(judge: dict[str, Any]) -> list[str]:
    return [percent(judge["top1"]), percent(judge["top5"])]


def _looked(told: dict[str, Any]) -> list[str]:
    efficientnet = percent(told.get("efficientnet", {}).get("top5"))
    return [*_judged(told["judge"]), percent(told["judge"]["style"]), efficientnet, percent(told["reader"]["top5"])]


def _distances(told: dict[str, Any]) -> list[str]:
    return [far(told["judge"]), far(told["efficientnet"])]
