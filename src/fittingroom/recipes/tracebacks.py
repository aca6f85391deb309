"""An error inside a person's own code, told by the part of the traceback that is theirs."""

import contextlib
import re
import sysconfig
import traceback
from collections.abc import Iterator
from pathlib import Path

from fittingroom.errors import FittingRoomError, OwnCodeError

_PACKAGE = Path(__file__).parents[1]
_INSTALLED = ("site-packages", "dist-packages")
_LIBRARIES = tuple(
    Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib", "purelib")
)
# Colours, which some frameworks put into their messages.
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@contextlib.contextmanager
def own_code(doing: str) -> Iterator[None]:
    """Tell an error that is raised within as one of the person's own code.

    Errors of this project, Ctrl-C and other ways to stop pass through untouched.

    Args:
        doing: what was being done, such as ``"building the model of my_file.py:build"``.

    Raises:
        OwnCodeError: anything else was raised, or the code left by ``sys.exit``.
    """
    try:
        yield
    except FittingRoomError:
        raise
    except (Exception, SystemExit) as error:
        raise OwnCodeError(
            f"Expected {doing} to go without an error. Received one from your own code; correct "
            f"it where the last lines say, and run the same again.\n{own_traceback(error)}"
        ) from error


def own_traceback(error: BaseException) -> str:
    """The traceback as a person who wrote the code wants it: their own lines alone.

    Where none of the lines is theirs (a framework's layers are called one after the other, say),
    those that follow this project's own are kept.
    """
    told = traceback.TracebackException.from_exception(error)
    if isinstance(error, SyntaxError):
        told.stack = traceback.StackSummary()  # the error itself says where it stands
    seen: set[int] = set()

    def shorten(each: traceback.TracebackException | None) -> None:
        if each is None or id(each) in seen:
            return
        seen.add(id(each))
        each.stack = traceback.StackSummary.from_list(_shortened(each.stack))
        shorten(each.__cause__)
        shorten(each.__context__)

    shorten(told)
    return _COLOUR.sub("", "".join(told.format())).rstrip()


def is_theirs(file: str) -> bool:
    """Whether code is a person's own: in no file of this project, of a package or of Python.

    Files that are none, such as a notebook's cells, are theirs.
    """
    if file.startswith("<"):
        return not file.startswith("<frozen")
    path = Path(file).resolve()
    if path.is_relative_to(_PACKAGE) or any(part in path.parts for part in _INSTALLED):
        return False
    return not any(path.is_relative_to(library) for library in _LIBRARIES)


def _shortened(stack: traceback.StackSummary) -> list[traceback.FrameSummary]:
    theirs = [frame for frame in stack if is_theirs(frame.filename)]
    if theirs:
        return theirs
    ours = [
        number
        for number, frame in enumerate(stack)
        if Path(frame.filename).resolve().is_relative_to(_PACKAGE)
    ]
    return list(stack)[ours[-1] + 1 :] if ours else list(stack)
