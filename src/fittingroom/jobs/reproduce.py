"""Reproduce: train a run again, and say whether the same came out, or why not."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from fittingroom.data import Dataset
from fittingroom.errors import (
    DataInvalidError,
    RecipeError,
    RunChangedError,
    RunError,
    TrainingStopped,
    UsageError,
)
from fittingroom.jobs.agreement import Answers, Weights, compare_answers, compare_weights
from fittingroom.jobs.evaluate import dataset_of
from fittingroom.jobs.session import Session
from fittingroom.jobs.train import train
from fittingroom.recipes import BaseRecipe, recipe_of
from fittingroom.runs import Difference, Run, differences, open_run

Finding = Literal["identical", "explained", "unexplained"]


@dataclass(frozen=True, eq=False)
class Reproduction:
    """A run held against the same training done again.

    Attributes:
        run: the run that was there.
        weights: how far its weights are from the new ones; None where the run holds none as
            arrays, as with a scikit-learn classifier of one's own.
        history: the first epoch that differs in more than its seconds, counted from 1; None
            where the history is the same.
        epochs: how many the run took, and how many the new training.
        answers: how far the probabilities on the validation half are from the new ones, of the
            exported models.
        differences: what differs between the two in what results depend on.
        environment: the new training's, as ``environment.json`` holds it.
    """

    run: Run
    weights: Weights | None
    history: int | None
    epochs: tuple[int, int]
    answers: Answers
    differences: tuple[Difference, ...]
    environment: Mapping[str, Any]

    @property
    def finding(self) -> Finding:
        """``"identical"``; or else ``"explained"`` where something that results depend on differs
        too, and ``"unexplained"`` where nothing does."""
        same = self.answers.identical and self.history is None
        if same and (self.weights is None or self.weights.identical):
            return "identical"
        return "explained" if self.differences else "unexplained"

    @property
    def sentence(self) -> str:
        """The outcome in one plain paragraph."""
        if self.finding == "identical":
            what = "history but for its seconds, and the same validation predictions"
            what = what if self.weights is None else f"weights, the same {what}"
            # What may have been the same both times was, to judge by what came out.
            differing = [each.sentence for each in self.differences if each.then != each.now]
            although = f" That although these differ: {'; '.join(differing)}." if differing else ""
            return (
                f"{self.run.name} is reproduced: trained again, it gave the same {what}, byte for "
                f"byte.{although}"
            )
        sentence = (
            f"{self.run.name} is not reproduced byte for byte. Trained again, "
            f"{self._weights_words}{self._answers_words}{self._history_words}."
        )
        if self.differences:
            differing = [each.sentence for each in self.differences]
            return f"{sentence} What differs, and can explain it: {'; '.join(differing)}."
        return (
            f"{sentence} Nothing that environment.json records explains it: code, versions, "
            "processor, threads and device are the same. Reproduce it once more: if that differs "
            "again, something in this training is held by no seed, such as code of one's own."
        )

    @property
    def _weights_words(self) -> str:
        if self.weights is None:
            return ""
        if self.weights.identical:
            return "the weights are the same, "
        if self.weights.difference is None:
            return "the weights have other names or shapes, or are no numbers, "
        return f"weights differ by at most {self.weights.difference:.2g}, "

    @property
    def _answers_words(self) -> str:
        answers = self.answers
        pictures = f"{answers.pictures:,} validation pictures"
        if answers.identical:
            return f"the probabilities of all {pictures} are the same"
        return (
            f"probabilities by at most {answers.difference:.2g}, and {answers.same:,} of "
            f"{pictures} get the same class"
        )

    @property
    def _history_words(self) -> str:
        if self.history is None:
            return ", and the history is the same"
        then, now = self.epochs
        words = "" if then == now else f", after {now} epochs instead of {then}"
        return f"; the history differs from epoch {self.history} on{words}"

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        weights, answers = self.weights, self.answers
        return {
            "run": str(self.run.folder),
            "recipe": self.run.recipe.name,
            "seed": self.run.seed,
            "data": self.run.environment["data"]["name"],
            "finding": self.finding,
            "sentence": self.sentence,
            "weights": weights
            and {"identical": weights.identical, "largest_difference": weights.difference},
            "history": {
                "identical": self.history is None,
                "first_difference": self.history,
                "epochs": list(self.epochs),
            },
            "predictions": {
                "identical": answers.identical,
                "largest_difference": answers.difference,
                "same_class": answers.same,
                "pictures": answers.pictures,
            },
            "differences": [
                {"what": each.what, "then": each.then, "now": each.now} for each in self.differences
            ],
            "environment": dict(self.environment),
        }


def reproduce(
    run: Run | Path | str,
    *,
    model: Any = None,
    session: Session | None = None,
) -> Reproduction:
    """Train a run's recipe and seed again, and hold what comes out against the run.

    The new training is done in a temporary folder, of which nothing is kept. The test half stays
    shut.

    Args:
        run: a finished run, or its folder.
        model: the code of a model of one's own, as for :func:`fittingroom.train`, where the run
            trained one: a run folder holds its text, which is never executed.
        session: data (the data that the run was trained on; None for wherever it is), device and
            threads (None for those of the run), and listener.

    Raises:
        RunError: the run cannot be read.
        DataError: its data is nowhere, or other data was given.
        UsageError: no such device or threads here, or a model where none is wanted, or none
            where one is.
        RecipeError: the code of one's own is not the one that was trained.
        TrainingError: training broke down.
        TrainingStopped: Ctrl-C or SIGTERM came, and the epoch was finished.
    """
    if not isinstance(run, Run):
        run = open_run(Path(run))
    session = session or Session()
    recipe = _recipe(run, model)
    dataset = _dataset(run, session)
    place, count = run.environment.get("device"), run.environment.get("threads")
    if not isinstance(place, str) or type(count) is not int:
        raise RunChangedError(
            f"Expected the device and threads of {run.name} in its environment.json. "
            "Received something else. Take the folder back as it was written, or train again."
        )
    with tempfile.TemporaryDirectory(prefix="fittingroom-") as folder:
        try:
            again = train(
                recipe,
                seed=run.seed,
                session=Session(
                    data=dataset,
                    runs=folder,
                    device=session.device or place,
                    threads=session.threads or count,
                    progress=session.progress,
                ),
            )
        except TrainingStopped as stopped:
            # Its own words name a folder that is gone, from which nothing goes on.
            raise TrainingStopped(
                stopped.signal,
                f"Stopped. {run.name} is as it was, and nothing of the new training is kept: the "
                "same command begins it again.",
            ) from None
        except RunError as error:
            raise RunError(
                f"{error} To train again, there has to be room in the folder for temporary files; "
                "TMPDIR names another."
            ) from error
        return compare_runs(run, again)


def compare_runs(run: Run, again: Run) -> Reproduction:
    """Hold two runs of the same recipe, seed and data against each other.

    Raises:
        RunChangedError: the files of one are not those that training writes.
    """
    # A line holds the seconds too, which no training repeats.
    lines = [[replace(each, seconds=0.0) for each in one.history] for one in (run, again)]
    longest = max(map(len, lines))
    differing = (n for n in range(longest) if lines[0][n : n + 1] != lines[1][n : n + 1])
    first = next(differing, None)
    return Reproduction(
        run=run,
        weights=compare_weights(run, again),
        history=None if first is None else first + 1,
        epochs=(len(run.history), len(again.history)),
        answers=compare_answers(run.validation, again.validation),
        differences=differences(run.environment, again.environment, run.recipe.engine),
        environment=again.environment,
    )


def _recipe(run: Run, model: Any) -> BaseRecipe:
    """The run's recipe, with code where it trained a model of a person's own."""
    own = run.recipe.own
    if own is None:
        if model is not None:
            raise UsageError(
                f"Expected no model for {run.name}, whose recipe says everything. Received one. "
                "Leave out --model."
            )
        return run.recipe
    if model is None:
        raise UsageError(
            f"Expected --model with the code of {own.origin}, which {run.name} trained. Received "
            "none, and code that stands in a run folder is not executed. Name it as it was: "
            f"`fittingroom reproduce {run.folder} --model my_file.py:build`."
        )
    given = recipe_of(model).own
    if given is None:
        raise UsageError(
            f"Expected a model of one's own for {run.name}. Received the recipe '{model}'."
        )
    recipe = run.recipe.with_own(replace(given, origin=own.origin))
    if recipe.key != run.recipe.key:
        raise RecipeError(
            f"{given.origin} isn't the code that {run.name} trained: its hash or its layers differ "
            f"from those of {own.origin}. Restore the code, or train it as a new run."
        )
    return recipe


def _dataset(run: Run, session: Session) -> Dataset:
    """The data that the run was trained on.

    Raises:
        DataError: it is nowhere, or other data was given.
    """
    if session.data is None:
        return dataset_of(run)
    dataset = session.dataset
    recorded = run.environment["data"]
    if dataset.training_hashes != recorded["hashes"] or dataset.classes != run.classes:
        raise DataInvalidError(
            f"Expected the data that {run.name} was trained on, {recorded['name']}. Received "
            f"{dataset.name}, whose training files or class names are others. Name the folder of "
            "the data as it was, or leave out --data."
        )
    return dataset
