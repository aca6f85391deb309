"""Verify: does a recipe reach a claimed accuracy?"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from fittingroom.comparison import SeedScores, accuracy_interval
from fittingroom.errors import UsageError
from fittingroom.jobs.evaluate import evaluate
from fittingroom.jobs.seeds import train_seeds
from fittingroom.jobs.session import Session
from fittingroom.numbers import Estimate, percent, percent_range, plain
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

    The interval of `accuracy`, a mean over seeds, covers seeds and test images. That of a single
    seed covers test images alone.
    """

    recipe: str  # its name
    claim: float  # a fraction
    accuracy: Estimate
    per_seed: tuple[tuple[Run, Estimate], ...]
    failures: tuple[str, ...]  # trainings that failed, in words

    @property
    def data(self) -> str:
        """The name of the data set."""
        name: str = self.per_seed[0][0].environment["data"]["name"]
        return name

    @property
    def data_description(self) -> str | None:
        """What the data is, and what its numbers compare with, in sentences."""
        words: str | None = self.per_seed[0][0].environment["data"].get("description")
        return words

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
        runs = [run for run, _ in self.per_seed]
        count = len(runs)
        scope = (
            f"mean of {count} seeds, the interval covers seeds and test images"
            if count > 1
            else "trained once, the interval covers test images alone"
        )
        seconds = np.mean([run.summary.seconds for run in runs])
        sentences = [
            f"The claim of {percent(self.claim, 2)} for {self.recipe} {_MEANING[self.verdict]}.",
            f"Measured: {percent(self.accuracy.value, 2)} (95% interval "
            f"{percent_range(self.accuracy, 2)}; {scope}), at {seconds:.1f} s a training.",
        ]
        if self.failures:
            sentences.append(f"Failed: {'; '.join(self.failures)}.")
        official = all(run.environment["data"]["official"] for run in runs)
        files = "official files" if official else "not the official files"
        sentences.append(f"Data: {self.data} ({files}).")
        return " ".join(sentences)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        names = "recipe claim verdict sentence accuracy data data_description failures"
        return {
            **{name: plain(getattr(self, name)) for name in names.split()},
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
                for run, accuracy in self.per_seed
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
    ((runs, failures),) = train_seeds([(chosen, session.device)], seeds=seeds, session=session)
    evaluations = [evaluate(run, purpose="verify", session=session).evaluation for run in runs]
    correct = np.stack([each.predictions.correct for each in evaluations])
    per_seed = tuple((run, each.accuracy) for run, each in zip(runs, evaluations, strict=True))
    accuracy = accuracy_interval(SeedScores.of(correct))
    return Verification(chosen.name, claim, accuracy, per_seed, failures)
