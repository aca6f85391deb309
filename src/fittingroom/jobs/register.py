"""Register: say what will be compared before the test set is opened for it."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fittingroom.comparison import Comparison
from fittingroom.errors import UsageError
from fittingroom.jobs.session import Session
from fittingroom.numbers import listed, some
from fittingroom.recipes import recipe_of
from fittingroom.runs import Run, add_plan, make_folder, read_openings, read_plans, run_name
from fittingroom.safe_io import Refusal, read_json

_EXAMPLE = {
    "recipes": ["ann", "cnn"],
    "seeds": 5,
    "primary": ["cnn", "ann"],
    "margin_points": 0.5,
    "looks": [3, 5],
}
_MOST_SEEDS = 1000


def register(plan: Path | str, session: Session | None = None) -> str:
    """Register a plan; what is scored on the test set later and is not in it, is exploratory.

    Args:
        plan: a JSON file of recipes, seeds, the primary pair, the margin in percentage points,
            and the numbers of seeds at which you will look, up to all.
        session: data and folder of runs.

    Returns:
        The hash of the plan with its time.

    Raises:
        UsageError: the file is no plan, or the test set was opened already for one of its recipes
            and seeds, as far as the folder of runs has logged.
    """
    session = session or Session()
    dataset, runs = session.dataset, session.folder
    try:
        asked = read_json(Path(plan))
        right = _is_plan(asked)
    except (Refusal, AttributeError, KeyError, TypeError):
        right = False
    if not right:
        raise UsageError(
            f"{plan} isn't a plan. Write one like {json.dumps(_EXAMPLE)}: different recipes, two "
            "of them primary, a margin from 0 to below 100 percentage points, looks that rise to "
            f"the number of seeds, {_MOST_SEEDS:,} at most."
        )
    chosen = [recipe_of(each).for_classes(len(dataset.classes)) for each in asked["recipes"]]
    planned = tuple(
        run_name(each, seed, dataset.key) for each in chosen for seed in range(asked["seeds"])
    )
    for opening in read_openings(runs):
        if opening.data == dataset.name and opening.run.startswith(planned):
            raise UsageError(
                f"The test set was opened for {opening.run} at {opening.time}, so that it can't be "
                "registered any more. Plan recipes that were not scored in this folder of runs."
            )
    keys = dict(zip(asked["recipes"], (each.key for each in chosen), strict=True))
    return add_plan(make_folder(runs), {"data": dataset.name, **asked, "recipes": keys})


def _is_plan(asked: Any) -> bool:
    recipes, primary, looks, seeds = (
        asked[name] for name in ("recipes", "primary", "looks", "seeds")
    )
    return (
        asked.keys() == _EXAMPLE.keys()
        and len({*recipes}) == len(recipes)
        and len(primary) == 2 == len({*primary} & {*recipes})
        and 0 <= asked["margin_points"] < 100
        and all(type(each) is int and each > 0 for each in (seeds, *looks))
        and looks == sorted({*looks})
        and looks[-1:] == [seeds]
        and seeds <= _MOST_SEEDS
    )


def plan_of(folders: Iterable[Path], data: str, keys: Iterable[str]) -> dict[str, Any] | None:
    """The last plan for this data in folders of runs that has one of the recipes, by their keys."""
    shown = {*keys}
    plans = [
        plan
        for folder in folders
        for plan in read_plans(folder)
        if plan["data"] == data and {*plan["recipes"].values()} & shown
    ]
    return plans[-1] if plans else None


def plan_in_words(plan: Mapping[str, Any], departed: Sequence[str]) -> str:
    """What was planned, and where a comparison departs from it, in sentences."""
    looks = listed([str(each) for each in plan["looks"]])
    return (
        f"A plan was registered at {plan['time'].removesuffix('+00:00')} UTC, before the test set "
        f"was opened for it: {listed([*plan['recipes']])} with {some(plan['seeds'], 'seed')} each, "
        f"with looks after {looks}. Its primary pair is {' against '.join(plan['primary'])}, its "
        f"margin {plan['margin_points']:.2f} points. "
        + (
            f"The comparison departs from it: {'; '.join(departed)}."
            if departed
            else "It was kept."
        )
    )


def departures(
    plan: Mapping[str, Any], groups: Sequence[Sequence[Run]], comparison: Comparison | None
) -> list[str]:
    """Where a comparison, given each model's runs, departs from a plan, in words."""
    names = {key: name for name, key in plan["recipes"].items()}
    planned = {
        names[group[0].recipe.key]: len(group) for group in groups if group[0].recipe.key in names
    }
    found = []
    if not {*plan["primary"]} <= {*planned}:
        found.append(f"the plan is about {' against '.join(plan['primary'])}")
    if comparison is not None:
        points = 100 * comparison.pairs[0].margin
        if not math.isclose(points, plan["margin_points"]):
            said = f"the plan's margin is {plan['margin_points']:.2f} points, not {points:.2f}"
            found.append(said)
    once = {names.get(group[0].recipe.key) for group in groups if group[0].recipe.deterministic}
    for name, count in planned.items():
        if name not in once and count not in plan["looks"]:
            looks = listed([str(each) for each in plan["looks"]])
            found.append(f"the plan looks after {looks} seeds, not after {count} of {name}")
    return found
