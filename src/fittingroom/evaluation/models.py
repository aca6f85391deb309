"""One model and all that is known of it, from its evaluation to the page of a report."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from fittingroom.evaluation.results import Evaluation
from fittingroom.metrics import TemperatureEffect, temperature_effect
from fittingroom.numbers import Timing, plain
from fittingroom.recipes import Keep, Recipe
from fittingroom.runs import Epoch, Run


@dataclass(frozen=True, eq=False)
class ModelReport:
    """A model's scores on the test set of a data set, and the run that it comes from.

    Attributes:
        name: short, as tables and figures call it ("ann"); image files are named after it.
        data: name of the data set.
        evaluation: the scores.
        run: what was trained; None for predictions that somebody else made.
        single: time for an image on its own; None if it was not measured.
        batched: time for an image among 500.
        data_description: what the data is, and what its numbers compare with, in sentences.
        others: runs of the same recipe with other seeds, for the learning curves.
    """

    name: str
    data: str
    evaluation: Evaluation
    run: Run | None = None
    single: Timing | None = None
    batched: Timing | None = None
    data_description: str = ""
    others: tuple[Run, ...] = ()

    @property
    def title(self) -> str:
        """What the model is: ``"Artificial neural network: dense layers"``."""
        if self.run is not None:
            return self.run.recipe.title
        predictions = self.evaluation.predictions
        if predictions.log_probabilities is None:
            return "External predictions, without probabilities"
        if predictions.unlikely:
            return f"External predictions; {predictions.unlikely:,} are not the most likely class"
        return "External predictions"

    @property
    def recipe(self) -> str:
        """The name under which the log has its openings of the test set."""
        return self.name if self.run is None else self.run.recipe.name

    @property
    def history(self) -> tuple[Epoch, ...]:
        """One entry an epoch; one for a model without epochs, none for external predictions."""
        return () if self.run is None else self.run.history

    @property
    def keep(self) -> Keep | None:
        """Why the epoch was kept; None for a model without epochs and external predictions."""
        recipe = None if self.run is None else self.run.recipe
        return recipe.keep if isinstance(recipe, Recipe) else None

    @property
    def validation_images(self) -> int | None:
        """How many images validation accuracy was measured on."""
        return None if self.run is None else self.run.environment["data"]["validation"]

    @property
    def training_images(self) -> int | None:
        """How many images the model was trained on."""
        return None if self.run is None else self.run.environment["data"]["training"]

    @cached_property
    def temperature(self) -> TemperatureEffect | None:
        """What the temperature, fitted on validation, changes on the test set."""
        said = self.evaluation.predictions
        logs = said.log_probabilities
        if self.run is None or logs is None or not np.isfinite(logs).all():
            return None
        return temperature_effect(said.labels, logs, self.run.summary.temperature)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values, as ``evaluation.json`` holds them."""
        return {
            "data": self.data,
            "data_description": self.data_description,
            "seconds_per_image": plain({"single": self.single, "batched": self.batched}),
            **self.evaluation.as_dict(),
        }
