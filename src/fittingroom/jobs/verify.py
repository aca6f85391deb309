"""Verify: is a claimed accuracy what a recipe reaches?"""

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from fittingroom.comparison import SeedScores, accuracy_interval
from fittingroom.errors import UsageError
from fittingroom.jobs.evaluate import evaluate
from fittingroom.jobs.seeds import train_seeds
from fittingroom.jobs.session import Session
from fittingroom.metrics import Estimate, wilson
from fittingroom.recipes import BaseRecipe, Recipe, recipe_of
from fittingroom.runs import Run, describe_environment, ending

Finding = Literal["reproduced", "exceeded", "not reached"]


@dataclass(frozen=True, eq=False)
class Verification:
    """A claim held against what was measured.

    Attributes:
        recipe: the recipe's name.
        claim: the claimed test accuracy, a fraction.
        finding: ``"reproduced"`` where the claim lies in the interval, ``"exceeded"`` where the
            whole interval lies above it, ``"not reached"`` where it lies below.
        accuracy: mean over seeds; the interval covers seeds and test pictures, pictures alone
            for a single seed.
        per_seed: each seed's accuracy; its interval covers test pictures alone.
        runs: the runs that it rests on, in the order of their seeds.
        failures: trainings that broke down, in words.
        data: the data set's name.
        epochs: how many the recipe has at most; None where it is trained in one go.
        cut: the seeds whose trainings a budget ended before the recipe would have. One that ended
            within its budget by itself, by early stopping too, is not among them.
    """

    recipe: str
    claim: float
    finding: Finding
    accuracy: Estimate
    per_seed: tuple[Estimate, ...]
    runs: tuple[Run, ...]
    failures: tuple[str, ...]
    data: str
    epochs: int | None
    cut: tuple[int, ...]

    @property
    def seconds_per_epoch(self) -> float | None:
        """Training time of an epoch, mean over all epochs of all seeds; None without epochs."""
        if self.epochs is None:
            return None
        epochs = sum(len(run.history) for run in self.runs)
        return sum(run.summary.seconds for run in self.runs) / epochs

    @property
    def sentence(self) -> str:
        """The outcome in plain words."""
        count = len(self.per_seed)
        words = {
            "reproduced": "is reproduced: it lies in the interval",
            "exceeded": "is exceeded: the whole interval lies above it",
            "not reached": "is not reached: the whole interval lies below it",
        }
        scope = (
            f"mean over {count} seeds, the interval covers seeds and test pictures"
            if count > 1
            else "one fitted model, the interval covers test pictures alone"
        )
        if self.seconds_per_epoch is None:
            time = f"{np.mean([run.summary.seconds for run in self.runs]):.1f} s a training"
        else:
            time = f"{self.seconds_per_epoch:.1f} s an epoch"
        sentence = (
            f"The claim of {self.claim:.2%} for {self.recipe} {words[self.finding]}. Measured: "
            f"{self.accuracy.value:.2%} (95% interval {self.accuracy.low:.2%} to "
            f"{self.accuracy.high:.2%}; {scope}), at {time}."
        )
        if self.cut:
            sentence += f" {self._cut_sentence}"
        if self.failures:
            sentence += f" Broken down: {'; '.join(self.failures)}."
        return f"{sentence} {self._basis}"

    @property
    def _basis(self) -> str:
        """Which data and versions it rests on."""
        official = all(run.environment["data"]["official"] for run in self.runs)
        files = "official files" if official else "not the official files"
        made = sorted({_made_with(run) for run in self.runs})
        return f"Data: {self.data} ({files}). Trained with {'; '.join(made)}."

    @property
    def _cut_sentence(self) -> str:
        """Which trainings were cut to how many epochs, and what follows from it."""
        lengths = [
            f"seed {run.seed} to {len(run.history)}" for run in self.runs if run.seed in self.cut
        ]
        whole = [str(run.seed) for run in self.runs if run.seed not in self.cut]
        sentence = f"Of at most {self.epochs} epochs, trainings were cut: {', '.join(lengths)}"
        if whole:
            sentence += f"; not cut: seed {', '.join(whole)}"
        return (
            f"{sentence}. So this says what the recipe reaches in those epochs, and nothing final "
            "on the claim."
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "recipe": self.recipe,
            "claim": self.claim,
            "finding": self.finding,
            "sentence": self.sentence,
            "accuracy": self.accuracy.value,
            "interval": [self.accuracy.low, self.accuracy.high],
            "data": self.data,
            "epochs": self.epochs,
            "cut": bool(self.cut),
            "seconds_per_epoch": self.seconds_per_epoch,
            "seeds": [
                {
                    "seed": run.seed,
                    "accuracy": accuracy.value,
                    "low": accuracy.low,
                    "high": accuracy.high,
                    "validation_accuracy": run.summary.validation_accuracy,
                    "epochs": None if run.recipe.in_one_go else len(run.history),
                    "cut": run.seed in self.cut,
                    "best_epoch": None if run.recipe.in_one_go else run.summary.best_epoch,
                    "seconds": run.summary.seconds,
                    "history": [asdict(epoch) for epoch in run.history],
                    "environment": dict(run.environment),
                }
                for run, accuracy in zip(self.runs, self.per_seed, strict=True)
            ],
            "failures": list(self.failures),
            "environment": describe_environment(),
        }


def verify(
    recipe: Any,
    claim: float,
    *,
    seeds: int = 1,
    epochs: int | None = None,
    session: Session | None = None,
) -> Verification:
    """Train a recipe over seeds and say whether a claimed test accuracy is what it reaches.

    Args:
        recipe: as for :func:`fittingroom.train`.
        claim: the claimed accuracy, a fraction between 0 and 1.
        seeds: how many seeds, 0 and up; finished runs are used again, those that no budget cut
            before others.
        epochs: train for so many epochs at most, the learning rate's schedule squeezed into them.
        session: data, folder of runs, device, threads and listener; None for the defaults.

    Raises:
        UsageError: a claim outside 0 to 1, fewer than one seed, a budget that is none, or one
            for a recipe that is trained in one go.
        TrainingError: no seed could be trained.
    """
    if not 0 < claim < 1:
        raise UsageError(
            f"Expected a claim between 0 and 1, such as 0.8834 for 88.34%. Received {claim}."
        )
    chosen = recipe_of(recipe)
    cut = _cut(chosen, epochs)
    session = session or Session()
    trained, failures = train_seeds(chosen, seeds=seeds, fresh=False, session=session, cut=cut)
    correct = np.stack(
        [
            evaluate(run, purpose="verify", session=session).evaluation.predictions.correct
            for run in trained
        ]
    )
    scores = SeedScores.of(correct)
    accuracy = accuracy_interval(scores)
    return Verification(
        recipe=chosen.name,
        claim=claim,
        finding=_finding(claim, accuracy),
        accuracy=accuracy,
        per_seed=tuple(wilson(int(row.sum()), len(row)) for row in correct),
        runs=trained,
        failures=failures,
        data=session.dataset.name,
        epochs=chosen.epochs if isinstance(chosen, Recipe) else None,
        cut=tuple(run.seed for run in trained if _was_cut(run, chosen)),
    )


def _cut(recipe: BaseRecipe, epochs: int | None) -> BaseRecipe:
    """The recipe cut to a budget; itself where there is none, or none that is less than it has.

    Raises:
        UsageError: a budget that is none, or one for a recipe that is trained in one go.
    """
    if epochs is not None and (type(epochs) is not int or epochs < 1):
        raise UsageError(f"Expected a whole number of epochs from 1. Received {epochs}.")
    if epochs is None:
        return recipe
    if not isinstance(recipe, Recipe):
        raise UsageError(
            f"Expected no epochs for the recipe {recipe.name}, which is trained in one go and "
            f"cannot be cut. Received {epochs}. Leave it out."
        )
    return replace(recipe, epochs=min(epochs, recipe.epochs))


def _was_cut(run: Run, recipe: BaseRecipe) -> bool:
    """Whether a budget ended the run before the recipe would have."""
    if not isinstance(recipe, Recipe) or not isinstance(run.recipe, Recipe):
        return False
    ended = ending(run.history, run.recipe)
    if run.recipe.epochs == recipe.epochs:
        return False
    # Patience ends it where it would have without the budget, unless the learning rate's schedule
    # was squeezed: that makes another training from the first epoch on.
    return ended == "epochs" or recipe.schedule != "constant"


def _made_with(run: Run) -> str:
    """The versions that a run was trained with, of this package and of its engine's framework."""
    backend = run.environment["backend"]
    names = {"pytorch": "torch", "sklearn": "scikit-learn"}
    wanted = ["fittingroom", names.get(run.recipe.engine, run.recipe.engine)]
    found = run.environment["versions"]
    # TensorFlow goes by several names.
    wanted += [name for name in (backend, f"{backend}-cpu") if backend and name in found]
    return ", ".join(f"{name} {found[name]}" for name in wanted if name in found)


def _finding(claim: float, accuracy: Estimate) -> Finding:
    if claim < accuracy.low:
        return "exceeded"
    return "not reached" if claim > accuracy.high else "reproduced"
