"""What a search varies in a recipe, and within which bounds.

Bounds lie around the recipe's own values, which are always inside: the recipe itself is the first
trial. ``docs/how-to/tune.md`` has the table.
"""

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Literal

import optuna

from fittingroom.errors import FittingRoomError, UsageError, did_you_mean
from fittingroom.networks import Dropout
from fittingroom.recipes import (
    BaseRecipe,
    BoostedForest,
    ClassicalRecipe,
    LogisticRegression,
    Recipe,
)

Value = float | int | bool


@dataclass(frozen=True)
class Setting:
    """One thing that a search varies, named as in ``--set`` and ``--vary``.

    ``"dropout"`` is the largest rate among the network's layers; the others keep their proportion
    to it. Both bounds are included. A switch has 0 and 1. If there are choices, nothing else is
    tried.
    """

    name: str
    kind: Literal["number", "whole number", "switch"]
    low: float
    high: float
    logarithmic: bool = False
    choices: tuple[float, ...] = ()

    def suggested(self, trial: optuna.Trial) -> Value:
        """The value that a trial of a search is to have."""
        if self.kind == "switch":
            return bool(trial.suggest_categorical(self.name, [False, True]))
        if self.choices:
            return trial.suggest_categorical(self.name, self.choices)
        if self.kind == "whole number":
            low, high = int(self.low), int(self.high)
            return trial.suggest_int(self.name, low, high, log=self.logarithmic)
        return trial.suggest_float(self.name, self.low, self.high, log=self.logarithmic)


def search_space(
    recipe: BaseRecipe, *, images: int, vary: Sequence[str] = ()
) -> tuple[Setting, ...]:
    """What a search varies in a recipe.

    Args:
        recipe, images: where the search begins, and the size of its training set.
        vary: the names of the settings to vary, each with a range if it is to have another one:
            ``learning_rate=0.001:0.1:log``; all if there are none.

    Raises:
        UsageError: an unknown name, a wrong range, or a recipe in which nothing can vary.
    """
    if isinstance(recipe, Recipe):
        settings = tuple(_of_network(recipe, images))
    elif isinstance(recipe, ClassicalRecipe):
        settings = tuple(_of_classical(recipe))
    else:
        settings = ()
    # Bounds that are equal leave no choice.
    settings = tuple(each for each in settings if each.high > each.low)
    if not settings:
        raise UsageError(
            f"{recipe.name} has no settings that a search can vary. Tune a custom scikit-learn "
            "classifier with scikit-learn's own search."
        )
    known = [each.name for each in settings]
    ranges = {name: equals + given for name, equals, given in (e.partition("=") for e in vary)}
    for name in ranges:
        if name not in known:
            raise UsageError(
                f"--vary '{name}' is unknown. Use one of {', '.join(known)}."
                + did_you_mean(name, known)
            )
    return tuple(
        _within(recipe, each, ranges[each.name]) if ranges.get(each.name) else each
        for each in settings
        if not vary or each.name in ranges
    )


def settings_of(recipe: BaseRecipe, space: Sequence[Setting]) -> dict[str, Value]:
    """The recipe's own values of what a search varies."""
    return {
        name: _largest_rate(recipe) if name == "dropout" else attrgetter(name)(recipe)
        for name in (setting.name for setting in space)
    }


def with_values(recipe: BaseRecipe, values: Mapping[str, Value]) -> BaseRecipe:
    """The recipe with other values of what a search varies."""
    changed = recipe.with_settings(
        {name: str(value) for name, value in values.items() if name != "dropout"}
    )
    if "dropout" in values and isinstance(changed, Recipe):
        factor = values["dropout"] / _largest_rate(changed)
        network = tuple(
            Dropout(layer.rate * factor) if isinstance(layer, Dropout) else layer
            for layer in changed.layers
        )
        changed = dataclasses.replace(changed, network=network)
    return changed


def _within(recipe: BaseRecipe, setting: Setting, given: str) -> Setting:
    """The setting with a range or choices of yours, to which the recipe's own value is added.

    ``given`` is ``"=0.001:0.1"``, ``"=0.001:0.1:log"`` or ``"=128,256"``.
    """
    number = int if setting.kind == "whole number" else float
    listed, logarithmic = "," in given, given.endswith(":log")
    reason: object = ""
    try:
        text = given.removeprefix("=")
        parts = text.split(",") if listed else text.removesuffix(":log").split(":")
        values = {number(part) for part in parts}
        for value in values:
            with_values(recipe, {setting.name: value})
        values.add(settings_of(recipe, [setting])[setting.name])
        fits = (listed or len(parts) == 2) and (min(values) > 0 or not logarithmic)
    except ValueError:  # no number
        fits = False
    except FittingRoomError as error:  # no value for this recipe
        fits, reason = False, f" {error.__cause__ or error}"
    if not fits or setting.kind == "switch":
        raise UsageError(
            f"--vary {setting.name}{given} is no range for {recipe.name}.{reason} Write "
            "learning_rate=0.001:0.1, learning_rate=0.001:0.1:log for factors, where all values "
            "are above 0, or batch_size=128,256. A switch takes no range."
        )
    choices = tuple(sorted(values)) if listed else ()
    return Setting(setting.name, setting.kind, min(values), max(values), logarithmic, choices)


def _of_network(recipe: Recipe, images: int) -> Iterator[Setting]:
    """Settings of a network; the Keras engine has fewer of them."""
    everything = recipe.engine == "pytorch"
    yield _around("learning_rate", recipe.learning_rate, 5)
    if recipe.optimizer == "muon":
        yield _around("other_learning_rate", recipe.other_learning_rate, 5)
    largest = max(recipe.batch_size, min(4 * recipe.batch_size, images // 4))
    smallest = min(recipe.batch_size, max(16, recipe.batch_size // 4))
    yield Setting("batch_size", "whole number", smallest, largest, logarithmic=True)
    yield Setting("epochs", "whole number", math.ceil(recipe.epochs / 2), recipe.epochs)
    if recipe.schedule == "one-cycle":
        yield _between("warmup", recipe.warmup, 0.0, 0.5)
    yield _between("momentum", recipe.momentum, 0.8, 0.98)
    if recipe.optimizer != "adam":
        decay = recipe.weight_decay
        yield _between("weight_decay", decay, 0.0, max(0.1, 4 * decay))
    if everything:
        yield _between("label_smoothing", recipe.label_smoothing, 0.0, 0.2)
    varied = recipe.augmentation
    yield Setting("augmentation.flip", "switch", 0, 1)
    yield _between("augmentation.rotation", varied.rotation, 0.0, 0.1)
    if everything:
        yield _whole("augmentation.shift", varied.shift, 0, 2)
        # Without shifts, their probability would change nothing.
        if varied.shift:
            yield Setting("augmentation.shift_probability", "number", 0.0, 1.0)
        yield _whole("augmentation.erase", varied.erase, 0, 8)
        if varied.erase:
            yield Setting("augmentation.erase_probability", "number", 0.0, 1.0)
    if rate := _largest_rate(recipe):
        yield _between("dropout", rate, 0.0, 0.5)


def _of_classical(recipe: ClassicalRecipe) -> Iterator[Setting]:
    match recipe.model:
        case LogisticRegression(strength=strength):
            yield _around("model.strength", strength, 30)
        case BoostedForest() as forest:
            yield _around("model.learning_rate", forest.learning_rate, 4)
            rounds = forest.rounds
            yield Setting("model.rounds", "whole number", math.ceil(rounds / 2), rounds)
            fewest = min(forest.leaves, max(4, forest.leaves // 4))
            yield Setting("model.leaves", "whole number", fewest, 4 * forest.leaves, True)
            most = min(1.0, 5 * forest.pixels)
            yield Setting("model.pixels", "number", forest.pixels / 5, most, logarithmic=True)
            if forest.penalty:
                yield _around("model.penalty", forest.penalty, 10)


def _around(name: str, own: float, factor: float) -> Setting:
    return Setting(name, "number", own / factor, own * factor, logarithmic=True)


def _between(name: str, own: float, low: float, high: float) -> Setting:
    return Setting(name, "number", min(low, own), max(high, own))


def _whole(name: str, own: int, low: int, high: int) -> Setting:
    return Setting(name, "whole number", min(low, own), max(high, own))


def _largest_rate(recipe: BaseRecipe) -> float:
    """The largest rate of dropout in a described network; 0 where there is none."""
    layers = recipe.layers if isinstance(recipe, Recipe) and recipe.own is None else ()
    return max((layer.rate for layer in layers if isinstance(layer, Dropout)), default=0.0)
