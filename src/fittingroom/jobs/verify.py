"""Verify: is a claimed accuracy what a recipe reaches?"""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from fittingroom.comparison import SeedScores, accuracy_interval
from fittingroom.data import Dataset, find_dataset
from fittingroom.errors import UsageError
from fittingroom.jobs.evaluate import evaluate
from fittingroom.jobs.progress import Progress, Silence
from fittingroom.jobs.seeds import train_seeds
from fittingroom.metrics import Estimate
from fittingroom.recipes import Recipe, recipe_of
from fittingroom.runs import Run, describe_environment

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
        per_seed: each seed's accuracy.
        runs: the runs that it rests on, in the order of their seeds.
        failures: trainings that broke down, in words.
        data: the data set's name.
        cut: the epochs that the work was cut to, or None for the recipe as it is.
    """

    recipe: str
    claim: float
    finding: Finding
    accuracy: Estimate
    per_seed: tuple[float, ...]
    runs: tuple[Run, ...]
    failures: tuple[str, ...]
    data: str
    cut: int | None

    @property
    def seconds_per_epoch(self) -> float:
        """Training time of an epoch, mean over all epochs of all seeds."""
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
        sentence = (
            f"The claim of {self.claim:.2%} for {self.recipe} {words[self.finding]}. Measured: "
            f"{self.accuracy.value:.2%} (95% interval {self.accuracy.low:.2%} to "
            f"{self.accuracy.high:.2%}; {scope}), at {self.seconds_per_epoch:.1f} s an epoch."
        )
        if self.cut is not None:
            sentence += (
                f" The work was cut to {self.cut} epochs, so this says what the recipe reaches in "
                "those, and nothing final on the claim."
            )
        if self.failures:
            sentence += f" Broken down: {'; '.join(self.failures)}."
        return sentence

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
            "cut_to_epochs": self.cut,
            "seconds_per_epoch": self.seconds_per_epoch,
            "seeds": [
                {
                    "seed": run.seed,
                    "accuracy": accuracy,
                    "validation_accuracy": run.summary.validation_accuracy,
                    "best_epoch": run.summary.best_epoch,
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
    data: Dataset | Path | str | None = None,
    runs: Path | str = "runs",
    device: str | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Train a recipe over seeds and say whether a claimed test accuracy is what it reaches.

    Args:
        recipe: as for :func:`fittingroom.train`.
        claim: the claimed accuracy, a fraction between 0 and 1.
        seeds: how many seeds, 0 and up; finished runs are used again.
        epochs: cut each training to so many epochs; the outcome then says so.
        data: as for :func:`fittingroom.train`.
        runs: the folder of runs.
        device: as for :func:`fittingroom.train`.
        threads: as for :func:`fittingroom.train`.
        progress: who listens.

    Raises:
        UsageError: a claim outside 0 to 1, or fewer than one seed.
        TrainingError: no seed could be trained.
    """
    if not 0 < claim < 1:
        raise UsageError(
            f"Expected a claim between 0 and 1, such as 0.8834 for 88.34%. Received {claim}."
        )
    chosen = recipe_of(recipe)
    cut = None
    if isinstance(chosen, Recipe) and epochs is not None and epochs < chosen.epochs:
        cut, chosen = epochs, replace(chosen, epochs=epochs)
    dataset = data if isinstance(data, Dataset) else find_dataset(data)
    trained, failures = train_seeds(
        chosen,
        dataset,
        seeds=seeds,
        runs=Path(runs),
        fresh=False,
        device=device,
        threads=threads,
        progress=progress or Silence(),
    )
    correct = np.stack(
        [
            evaluate(
                run, data=dataset, purpose="verify", progress=progress
            ).evaluation.predictions.correct
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
        per_seed=tuple(scores.per_seed.tolist()),
        runs=trained,
        failures=failures,
        data=dataset.name,
        cut=cut,
    )


def _finding(claim: float, accuracy: Estimate) -> Finding:
    if claim < accuracy.low:
        return "exceeded"
    return "not reached" if claim > accuracy.high else "reproduced"
