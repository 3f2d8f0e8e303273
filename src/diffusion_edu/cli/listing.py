"""diffusion-edu list and info."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from ..cards import read_card
from ..features import FEATURE_NETWORKS
from ..pretrained import WEIGHTS, available, card_of, draws
from ..runs import RUNS, Run
from ..train.objective import description
from .common import OK
from .options import Info


def list_names() -> int:
    """Print the recipes and the weights."""
    cards = {name: read_card(WEIGHTS / name) for name in available()}
    drawing = [name for name, card in cards.items() if draws(card)]
    width = max(map(len, (*RUNS, *cards, *FEATURE_NETWORKS)))
    _print_table("recipes (diffusion-edu train RECIPE)", RUNS, lambda entry: entry.about, width)
    about = {name: cards[name].get("about", "") for name in cards}
    _print_table("weights (diffusion-edu sample NAME)", {name: about[name] for name in drawing}, str, width)
    rest = {name: about[name] for name in cards if name not in drawing}
    _print_table("other weights (diffusion-edu info NAME)", rest, str, width)
    _print_table("feature networks (diffusion-edu evaluate ... --network NAME)", FEATURE_NETWORKS, str, width)
    return OK


def _print_table(title: str, rows: Mapping[str, Any], words: Callable[[Any], str], width: int) -> None:
    print(title)
    for name, entry in rows.items():
        print(f"  {name:<{width}}  {words(entry)}".rstrip())


def info(options: Info) -> int:
    """Print a model card, or the numbers of a recipe."""
    if options.name in RUNS and options.name not in available():
        card = _of_run(RUNS[options.name])
    else:
        card = card_of(options.name)
    if options.as_json:
        print(json.dumps(card, indent=2, ensure_ascii=False))
    else:
        _print_lines(card)
    return OK


def _print_lines(card: dict[str, Any], indent: int = 0) -> None:
    """A card as lines, the parts of a part below it."""
    width = max((len(key) for key, value in card.items() if not isinstance(value, dict)), default=0)
    for key, value in card.items():
        if isinstance(value, dict):
            print(f"{' ' * indent}{key}")
            _print_lines(value, indent + 2)
        else:
            print(f"{' ' * indent}{key:<{width}}  {value}")


def _of_run(run: Run) -> dict[str, Any]:
    """What can be said of a run before it is trained."""
    stages = {stage.name: {"config": stage.config.to_dict(), "recipe": stage.recipe.to_dict()} for stage in run.stages}
    if len(run.stages) == 1:
        only = run.stages[0]
        return {"about": run.about, **run.notes, **stages[only.name], "objective": description(only.objective({}))}
    return {"about": run.about, **run.notes, "stages": stages}
