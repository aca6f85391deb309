"""What both kinds of recipe share: name, key, JSON, and settings changed by name."""

import dataclasses
import hashlib
import json
import math
import re
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from fittingroom import networks
from fittingroom.data import SplitRule
from fittingroom.errors import RecipeError, UsageError, did_you_mean
from fittingroom.networks import check
from fittingroom.recipes.own import OwnModel

# Words about a recipe; they do not change the training.
_WORDS = ("name", "title", "claim")
# A setting that came after recipes had been measured; this value of it is not in their keys.
_LATER = ("hardest", 1.0)
# What names of settings of layers begin with.
LAYERS = "layers."
_TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, kw_only=True)
class BaseRecipe:
    """One way to train one model: every value that training uses.

    Attributes:
        name: its name on the command line and in folders' names.
        title: one line for reports.
        claim: accuracy, seconds, machine and seeds, as measured.
        engine: the framework that trains it.
        split: which images of the training file train, and which validate.
    """

    name: str
    title: str
    claim: str = ""
    engine: str
    split: SplitRule = field(default_factory=lambda: SplitRule("stratified", "1/12"))

    in_one_go: ClassVar[bool] = False  # whether training has no epochs
    trains: ClassVar[str]  # the field that holds the model

    def __post_init__(self) -> None:
        plain = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,49}", self.name) is not None
        check("name", self.name, plain, "at most 50 letters, digits, - and _")

    @property
    def operation(self) -> str:
        """The unit in which the model's operations for an image are counted, in the plural."""
        return "multiply-adds"

    @property
    def deterministic(self) -> bool:
        """Whether every seed trains the same model."""
        return False

    @property
    def own(self) -> OwnModel | None:
        """Your own model, if it trains one."""
        model = getattr(self, self.trains)
        return model if isinstance(model, OwnModel) else None

    def with_own(self, own: OwnModel) -> Self:
        """The recipe with another model of yours."""
        changed: dict[str, Any] = {self.trains: own}
        return dataclasses.replace(self, **changed)

    def for_classes(self, classes: int) -> Self:
        """The recipe for data of so many classes: a network's last layer gives as many logits."""
        return self

    @property
    def key(self) -> str:
        """SHA-256 of all that training uses; recipes with the same key train the same."""
        values = dict(
            setting
            for setting in self.to_json().items()
            if setting[0] not in _WORDS and setting != _LATER
        )
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """Every value as plain JSON types; :func:`recipe_from_json` is the inverse."""
        return {each.name: _plain(getattr(self, each.name)) for each in dataclasses.fields(self)}

    def with_settings(self, settings: Mapping[str, str]) -> Self:
        """The recipe with some values replaced, as by ``--set name=value``.

        Args:
            settings: names of fields (``augmentation.shift`` for a nested one, ``layers.0.filters``
                for one of a layer) and their new values as text.

        Raises:
            UsageError: there is no such field, or the value does not fit it.
        """
        recipe, known = self, settable_names(self)
        for name, text in settings.items():
            if name not in known:
                own = [each for each in known if not each.startswith(LAYERS)]
                layers = ", or with layers.0.NAME for a layer" * (len(own) < len(known))
                raise UsageError(
                    f"'{name}' can't be set. Use --set with one of {', '.join(own)}{layers}."
                    + did_you_mean(name, known)
                )
            path = name.replace(LAYERS, f"{recipe.trains}.") if name.startswith(LAYERS) else name
            try:
                recipe = _with(recipe, path.split("."), text)
            except (RecipeError, ValueError) as error:
                raise UsageError(f"--set {name}={text}: {error}") from error
        return recipe


def settable_names(recipe: BaseRecipe) -> tuple[str, ...]:
    """The names that :meth:`BaseRecipe.with_settings` takes."""
    own = isinstance(getattr(recipe, recipe.trains), OwnModel)
    return tuple(
        name
        for name, _ in _flat(recipe.to_json(), "")
        if name not in (*_WORDS, "engine", "model.kind") and not name.endswith(".layer")
        if not (own and name.startswith((LAYERS, "model.")))
    )


def differing_settings(recipes: Sequence[BaseRecipe]) -> list[str]:
    """For each recipe, its settings in which others of its name differ: ``"epochs=5"``."""
    flat = [dict(_flat(recipe.to_json(), "")) for recipe in recipes]
    words = []
    for values in flat:
        namesakes = [each for each in flat if each["name"] == values["name"]]
        other = [n for n in values if any(each.get(n) != values[n] for each in namesakes)]
        words.append(", ".join(f"{name}={values[name]}" for name in other if name not in _WORDS))
    return words


def _flat(values: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Values within values, by the names that ``--set`` takes."""
    if not isinstance(values, dict | list):
        yield name.replace("network.", LAYERS), values
        return
    for key, value in values.items() if isinstance(values, dict) else enumerate(values):
        yield from _flat(value, f"{name}.{key}" if name else str(key))


def _with(owner: Any, path: list[str], text: str) -> Any:
    """A copy of a recipe or a part of one, with another value at the end of a path of names."""
    first, *rest = path
    if isinstance(owner, tuple):
        place = int(first)
        return (*owner[:place], _with(owner[place], rest, text), *owner[place + 1 :])
    kind = typing.get_type_hints(type(owner))[first]
    value = _with(getattr(owner, first), rest, text) if rest else _parse(text, kind)
    return dataclasses.replace(owner, **{first: value})


def _plain(value: Any) -> Any:
    """A field's value as plain JSON types."""
    if isinstance(value, tuple):
        return networks.to_json(value)
    if isinstance(value, OwnModel):
        return value.to_json()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return value


def _parse(text: str, kind: Any) -> Any:
    """A text as a value of a field's type; a ValueError if it is none."""
    if kind is bool:
        if text.lower() not in _TRUTHS:
            raise ValueError(f"'{text}' is neither true nor false.")
        return _TRUTHS[text.lower()]
    if kind not in (int, float):
        return text
    words = "a whole number" if kind is int else "a finite number"
    try:
        value = kind(text)
    except ValueError as error:
        raise ValueError(f"'{text}' is not {words}.") from error
    if not math.isfinite(value):
        raise ValueError(f"'{text}' is not {words}.")
    return value
