"""The results of a search: its trials, the best one, and its lead with other seeds."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import optuna
from optuna.trial import FrozenTrial, TrialState

from fittingroom.comparison import SeedScores, accuracy_interval, seed_difference
from fittingroom.metrics import wilson
from fittingroom.numbers import Estimate, plain
from fittingroom.recipes import BaseRecipe
from fittingroom.tuning.space import Setting, with_values

_LONGEST_NAME = 50  # of a recipe


@dataclass(frozen=True)
class Retrained:
    """The original recipe and the best trial, trained with seeds that the search did not use.

    Attributes:
        seeds: the same for both.
        start, best: mean validation accuracy of each, with an interval over seeds and images.
        gain: ``best`` minus ``start``, paired by image, with such an interval.
        spread: standard deviation of the accuracy between seeds, pooled over both, with its
            interval.
    """

    seeds: tuple[int, ...]
    start: Estimate
    best: Estimate
    gain: Estimate
    spread: Estimate

    @classmethod
    def of(
        cls, seeds: Sequence[int], start: npt.NDArray[np.bool_], best: npt.NDArray[np.bool_]
    ) -> "Retrained":
        """From which images each seed classified correctly, bool ``(S, N)``, ``S`` at least 2.

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
    """The trials of a search, and what follows from them.

    Attributes:
        recipe: where it began.
        data: the data set's name.
        official: whether that is the official Fashion-MNIST.
        training, validation: images of each set. The test set took no part.
        seed: of all trials, and of what is tried.
        space: what was varied.
        trials: those that ended, as Optuna has them. A trial has ``start`` among its attributes if
            it is the original recipe, ``seconds`` if it is complete, ``error`` if it failed.
        retrained: both recipes with other seeds; None if they were not trained.
        environment: versions, processor, device, threads.
    """

    recipe: BaseRecipe
    data: str
    official: bool
    training: int
    validation: int
    seed: int
    space: tuple[Setting, ...]
    trials: tuple[FrozenTrial, ...]
    retrained: Retrained | None = None
    environment: Mapping[str, Any] = field(default_factory=dict)

    @property
    def complete(self) -> tuple[FrozenTrial, ...]:
        """Trials that were trained to their end."""
        return self.of_state(TrialState.COMPLETE)

    @property
    def start(self) -> FrozenTrial | None:
        """The original recipe; None if its training failed."""
        return next((trial for trial in self.complete if "start" in trial.user_attrs), None)

    @property
    def best(self) -> FrozenTrial:
        """The complete trial of the highest validation accuracy; the earlier one if two are equal.

        Raises:
            ValueError: no trial is complete.
        """
        return max(self.complete, key=lambda trial: trial.value or 0.0)

    @property
    def improved(self) -> bool:
        """Whether a trial is more accurate than the original recipe."""
        return "start" not in self.best.user_attrs

    @property
    def tuned(self) -> BaseRecipe:
        """The recipe of the best trial, under a name of its own."""
        name = self.recipe.name[: _LONGEST_NAME - len("-tuned")]
        recipe = with_values(self.recipe, self.best.params) if self.improved else self.recipe
        title = f"{self.recipe.name}, tuned on validation: the best of {len(self.trials)} trials"
        return dataclasses.replace(recipe, name=f"{name}-tuned", title=title, claim="")

    def of_state(self, state: TrialState) -> tuple[FrozenTrial, ...]:
        """The trials that ended so."""
        return tuple(trial for trial in self.trials if trial.state == state)

    def accuracy_of(self, trial: FrozenTrial) -> Estimate:
        """A complete trial's validation accuracy, with the interval over images."""
        return wilson(round((trial.value or 0.0) * self.validation), self.validation)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "recipe": self.recipe.name,
            "data": self.data,
            "official": self.official,
            "training": self.training,
            "validation": self.validation,
            "seed": self.seed,
            "space": plain(self.space),
            "trials": [
                {
                    "number": trial.number,
                    "state": trial.state.name.lower(),
                    "settings": trial.params,
                    "accuracy": trial.value,
                    "seconds": trial.user_attrs.get("seconds"),
                    "error": trial.user_attrs.get("error", ""),
                }
                for trial in self.trials
            ],
            "best": self.best.number,
            "validation_accuracy": self.accuracy_of(self.best).as_dict(),
            "start_validation_accuracy": plain(self.start and self.accuracy_of(self.start)),
            "tuned": self.tuned.to_json(),
            "retrained": plain(self.retrained),
            "environment": plain(self.environment),
        }


def ended(study: optuna.Study) -> tuple[FrozenTrial, ...]:
    """All trials of a study that ended, without those in which the search was stopped."""
    return tuple(
        trial
        for trial in study.get_trials(deepcopy=False)
        if trial.state in (TrialState.COMPLETE, TrialState.PRUNED)
        or (trial.state == TrialState.FAIL and "error" in trial.user_attrs)
    )
