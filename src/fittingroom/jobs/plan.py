"""Plan: how many seeds does it take to show a gap? Asked before the test set is opened."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fittingroom.comparison import Power, SeedScores, seed_power
from fittingroom.errors import PredictionsError, UsageError
from fittingroom.jobs.seeds import train_seeds
from fittingroom.jobs.session import Session
from fittingroom.numbers import plain
from fittingroom.recipes import recipe_of


@dataclass(frozen=True)
class Plan:
    """Seeds of each of two recipes that show a gap, a fraction, with 80% power at 5%."""

    recipes: tuple[str, str]
    gap: float
    pilot: int  # seeds that the variances are from
    images: int  # of the test set
    power: Power

    @property
    def sentence(self) -> str:
        """The plan in plain words."""
        most = "more than 1,000"
        low, high = (most if end is None else f"{end:,}" for end in self.power.seeds_range or ())
        what = f"a gap of {100 * self.gap:.2f} points between {' and '.join(self.recipes)}"
        if self.power.seeds is None:
            answer = (
                f"{self.images:,} test images are too few to show {what}, even with 1,000 seeds."
            )
            if self.power.images is not None:
                answer += f" It takes about {self.power.images:,} with {self.pilot} seeds of each."
        else:
            answer = (
                f"To show {what} with 80% power on {self.images:,} test images, train each with "
                f"about {self.power.seeds:,} seeds (95% interval {low} to {high}). Look at the "
                "test set once, when all are trained."
            )
        return (
            f"{answer} This is planned from the validation images of {self.pilot} seeds, and "
            "opened no test set."
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**plain(self), "sentence": self.sentence}


def plan(a: Any, b: Any, gap: float, *, seeds: int = 3, session: Session | None = None) -> Plan:
    """Plan a comparison of two recipes by how much a few seeds vary on validation images.

    Args:
        a, b: recipes, as for :func:`fittingroom.compare`.
        gap: the difference in accuracy that should be found, a fraction above 0 and below 1.
        seeds: of the pilot, from 0; what is missing is trained, and `compare` uses it again.
        session: data, folder of runs, device, threads and listener.

    Raises:
        UsageError: a gap outside that range, or fewer than two seeds.
        PredictionsError: the recipes set other images apart for validation.
    """
    if not 0 < gap < 1 or seeds < 2:
        raise UsageError(
            f"The gap is {100 * gap:g} points and there are {seeds} seeds. Give a gap above 0 and "
            "below 100, and two seeds or more, which show how much a recipe varies."
        )
    session = session or Session()
    session = replace(session, data=session.dataset)
    recipes = [recipe_of(each) for each in (a, b)]
    wanted = [(recipe, session.device) for recipe in recipes]
    groups = [runs for runs, _ in train_seeds(wanted, seeds=seeds, session=session)]
    first, second = (group[0].validation for group in groups)
    if not np.array_equal(first.indices, second.indices):
        raise PredictionsError(
            f"{recipes[0].name} and {recipes[1].name} have different validation images, so nothing "
            "can be planned from them. Choose recipes with the same split."
        )
    pilot, other = (
        SeedScores.of(np.stack([run.validation.correct for run in group])) for group in groups
    )
    images = session.dataset.test_size
    names = recipes[0].name, recipes[1].name
    return Plan(names, gap, seeds, images, seed_power(pilot, other, gap, images))
