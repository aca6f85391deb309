"""What every kind of recipe shares: its words, its key, and settings changed by name."""

import abc
import dataclasses
import hashlib
import json
import math
import re
import types
import typing
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from fittingroom.data import SplitRule
from fittingroom.errors import RecipeError, UsageError, did_you_mean
from fittingroom.recipes.own import OwnModel

# Words about a recipe, which change nothing that training does.
_WORDS = ("name", "title", "claim")
# What was added to recipes later counts only where it is not this, which is what there was before:
# runs, audits and searches of then are still those of the same recipe.
_LATER = {"shifts": False}


class BaseRecipe(abc.ABC):
    """One way to train one model: a frozen dataclass of every value that training uses.

    Attributes:
        name: what the command line calls it.
        title: one line for reports.
        claim: accuracy, seconds, machine and seeds, as measured, with the benchmark's name.
        engine: the framework that trains it.
        split: which pictures of the training file train, and which validate.
        in_one_go: whether it is trained in one go, so that there are no epochs.
    """

    name: str
    title: str
    claim: str
    engine: str
    split: SplitRule
    in_one_go: ClassVar[bool] = False

    @property
    def operation(self) -> str:
        """What is counted as the model's operations for a picture, in the plural."""
        return "multiply-adds"

    @property
    @abc.abstractmethod
    def own(self) -> OwnModel | None:
        """The model of a person's own that it trains, where it is one."""

    @abc.abstractmethod
    def with_own(self, own: OwnModel) -> Self:
        """The recipe with that model in place of its own."""

    @abc.abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Every value as plain JSON types."""

    @abc.abstractmethod
    def for_classes(self, classes: int) -> Self:
        """The recipe for data of so many classes."""

    def check_name(self) -> None:
        """Check the name, which becomes part of folders' names.

        Raises:
            RecipeError: it is not of letters, digits, - and _.
        """
        plain = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,49}", self.name) is not None
        check("name", self.name, plain, "of letters, digits, - and _, at most 50")

    @property
    def key(self) -> str:
        """SHA-256 of all that training uses; equal for recipes that train the same."""
        values = {
            name: value
            for name, value in self.to_json().items()
            if name not in _WORDS and (name, value) not in _LATER.items()
        }
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()

    def with_settings(self, settings: Mapping[str, str]) -> Self:
        """The recipe with some values replaced, as ``--set name=value`` asks.

        Args:
            settings: names of fields (``augmentation.shift`` for a nested one) and their new
                values as text.

        Raises:
            UsageError: no such field, or a value that it cannot take.
        """
        recipe = self
        known = settable_names(self)
        for name, text in settings.items():
            if name not in known:
                raise UsageError(
                    f"Expected --set with one of {', '.join(known)}. Received '{name}'."
                    + did_you_mean(name, known)
                )
            try:
                recipe = _replace(recipe, name.split("."), text, name)
            except RecipeError as error:
                raise UsageError(f"--set {name}={text}: {error}") from error
        return recipe


def settable_names(recipe: BaseRecipe) -> tuple[str, ...]:
    """The names that :meth:`BaseRecipe.with_settings` takes."""
    names = []
    for part in dataclasses.fields(typing.cast(Any, recipe)):
        value = getattr(recipe, part.name)
        if isinstance(value, OwnModel):
            continue
        if dataclasses.is_dataclass(value):
            names += [f"{part.name}.{inner.name}" for inner in dataclasses.fields(value)]
        elif part.name not in (*_WORDS, "engine", "network"):
            names.append(part.name)
    return tuple(names)


def _replace(owner: Any, path: list[str], text: str, name: str) -> Any:
    """``owner`` with the field at ``path`` read from ``text``."""
    first, *rest = path
    if rest:
        return dataclasses.replace(
            owner, **{first: _replace(getattr(owner, first), rest, text, name)}
        )
    hint = typing.get_type_hints(type(owner))[first]
    return dataclasses.replace(owner, **{first: _parse(name, text, hint)})


def _parse(name: str, text: str, hint: Any) -> Any:
    """``text`` as a value of the field's type."""
    if isinstance(hint, types.GenericAlias) or typing.get_origin(hint) is Literal or hint is str:
        return text
    if hint is bool:
        words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
        if text.lower() in words:
            return words[text.lower()]
        raise UsageError(f"--set {name}: expected true or false. Received '{text}'.")
    try:
        value = hint(text)
    except ValueError as error:
        kind = "a whole number" if hint is int else "a number"
        raise UsageError(f"--set {name}: expected {kind}. Received '{text}'.") from error
    if isinstance(value, float) and not math.isfinite(value):
        raise UsageError(f"--set {name}: expected a finite number. Received '{text}'.")
    return value


def check(name: str, value: object, holds: bool, expected: str) -> None:
    """Check one value of a recipe.

    Raises:
        RecipeError: the condition does not hold.
    """
    if not holds:
        raise RecipeError(f"Expected `{name}` {expected}. Received {value!r}.")
