"""Where the numbers of a report come from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fittingroom.evaluation import ModelReport
from fittingroom.runs import Opening


@dataclass(frozen=True, eq=False)
class Facts:
    """The data, the environment, and what was trained and looked at on the way.

    Attributes:
        data: the data set's name.
        official: whether its files are those that Zalando published, by their hashes.
        embedded_sample: whether it is the small sample inside the package.
        openings: every opening of the test set that the folder of runs has logged.
        environment: versions, processor, threads, time, as the runs have recorded them.
        failures: trainings that failed, in words: they are shown, not hidden.
        runs: the names of all runs behind the numbers, every seed's.
    """

    data: str
    official: bool
    embedded_sample: bool = False
    openings: Sequence[Opening] = ()
    environment: Mapping[str, Any] = field(default_factory=dict)
    failures: Sequence[str] = ()
    runs: Sequence[str] = ()

    @property
    def origin(self) -> str:
        """Which files the numbers come from, in short."""
        if self.embedded_sample:
            return "the sample inside the package"
        return "official files, by their hashes" if self.official else "not the official files"

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
