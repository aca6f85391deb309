"""What every kind of recipe shares: name and title, its key, and settings changed by name."""

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

# Words about a recipe; they do not change the training.
_WORDS = ("name", "title", "claim")


class BaseRecipe(abc.ABC):
    """One way to train one model: a frozen dataclass of every value that training uses.

    Attributes:
        name: its name on the command line.
        title: one line for reports.
        claim: accuracy, seconds, machine and seeds, as measured, with the benchmark's name.
        engine: the framework that trains it.
        split: which images of the training file train, and which validate.
        in_one_go: whether training has no epochs.
    """

    name: str
    title: str
    claim: str
    engine: str
    split: SplitRule
    in_one_go: ClassVar[bool] = False

    @property
    def operation(self) -> str:
        """The unit in which the model's operations for an image are counted, in the plural."""
        return "multiply-adds"

    @property
    @abc.abstractmethod
    def own(self) -> OwnModel | None:
        """The person's own model that it trains, if it trains one."""

    @abc.abstractmethod
    def with_own(self, own: OwnModel) -> Self:
        """The recipe with another model of a person's own."""

    @abc.abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Every value as plain JSON types."""

    @abc.abstractmethod
    def for_classes(self, classes: int) -> Self:
        """The recipe for data of so many classes."""

    def check_name(self) -> None:
        """Check the name, which becomes part of folders' names.

        Raises:
            RecipeError: it has other characters than letters, digits, - and _.
        """
        plain = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,49}", self.name) is not None
        check("name", self.name, plain, "at most 50 letters, digits, - and _")

    @property
    def key(self) -> str:
        """SHA-256 of all that training uses; recipes with the same key train the same."""
        values = {name: value for name, value in self.to_json().items() if name not in _WORDS}
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()

    def with_settings(self, settings: Mapping[str, str]) -> Self:
        """The recipe with some values replaced, as by ``--set name=value``.

        Args:
            settings: names of fields (``augmentation.shift`` for a nested one) and their new
                values as text.

        Raises:
            UsageError: there is no such field, or the value does not fit it.
        """
        recipe = self
        known = settable_names(self)
        for name, text in settings.items():
            if name not in known:
                raise UsageError(
                    f"'{name}' can't be set. Use --set with one of {', '.join(known)}."
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
        raise UsageError(f"--set {name}={text}: '{text}' is neither true nor false.")
    try:
        value = hint(text)
    except ValueError as error:
        kind = "a whole number" if hint is int else "a number"
        raise UsageError(f"--set {name}={text}: '{text}' is not {kind}.") from error
    if isinstance(value, float) and not math.isfinite(value):
        raise UsageError(f"--set {name}={text}: '{text}' is not a finite number.")
    return value


def check(name: str, value: object, holds: bool, expected: str) -> None:
    """Check one value of a recipe.

    Raises:
        RecipeError: the condition does not hold.
    """
    if not holds:
        raise RecipeError(f"`{name}` is {value!r}, but must be {expected}.")
