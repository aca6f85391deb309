"""A person's own model, as a recipe holds it: its origin, what it is known by, how to build it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fittingroom.errors import RecipeError
from fittingroom.recipes.own_code import own_code


@dataclass(frozen=True)
class OwnModel:
    """A person's own ``nn.Module``, Keras model or scikit-learn classifier.

    Attributes:
        origin: where it comes from: ``"my_file.py:build"``, or a class's name.
        sha256: of the file, or of the source of the function or class; for an object, of its
            class's source, its layers and its weights. It does not depend on the folder.
        layers: the layers of the model that the code builds and their shapes, or its settings.
        fixed: whether it starts from weights of its own, so that no seed draws them.
        build: gives a new model at each call; None for a recipe read from a run folder, which
            holds no code.
    """

    origin: str
    sha256: str
    layers: str = ""
    fixed: bool = False
    build: Callable[[], Any] | None = field(default=None, compare=False, repr=False)

    def fresh(self) -> Any:
        """A new model.

        Raises:
            RecipeError: the recipe was read from a run folder, without code.
            OwnCodeError: the code raises an error.
        """
        if self.build is None:
            raise RecipeError(
                f"The model of {self.origin} can't be built from a run folder, which holds no "
                "code. Name the file: `fittingroom train my_file.py:build`."
            )
        with own_code(f"building the model of {self.origin}"):
            return self.build()

    def to_json(self) -> dict[str, Any]:
        """Everything except the code, as plain JSON types."""
        names = ("origin", "sha256", "layers", "fixed")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "OwnModel":
        """The inverse of :meth:`to_json`, without code.

        Raises:
            TypeError: missing, unknown or impossible values.
        """
        own = cls(**values)
        texts = (own.origin, own.sha256, own.layers)
        if not all(isinstance(text, str) for text in texts) or own.build is not None:
            raise TypeError(f"origin, sha256 and layers are texts, not {texts}")
        return own
