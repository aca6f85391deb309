"""Verify: does a recipe give a claimed accuracy?"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fittingroom.comparison import LEAST_SEEDS, MARGIN, SeedScores, accuracy_interval, check_margin
from fittingroom.comparison.claims import ClaimVerdict, judge_claim
from fittingroom.errors import UsageError
from fittingroom.jobs.evaluate import evaluate
from fittingroom.jobs.seeds import train_seeds
from fittingroom.jobs.session import Session
from fittingroom.numbers import Estimate, percent, percent_estimate, percent_range, plain
from fittingroom.recipes import recipe_of
from fittingroom.runs import Run, describe_environment, unplanned


@dataclass(frozen=True, eq=False)
class Verification:
    """A claimed accuracy compared with what was measured.

    The interval of `accuracy` covers test images, and seeds if there are several. The verdict
    does not rest on it, as claim and trainings share the test images.
    """

    recipe: str  # its name
    claim: float  # a fraction
    margin: float  # the difference that does not matter, a fraction
    accuracy: Estimate
    verdict: ClaimVerdict
    mean: Estimate | None  # over the seeds alone; None if they are too few
    one_training: Estimate | None  # the same value, with the interval of a new training
    per_seed: tuple[tuple[Run, Estimate], ...]
    failures: tuple[str, ...]  # trainings that failed, in words
    exploratory: tuple[str, ...]  # runs that a registered plan lacks

    @property
    def data(self) -> str:
        """The name of the data set."""
        return str(self.per_seed[0][0].environment["data"]["name"])

    @property
    def data_description(self) -> str | None:
        """What the data is, and what its numbers compare with, in sentences."""
        words: str | None = self.per_seed[0][0].environment["data"].get("description")
        return words

    @property
    def sentence(self) -> str:
        """The outcome in plain words."""
        failed = f" Failed: {'; '.join(self.failures)}." if self.failures else ""
        official = all(run.environment["data"]["official"] for run, _ in self.per_seed)
        return (
            f"The claim of {percent(self.claim, 2)} for {self.recipe} is {self.verdict}. "
            f"{self._reason()}{failed} Data: {self.data} "
            f"({'' if official else 'not the '}official files); the claim is taken to be about its "
            "test set."
        )

    def _reason(self) -> str:
        """What the verdict rests on."""
        mean, one, count = self.mean, self.one_training, len(self.per_seed)
        far = self.accuracy.value - self.claim
        gap = f"{100 * abs(far):.2f} points {'above' if far > 0 else 'below'} the claim"
        if mean is None or one is None:
            given = "One training gives" if count == 1 else f"The mean of {count} trainings is"
            return (
                f"{given} {percent_estimate(self.accuracy, 2)}, {gap}. It takes three trainings or "
                "more to tell how much of that is due to their seeds."
            )
        if count == 1:
            margin = f"the margin is {100 * self.margin:.2f}"
            return f"Every seed gives the same: {percent(mean.value, 2)}, {gap}; {margin}."
        within = f"within the margin of {100 * self.margin:.2f} points"
        single = f"a single training may give {percent_range(one, 2)} (95% prediction interval)"
        why = {
            "reproduced": f"The whole interval is {within}.",
            "compatible, not confirmed": f"Nothing more is shown: the mean may not be {within}, "
            f"and {single}.",
        }.get(self.verdict, f"That is more than seeds explain: {single}.")
        return (
            f"The mean of {count} trainings is {percent(mean.value, 2)} on the same test images "
            f"(95% interval over seeds {percent_range(mean, 2)}), {gap}. {why}"
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        names = "recipe claim margin verdict sentence accuracy mean one_training data "
        names += "data_description failures exploratory"
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
    recipe: Any,
    claim: float,
    *,
    seeds: int = 5,
    margin: float = MARGIN,
    session: Session | None = None,
) -> Verification:
    """Train a recipe over seeds and say whether it gives a claimed accuracy of the same test set.

    Args:
        recipe: as for :func:`fittingroom.train`.
        claim: the claimed accuracy, a fraction between 0 and 1.
        seeds: how many seeds, from 0 up; finished runs are used again.
        margin: the difference in accuracy that does not matter, a fraction.
        session: data, folder of runs, device, threads and listener; None for the defaults.

    Raises:
        UsageError: a claim outside 0 to 1, a margin outside its range, or fewer than one seed.
        TrainingError: no seed could be trained.
    """
    if not 0 < claim < 1:
        raise UsageError(
            f"The claim is {claim}. Give a fraction between 0 and 1, such as 0.8834 for 88.34%."
        )
    check_margin(margin)
    session = session or Session()
    chosen = recipe_of(recipe)
    ((runs, failures),) = train_seeds([(chosen, session.device)], seeds=seeds, session=session)
    evaluations = [evaluate(run, purpose="verify", session=session).evaluation for run in runs]
    scores = SeedScores.of(np.stack([each.predictions.correct for each in evaluations]))
    judged = judge_claim(
        claim, scores.per_seed.tolist(), margin, deterministic=chosen.deterministic
    )
    per_seed = tuple((run, each.accuracy) for run, each in zip(runs, evaluations, strict=True))
    accuracy = accuracy_interval(scores if len(runs) >= LEAST_SEEDS else scores.as_one())
    lacking = tuple(unplanned(run.folder for run in runs))
    return Verification(chosen.name, claim, margin, accuracy, *judged, per_seed, failures, lacking)
