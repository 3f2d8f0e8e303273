"""diffusion-edu list and info."""

from __future__ import annotations

import json
from typing import Any

from ..pretrained import WEIGHTS, available, load, read_card
from ..train import PLANS
from .common import OK
from .options import Info


def list_names() -> int:
    """Print the recipes and the weights."""
    width = max(map(len, (*PLANS, *available())))
    print("recipes (diffusion-edu train RECIPE)")
    for name, entry in PLANS.items():
        print(f"  {name:<{width}}  {entry.about}")
    print("weights (diffusion-edu sample NAME)")
    for name in available():
        print(f"  {name:<{width}}  {read_card(WEIGHTS / name).get('about', '')}")
    return OK


def info(options: Info) -> int:
    """Print a model card, or the numbers of a recipe."""
    if options.name in PLANS and options.name not in available():
        entry = PLANS[options.name]
        card: dict[str, Any] = {
            "about": entry.about,
            "data": entry.data,
            "model": entry.model.to_dict(),
            "schedule": entry.schedule,
            "recipe": entry.recipe.to_dict(),
        }
    else:
        card = load(options.name).card
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
