"""A model of a person's own, as a recipe holds it: its origin, text and how to build it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fittingroom.errors import RecipeError
from fittingroom.recipes.tracebacks import own_code


@dataclass(frozen=True)
class OwnModel:
    """An ``nn.Module``, Keras model or scikit-learn classifier of a person's own.

    Attributes:
        origin: where it comes from, in words: ``"my_file.py:build"``, or a class's name.
        source: the text by which it is known again: that of its code, and for an object what it
            prints and a hash of its numbers. Nothing in it depends on the folder it stands in.
        layers: those of the model that the code builds, and their shapes; a file or variable that
            it reads may decide on them.
        fixed: whether it starts from weights of its own, so that a seed does not draw them.
        build: gives a fresh model at each call; None for a recipe read from a run folder, whose
            code is stored and never executed.
    """

    origin: str
    source: str
    layers: str = ""
    fixed: bool = False
    build: Callable[[], Any] | None = field(default=None, compare=False, repr=False)

    def fresh(self) -> Any:
        """A new model.

        Raises:
            RecipeError: there is only the text of the code.
            OwnCodeError: the code raises an error.
        """
        if self.build is None:
            raise RecipeError(
                f"Expected the code of {self.origin}, to build its model. Received a recipe read "
                "from a run folder, from which no code is executed. The code's text stands there "
                "in recipe.json, as `source`: name the file, as `fittingroom train "
                "my_file.py:build`."
            )
        with own_code(f"building the model of {self.origin}"):
            return self.build()

    def to_json(self) -> dict[str, Any]:
        """All but the code itself, as plain JSON types."""
        return {
            "origin": self.origin,
            "source": self.source,
            "layers": self.layers,
            "fixed": self.fixed,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "OwnModel":
        """The inverse of :meth:`to_json`, without code.

        Raises:
            TypeError: missing, unknown or impossible values.
        """
        own = cls(**values)
        texts = (own.origin, own.source, own.layers)
        if not all(isinstance(text, str) for text in texts) or own.build is not None:
            raise TypeError(f"origin, source and layers are texts, not {texts}")
        return own
