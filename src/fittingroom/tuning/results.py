"""What a search gave: every trial, the best one, and what is left of its lead with other seeds."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from fittingroom.comparison import SeedScores, accuracy_interval, seed_difference
from fittingroom.metrics import Estimate, wilson
from fittingroom.recipes import BaseRecipe, Recipe
from fittingroom.tuning.space import Setting, Value, with_values

State = Literal["complete", "pruned", "failed", "unfinished"]

_LONGEST_NAME = 50  # of a recipe


@dataclass(frozen=True)
class Trial:
    """One training of a search.

    Attributes:
        number: from 0, which is the recipe as it was.
        settings: the values that it was trained with, of what the search varies.
        state: ``"pruned"`` where its learning curve ended it early; ``"failed"`` where training
            broke down; ``"unfinished"`` where the search was stopped in it.
        epochs: of the recipe that was tried, at most; 1 for one that is trained in one go.
        curve: seconds since the start and validation accuracy, a pair an epoch.
        accuracy: on the validation half, of the weights that are kept; None unless complete.
        seconds: the whole training; None unless complete.
        error: why it failed, in words.
    """

    number: int
    settings: Mapping[str, Value]
    state: State
    epochs: int
    curve: tuple[tuple[float, float], ...] = ()
    accuracy: float | None = None
    seconds: float | None = None
    error: str = ""


@dataclass(frozen=True)
class Retrained:
    """The recipe as it was and the best trial, trained anew with seeds that the search did not use.

    Attributes:
        seeds: these, the same for both.
        start, best: mean validation accuracy of each, with an interval over seeds and pictures.
        gain: the best one's minus the other's, paired by pictures, with such an interval.
        spread: standard deviation of the accuracy from one seed to another, pooled over both, with
            its interval: what luck of the seed alone does.
    """

    seeds: tuple[int, ...]
    start: Estimate
    best: Estimate
    gain: Estimate
    spread: Estimate

    @classmethod
    def of(
        cls,
        seeds: Sequence[int],
        start: npt.NDArray[np.bool_],
        best: npt.NDArray[np.bool_],
    ) -> "Retrained":
        """From which seed names which picture rightly, bool ``(S, N)``, with two seeds or more.

        The interval of the standard deviation is that of normally distributed accuracies, from
        the chi-squared distribution with ``2 (S - 1)`` degrees of freedom.
        """
        from scipy import stats

        scores = SeedScores.of(start), SeedScores.of(best)
        freedom = sum(each.seeds - 1 for each in scores)
        squares = sum((each.seeds - 1) * each.seed_variance for each in scores)
        few, many = (float(stats.chi2.ppf(level, freedom)) for level in (0.025, 0.975))
        return cls(
            tuple(seeds),
            accuracy_interval(scores[0]),
            accuracy_interval(scores[1]),
            seed_difference(*scores).interval(),
            Estimate(*(math.sqrt(squares / part) for part in (freedom, many, few))),
        )


@dataclass(frozen=True, eq=False)
class Search:
    """All trials of a search, and what follows from them.

    Attributes:
        recipe: where it began.
        data: the data set's name.
        official: whether that is the whole of the official Fashion-MNIST.
        training, validation: pictures of each half. The test half took no part.
        seed: of all trials, and of what is tried.
        space: what was varied.
        trials: in the order of their numbers.
        importance: how much of the differences between complete trials each setting accounts
            for, with intervals, largest first; empty where there are too few trials to say.
        retrained: the lead of the best trial with other seeds; None where nothing was retrained.
        environment: versions, processor, device, threads.
    """

    recipe: BaseRecipe
    data: str
    official: bool
    training: int
    validation: int
    seed: int
    space: tuple[Setting, ...]
    trials: tuple[Trial, ...]
    importance: tuple[tuple[str, Estimate], ...] = ()
    retrained: Retrained | None = None
    environment: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def complete(self) -> tuple[Trial, ...]:
        """Trials that were trained to their end."""
        return tuple(trial for trial in self.trials if trial.state == "complete")

    @property
    def start(self) -> Trial | None:
        """The recipe as it was; None where its training broke down."""
        return next((trial for trial in self.complete if trial.number == 0), None)

    @property
    def best(self) -> Trial:
        """The complete trial of highest validation accuracy; the earlier one between equals.

        Raises:
            ValueError: no trial is complete.
        """
        return max(self.complete, key=_accuracy)

    @property
    def frontier(self) -> tuple[Trial, ...]:
        """Complete trials than which none was as accurate in less time, quickest first."""
        found: list[Trial] = []
        for trial in sorted(self.complete, key=lambda each: (each.seconds, -_accuracy(each))):
            if not found or _accuracy(trial) > _accuracy(found[-1]):
                found.append(trial)
        return tuple(found)

    @property
    def tuned(self) -> BaseRecipe:
        """The recipe of the best trial."""
        best, name = self.best, self.recipe.name[: _LONGEST_NAME - len("-tuned")]
        recipe = self.recipe_of(best)
        how = "as it was" if best.number == 0 else f"trial {best.number}"
        title = f"{self.recipe.name}, tuned on validation: the best of {len(self.trials)}, {how}"
        return dataclasses.replace(recipe, name=f"{name}-tuned", title=title, claim="")  # type: ignore[type-var]

    def recipe_of(self, trial: Trial) -> BaseRecipe:
        """The recipe that a trial was trained by."""
        return self.recipe if trial.number == 0 else with_values(self.recipe, trial.settings)

    def accuracy_of(self, trial: Trial) -> Estimate:
        """A complete trial's validation accuracy, with the interval over pictures."""
        return wilson(round(_accuracy(trial) * self.validation), self.validation)

    def count(self, state: State) -> int:
        """How many trials are in a state."""
        return sum(trial.state == state for trial in self.trials)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        best, retrained = self.best, self.retrained
        return {
            "recipe": self.recipe.name,
            "data": self.data,
            "official": self.official,
            "training": self.training,
            "validation": self.validation,
            "seed": self.seed,
            "space": [dataclasses.asdict(setting) for setting in self.space],
            "trials": [{**dataclasses.asdict(trial)} for trial in self.trials],
            "best": best.number,
            "validation_accuracy": _ends(self.accuracy_of(best)),
            "start_validation_accuracy": self.start and _ends(self.accuracy_of(self.start)),
            "tuned": self.tuned.to_json(),
            "importance": {name: _ends(estimate) for name, estimate in self.importance},
            "retrained": retrained
            and {
                "seeds": list(retrained.seeds),
                "start": _ends(retrained.start),
                "best": _ends(retrained.best),
                "gain": _ends(retrained.gain),
                "standard_deviation_over_seeds": _ends(retrained.spread),
            },
            "environment": dict(self.environment),
        }


def planned_epochs(recipe: BaseRecipe) -> int:
    """How many epochs a recipe is trained for at most; 1 for one that is trained in one go."""
    return recipe.epochs if isinstance(recipe, Recipe) else 1


def _accuracy(trial: Trial) -> float:
    if trial.accuracy is None:
        raise ValueError(f"trial {trial.number} is {trial.state}, without an accuracy")
    return trial.accuracy


def _ends(estimate: Estimate) -> dict[str, float]:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}
