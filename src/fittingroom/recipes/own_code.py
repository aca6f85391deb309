"""An error inside a person's own code, reported by their lines of the traceback."""

import contextlib
import re
import sysconfig
import traceback
from collections.abc import Iterator
from pathlib import Path

from fittingroom.errors import FittingRoomError, OwnCodeError

_PACKAGE = Path(__file__).parents[1]
_LIBRARIES = tuple(Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "purelib"))
# Colours, which some frameworks put into their messages.
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@contextlib.contextmanager
def own_code(doing: str) -> Iterator[None]:
    """Report an error that is raised within as one of the person's own code.

    Errors of this project and Ctrl-C pass through unchanged.

    Args:
        doing: what was being done, such as ``"building the model of my_file.py:build"``.

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
            f"and run the same command again.\n{own_traceback(error)}"
        ) from error


def own_traceback(error: BaseException) -> str:
    """The traceback with the lines of the person's own files only.

    If there are none, as when a framework calls one layer after another, with all lines after the
    last one of this project.
    """
    told = traceback.TracebackException.from_exception(error)
    stack = [] if isinstance(error, SyntaxError) else list(told.stack)
    ours = [place for place, frame in enumerate(stack) if _is_inside(frame.filename, _PACKAGE)]
    theirs = [frame for frame in stack if not _is_inside(frame.filename, _PACKAGE, *_LIBRARIES)]
    after = stack[ours[-1] + 1 :] if ours else stack
    told.stack = traceback.StackSummary.from_list(theirs or after)
    return _COLOUR.sub("", "".join(told.format(chain=False))).rstrip()


def _is_inside(file: str, *folders: Path) -> bool:
    """Whether a file of code is in one of these folders, or frozen into Python."""
    if file.startswith("<"):  # such as a cell of a notebook
        return file.startswith("<frozen")
    return any(Path(file).resolve().is_relative_to(folder) for folder in folders)
