"""Verify: does a recipe reach a claimed accuracy?"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from fittingroom.comparison import SeedScores, accuracy_interval
from fittingroom.errors import UsageError
from fittingroom.jobs.evaluate import evaluate
from fittingroom.jobs.seeds import train_seeds
from fittingroom.jobs.session import Session
from fittingroom.metrics import Estimate, wilson
from fittingroom.numbers import percent, percent_range, plain
from fittingroom.recipes import recipe_of
from fittingroom.runs import Run, describe_environment

Verdict = Literal["reproduced", "exceeded", "not reached"]

_MEANING = {
    "reproduced": "is reproduced: it lies in the interval",
    "exceeded": "is exceeded: the whole interval lies above it",
    "not reached": "is not reached: the whole interval lies below it",
}


@dataclass(frozen=True, eq=False)
class Verification:
    """A claimed accuracy compared with what was measured.

    Attributes:
        recipe: the recipe's name.
        claim: the claimed test accuracy, a fraction.
        accuracy: mean over seeds; the interval covers seeds and test images, or test images alone
            for a single seed.
        per_seed: each seed's accuracy; its interval covers test images alone.
        runs: the runs behind it, in the order of their seeds.
        failures: trainings that failed, in words.
        data: the data set's name.
    """

    recipe: str
    claim: float
    accuracy: Estimate
    per_seed: tuple[Estimate, ...]
    runs: tuple[Run, ...]
    failures: tuple[str, ...]
    data: str

    @property
    def verdict(self) -> Verdict:
        """``"reproduced"`` if the claim lies in the interval, ``"exceeded"`` if the whole interval
        lies above it, ``"not reached"`` if it lies below."""
        if self.claim < self.accuracy.low:
            return "exceeded"
        return "not reached" if self.claim > self.accuracy.high else "reproduced"

    @property
    def sentence(self) -> str:
        """The outcome in plain words."""
        count = len(self.runs)
        scope = (
            f"mean of {count} seeds, the interval covers seeds and test images"
            if count > 1
            else "trained once, the interval covers test images alone"
        )
        seconds = np.mean([run.summary.seconds for run in self.runs])
        sentences = [
            f"The claim of {percent(self.claim, 2)} for {self.recipe} {_MEANING[self.verdict]}.",
            f"Measured: {percent(self.accuracy.value, 2)} (95% interval "
            f"{percent_range(self.accuracy, 2)}; {scope}), at {seconds:.1f} s a training.",
        ]
        if self.failures:
            sentences.append(f"Failed: {'; '.join(self.failures)}.")
        official = all(run.environment["data"]["official"] for run in self.runs)
        files = "official files" if official else "not the official files"
        made = sorted({_made_with(run) for run in self.runs})
        sentences.append(f"Data: {self.data} ({files}). Trained with {'; '.join(made)}.")
        return " ".join(sentences)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        names = ("recipe", "claim", "verdict", "sentence", "accuracy", "data", "failures")
        return {
            **{name: plain(getattr(self, name)) for name in names},
            "seeds": [
                {
                    "seed": run.seed,
                    "accuracy": accuracy.as_dict(),
                    "validation_accuracy": run.summary.validation_accuracy,
                    "epochs": None if run.recipe.in_one_go else len(run.history),
                    "best_epoch": None if run.recipe.in_one_go else run.summary.best_epoch,
                    "seconds": run.summary.seconds,
                    "history": plain(run.history),
                    "environment": dict(run.environment),
                }
                for run, accuracy in zip(self.runs, self.per_seed, strict=True)
            ],
            "environment": describe_environment(),
        }


def verify(
    recipe: Any, claim: float, *, seeds: int = 1, session: Session | None = None
) -> Verification:
    """Train a recipe over seeds and say whether it reaches a claimed test accuracy.

    Args:
        recipe: as for :func:`fittingroom.train`.
        claim: the claimed accuracy, a fraction between 0 and 1.
        seeds: how many seeds, from 0 up; finished runs are used again.
        session: data, folder of runs, device, threads and listener; None for the defaults.

    Raises:
        UsageError: a claim outside 0 to 1, or fewer than one seed.
        TrainingError: no seed could be trained.
    """
    if not 0 < claim < 1:
        raise UsageError(
            f"The claim is {claim}. Give a fraction between 0 and 1, such as 0.8834 for 88.34%."
        )
    session = session or Session()
    chosen = recipe_of(recipe)
    runs, failures = train_seeds(chosen, seeds=seeds, fresh=False, session=session)
    evaluated = [evaluate(run, purpose="verify", session=session) for run in runs]
    correct = np.stack([each.evaluation.predictions.correct for each in evaluated])
    return Verification(
        recipe=chosen.name,
        claim=claim,
        accuracy=accuracy_interval(SeedScores.of(correct)),
        per_seed=tuple(wilson(int(row.sum()), len(row)) for row in correct),
        runs=runs,
        failures=failures,
        data=session.dataset.name,
    )


def _made_with(run: Run) -> str:
    """The versions that a run was trained with, of this package and of its engine's framework."""
    versions, backend = run.environment["versions"], run.environment["backend"]
    names = {"pytorch": "torch", "sklearn": "scikit-learn"}
    wanted = ["fittingroom", names.get(run.recipe.engine, run.recipe.engine)]
    wanted += [name for name in (backend, f"{backend}-cpu") if backend and name in versions]
    return ", ".join(f"{name} {versions[name]}" for name in wanted if name in versions)
