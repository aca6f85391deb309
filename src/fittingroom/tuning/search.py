"""The results of a search: its trials, the best one, and its lead with other seeds."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
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

    `start` and `best` are mean validation accuracies, with intervals over seeds and images.
    """

    seeds: tuple[int, ...]  # the same for both
    start: Estimate
    best: Estimate
    gain: Estimate  # best minus start, paired by image

    @classmethod
    def of(
        cls, seeds: Sequence[int], start: npt.NDArray[np.bool_], best: npt.NDArray[np.bool_]
    ) -> "Retrained":
        """From which images each seed classified correctly, bool ``(S, N)``, ``S`` at least 2."""
        scores = SeedScores.of(start), SeedScores.of(best)
        before, after = (accuracy_interval(each) for each in scores)
        return cls(tuple(seeds), before, after, seed_difference(*scores).interval())


@dataclass(frozen=True, eq=False)
class Search:
    """The trials of a search, and what follows from them.

    A trial has ``start`` among its attributes if it is the original recipe, ``seconds`` if it is
    complete, ``error`` if it failed. The test set took no part.
    """

    folder: Path  # of the study, search.json, the page, and the recipe of the best trial
    recipe: BaseRecipe  # where it began
    data: str  # the data set's name
    official: bool  # whether that is the official Fashion-MNIST
    description: str  # what the data is, in sentences
    training: int  # images
    validation: int
    seed: int  # of all trials, and of what is tried
    space: tuple[Setting, ...]  # what was varied
    trials: tuple[FrozenTrial, ...]  # those that ended, as Optuna has them
    retrained: Retrained | None = None  # both recipes with other seeds, if they were trained
    environment: Mapping[str, Any] = field(default_factory=dict)  # versions, device, threads

    @property
    def page(self) -> Path:
        """The page of the search."""
        return self.folder / "index.html"

    @property
    def recipe_file(self) -> Path | None:
        """The best trial's recipe, as ``train`` takes it; None for a custom model, whose code is
        in no file of ours."""
        return self.folder / "tuned.json" if self.recipe.own is None else None

    @property
    def complete(self) -> tuple[FrozenTrial, ...]:
        """Trials that were trained to their end."""
        return tuple(trial for trial in self.trials if trial.state == TrialState.COMPLETE)

    @property
    def start(self) -> FrozenTrial | None:
        """The original recipe; None if its training failed."""
        return next((trial for trial in self.complete if "start" in trial.user_attrs), None)

    @property
    def best(self) -> FrozenTrial:
        """The complete trial of the highest validation accuracy; the earlier one if two are
        equal."""
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

    def accuracy_of(self, trial: FrozenTrial) -> Estimate:
        """A complete trial's validation accuracy, with the interval over images."""
        return wilson(round((trial.value or 0.0) * self.validation), self.validation)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        names = ("data", "official", "description", "training", "validation", "seed", "space")
        return {
            "recipe": self.recipe.name,
            **{name: plain(getattr(self, name)) for name in (*names, "retrained", "environment")},
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
        }


def ended(study: optuna.Study) -> tuple[FrozenTrial, ...]:
    """All trials of a study that ended, without those in which the search was stopped."""
    return tuple(
        trial
        for trial in study.get_trials(deepcopy=False)
        if trial.state in (TrialState.COMPLETE, TrialState.PRUNED)
        or (trial.state == TrialState.FAIL and "error" in trial.user_attrs)
    )
