"""Your own model, as a recipe holds it, and errors that its code raises."""

import contextlib
import os
import re
import sysconfig
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fittingroom.errors import FittingRoomError, OwnCodeError, RecipeError

_PACKAGE = f"{Path(__file__).parents[1]}{os.sep}"
_LIBRARIES = (f"{sysconfig.get_path(name)}{os.sep}" for name in ("stdlib", "purelib"))
_OTHERS = (_PACKAGE, *_LIBRARIES, "<frozen")
# Colours, which some frameworks put into their messages.
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class OwnModel:
    """Your own ``nn.Module``, Keras model or scikit-learn classifier.

    Attributes:
        origin: where it comes from: ``"my_file.py:build"``, or a class's name.
        sha256: of the file, or of the source of the function or class. It does not depend on the
            folder.
        layers: the layers of the model that the code builds and their shapes, or its settings; for
            a model that was passed itself, also a hash of its weights.
        fixed: whether it starts from weights of its own, so that no seed draws them.
        build: gives a new model at each call; None for a recipe read from a run folder, which
            holds no code.
    """

    origin: str
    sha256: str
    layers: str = ""
    fixed: bool = False
    build: Callable[[], Any] | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        texts = (self.origin, self.sha256, self.layers)
        if not all(isinstance(text, str) for text in texts) or isinstance(self.build, str):
            raise TypeError(f"origin, sha256 and layers are texts, not {texts}")

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
        return {name: value for name, value in vars(self).items() if name != "build"}


@contextlib.contextmanager
def own_code(doing: str) -> Iterator[None]:
    """Report an error that is raised within as one of your own code, with what was being done.

    Errors of this project and Ctrl-C pass through unchanged.

    Raises:
        OwnCodeError: anything else was raised, ``SystemExit`` included.
    """
    try:
        yield
    except FittingRoomError:
        raise
    except (Exception, SystemExit) as error:
        raise OwnCodeError(
            f"Your own code raised an error while {doing}. Correct it where the last lines say, "
            f"and run the same command again.\n{_own_traceback(error)}"
        ) from error


def _own_traceback(error: BaseException) -> str:
    """The traceback with the lines of your own files only.

    If there are none, as when a framework calls one layer after another, with all lines after the
    last one of this project.
    """
    told = traceback.TracebackException.from_exception(error)
    stack = [] if isinstance(error, SyntaxError) else list(told.stack)
    theirs = [frame for frame in stack if not frame.filename.startswith(_OTHERS)]
    ours = [place for place, frame in enumerate(stack) if frame.filename.startswith(_PACKAGE)]
    told.stack = traceback.StackSummary.from_list(theirs or stack[max(ours, default=-1) + 1 :])
    lines = [line for line in told.format(chain=False) if not line.startswith("Traceback (")]
    return _COLOUR.sub("", "".join(lines)).rstrip()
