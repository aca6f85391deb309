"""Plans that were registered before a test set was opened: ``registered.jsonl`` beside its log."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from fittingroom.errors import RunChangedError, UsageError
from fittingroom.runs.files import append_line, read_lines

PLANS = "registered.jsonl"
EXAMPLE = (
    '{"recipes": ["ann", "cnn"], "seeds": 5, "primary": ["cnn", "ann"], "margin": 0.005, '
    '"looks": [3, 5]}, where the last look is at all seeds'
)


@dataclass(frozen=True)
class Plan:
    """What will be trained, compared and looked at.

    Attributes:
        time: when it was registered, UTC, ISO 8601.
        data: name of the data set.
        recipes: the key of each, by name.
        seeds: how many of each recipe, from 0.
        primary: the two recipes whose comparison decides.
        margin: the difference in accuracy that does not matter, a fraction.
        looks: the numbers of seeds at which somebody looks, rising to all.

    Raises:
        UsageError: values that do not fit together.
    """

    time: str
    data: str
    recipes: dict[str, str]
    seeds: int
    primary: list[str]
    margin: float
    looks: list[int]

    def __post_init__(self) -> None:
        looks = sorted({*self.looks})
        fits = {
            "seeds": type(self.seeds) is int and self.seeds > 0,
            "primary": len(self.primary) == 2 == len({*self.primary} & {*self.recipes}),
            "margin": type(self.margin) in (int, float) and 0 <= self.margin < 1,
            "looks": self.looks == looks and looks[:1] > [0] and looks[-1] == self.seeds,
        }
        for name in (name for name, holds in fits.items() if not holds):
            given = json.dumps(getattr(self, name))[:99]
            raise UsageError(f"The plan's `{name}` can't be {given}. A plan is like {EXAMPLE}.")

    @property
    def hash(self) -> str:
        """SHA-256 of all of it."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


def add_plan(runs: Path, plan: Plan) -> None:
    """Register a plan in a folder of runs."""
    append_line(runs / PLANS, {**asdict(plan), "hash": plan.hash})


def read_plans(runs: Path) -> list[Plan]:
    """All plans registered in a folder of runs.

    Raises:
        RunChangedError: one is not as it was registered.
    """
    path, plans = runs / PLANS, []
    for line in read_lines(path):
        try:
            plans.append(Plan(**{name: each for name, each in line.items() if name != "hash"}))
            changed = line["hash"] != plans[-1].hash
        except (AttributeError, KeyError, TypeError, UsageError):
            changed = True
        if changed:
            raise RunChangedError(
                f"{path} was changed. Restore it, or choose another folder with --runs."
            )
    return plans


def is_registered(runs: Path, data: str, key: str, seed: int) -> bool | None:
    """Whether a plan has this recipe and seed; None if the folder of runs has no plan."""
    plans = read_plans(runs)
    of_data = [plan for plan in plans if plan.data == data]
    registered = any(key in plan.recipes.values() and seed < plan.seeds for plan in of_data)
    return registered if plans else None
