"""Where the numbers of a report come from, and what is said of it around the figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fittingroom.comparison import Comparison
from fittingroom.evaluation import ModelReport
from fittingroom.numbers import listed, percent, percent_range
from fittingroom.runs import Opening

# What the report states of a run's environment, before the versions of packages.
ENVIRONMENT = ("time", "processor", "device", "threads", "python", "platform", "revision")


@dataclass(frozen=True, eq=False)
class Facts:
    """The data, the environment, and what was trained and looked at on the way."""

    data: str  # the data set's name
    official: bool  # whether it is Fashion-MNIST as Zalando published it, by its hashes
    description: str  # what the data is, and why it may not be what was meant, in sentences
    notes: Sequence[str] = ()  # what it was read from, and what was done to it, a sentence each
    openings: Sequence[Opening] = ()  # of the test set, all that the folder of runs has logged
    environment: Mapping[str, Any] = field(default_factory=dict)  # as the runs have recorded it
    failures: Sequence[str] = ()  # trainings that failed, in words: they are shown, not hidden
    plan: str = ""  # that was registered, and where the comparison departs from it, in sentences
    runs: Sequence[str] = ()  # the names of all runs behind the numbers, every seed's

    @property
    def embedded_sample(self) -> bool:
        """Whether it is the small sample inside the package."""
        return self.data == "sample"

    @property
    def origin(self) -> str:
        """Which files the numbers come from, in short."""
        if self.embedded_sample:
            return "the sample inside the package"
        return "official, by its hashes" if self.official else "not the official Fashion-MNIST"

    @property
    def notices(self) -> list[str]:
        """What a reader must know before the first number."""
        return [] if self.official else [self.description]

    def openings_for(self, models: Sequence[ModelReport]) -> tuple[Opening, ...]:
        """The openings of this test set for the recipes shown, in their order."""
        recipes = {model.recipe for model in models}
        return tuple(
            each for each in self.openings if each.data == self.data and each.recipe in recipes
        )

    def openings_unshown(self, models: Sequence[ModelReport]) -> tuple[Opening, ...]:
        """Those that were for runs of these recipes that are not in the report."""
        of_these = self.openings_for([model for model in models if model.run is not None])
        return tuple(each for each in of_these if each.run not in self.runs)

    def openings_sentence(self, models: Sequence[ModelReport]) -> str:
        """How often the test set was opened for what is shown, as far as the log knows."""
        counted = self.openings_for(models)
        names = dict.fromkeys(each.recipe for each in counted)
        times = [f"{sum(each.recipe == name for each in counted)} for {name}" for name in names]
        often = "once" if len(counted) == 1 else f"{len(counted)} times"
        return (
            f"This test set was opened {often} for the recipes shown"
            f"{f' ({listed(times)})' if times else ''}, as far as this folder of runs has logged."
        )


def outcome(models: Sequence[ModelReport], comparison: Comparison | None, facts: Facts) -> str:
    """The verdict in words that the page opens with."""
    if comparison is not None:
        return comparison.sentence
    (model,) = models
    accuracy = model.evaluation.accuracy
    return (
        f"{model.name} reaches {percent(accuracy.value, 2)} accuracy on the "
        f"{len(model.evaluation.predictions):,} test images of {facts.data} (95% interval "
        f"{percent_range(accuracy, 2)})."
    )
