"""What a report is made from."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from fittingroom.comparison import Comparison
from fittingroom.evaluation import Evaluation
from fittingroom.findings import Finding, Subject, find
from fittingroom.metrics import TemperatureEffect
from fittingroom.predictions import UInt8
from fittingroom.recipes import Keep
from fittingroom.runs import Epoch, Opening, Timing, openings_for


class Garments(Protocol):
    """Pictures uint8 ``(N, 28, 28)`` and their labels uint8 ``(N,)``."""

    @property
    def images(self) -> UInt8:
        """The pictures."""

    @property
    def labels(self) -> UInt8:
        """Their labels."""


@dataclass(frozen=True, eq=False)
class ModelReport:
    """What the report shows of one model.

    Attributes:
        name: short, as the comparison calls it ("ann"); the images are named after it.
        title: what it is ("Artificial neural network: dense layers").
        evaluation: of its (first seed's) run on the test half.
        history: of that run, one entry an epoch; empty for a model that was not trained here.
        best_epoch: the epoch whose weights were kept.
        keep: why it was that one; None for a model that is trained in one go, whose history has
            one entry, and no epochs.
        recipe: the recipe's name, under which the log has its openings; "" for a model that was
            not trained here.
        run: the run folder's name, or where else the predictions come from.
        seed: the run's.
        parameters: trained numbers.
        operations: for one picture.
        operation: what these are, in the plural.
        training_pictures: how many the model was trained on, if it is known.
        validation_accuracy: of the exported model.
        validation_pictures: how many chose the epoch; gives validation accuracy its interval.
        training_seconds: the whole training, validation included.
        model_bytes: size of the exported model.
        single: how long a picture takes when pictures come one at a time.
        batched: how long a picture takes when many come at once.
        temperature: what the temperature, which was fitted on validation, changes on the test half.

    What is None was not measured, and is left out.
    """

    name: str
    title: str
    evaluation: Evaluation
    history: tuple[Epoch, ...] = ()
    best_epoch: int = 0
    keep: Keep | None = "best accuracy"
    recipe: str = ""
    run: str = ""
    seed: int | None = None
    parameters: int | None = None
    operations: int | None = None
    operation: str = "multiply-adds"
    training_pictures: int | None = None
    validation_accuracy: float | None = None
    validation_pictures: int | None = None
    training_seconds: float | None = None
    model_bytes: int | None = None
    single: Timing | None = None
    batched: Timing | None = None
    temperature: TemperatureEffect | None = None


@dataclass(frozen=True, eq=False)
class Facts:
    """Where the numbers come from.

    Attributes:
        data: the data set's name.
        official: whether its files are those that Zalando published, by their hashes.
        embedded_sample: whether it is the small sample inside the package.
        openings: every opening of the test half that the folder of runs has logged.
        environment: versions, processor, threads, time, as the runs have recorded them.
        failures: trainings that broke down, in words: they are told, not hidden.
        runs: the names of all runs that the numbers rest on, every seed's.
    """

    data: str
    official: bool
    embedded_sample: bool = False
    openings: Sequence[Opening] = ()
    environment: Mapping[str, Any] = field(default_factory=dict)
    failures: Sequence[str] = ()
    runs: Sequence[str] = ()

    def openings_for(self, reports: Sequence[ModelReport]) -> tuple[Opening, ...]:
        """The openings of this test half that were for the recipes shown, in their order."""
        recipes = {report.recipe or report.name for report in reports}
        return openings_for(self.openings, self.data, recipes)

    def openings_unshown(self, reports: Sequence[ModelReport]) -> tuple[Opening, ...]:
        """Those that were for runs of these recipes on which no number here rests."""
        trained = {report.recipe for report in reports}
        of_these = openings_for(self.openings, self.data, trained)
        return tuple(each for each in of_these if each.run not in self.runs)


def findings(
    reports: Sequence[ModelReport], comparison: Comparison | None, facts: Facts
) -> tuple[Finding, ...]:
    """What deserves a second look in all that a report shows."""
    subjects = [
        Subject(
            name=report.name,
            evaluation=report.evaluation,
            history=report.history,
            in_one_go=report.keep is None,
            validation_accuracy=report.validation_accuracy,
            validation_pictures=report.validation_pictures,
            trained_here=bool(report.recipe),
        )
        for report in reports
    ]
    return find(
        subjects,
        comparison,
        failures=facts.failures,
        unshown=len(facts.openings_unshown(reports)),
    )


def stem(name: str) -> str:
    """A model's name as the beginning of a file's name, on any system."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "model"
