"""Everything that can go wrong for a person, as one tree of exceptions.

::

    FittingRoomError            exit code 1
    ├── UsageError              exit code 2: an argument or option is wrong
    ├── MissingExtraError       a package of an optional extra is not installed
    ├── DataError
    │   ├── DataNotFoundError   no data in any of the places looked at
    │   └── DataInvalidError    a file is not what it should be
    ├── RecipeError             no such recipe, or a setting that it cannot take
    ├── TrainingError           training broke down (a loss that is not a number, say)
    ├── OwnCodeError            an error inside a person's own code, with its traceback
    ├── RunError
    │   ├── RunUnfinishedError  a run folder without its manifest
    │   ├── RunChangedError     a file of a run is not the one that training wrote
    │   └── RunBusyError        another process trains the same run in the same folder
    ├── SearchError             a study that cannot be read, or is that of another search
    ├── ExportError             an exported model disagrees with the one it came from
    ├── ClusterError            a Ray cluster that is not there, or does not see what it must
    ├── PredictionsError        predictions that do not fit the labels or each other
    ├── PhotoError              an image that cannot be read, or has no garment in it
    │   ├── PhotoKindError      no PNG, JPEG or WebP by its content
    │   └── PhotoSizeError      more pixels or bytes than are allowed
    └── ServiceError            the service cannot listen where it was told to

    BaseException
    └── TrainingStopped         somebody asked a training to stop: no error

Each message says what was expected, what came, and what to do next.
"""

import difflib
from collections.abc import Iterable


class FittingRoomError(Exception):
    """Base of all errors that a person can meet; its message is meant for them."""

    exit_code = 1


class UsageError(FittingRoomError):
    """An argument or option is wrong."""

    exit_code = 2


class MissingExtraError(FittingRoomError):
    """A package that belongs to an optional extra is not installed."""


class DataError(FittingRoomError):
    """Something is wrong with the data."""


class DataNotFoundError(DataError):
    """No data in any of the places looked at."""


class DataInvalidError(DataError):
    """A data file is not what it should be."""


class RecipeError(FittingRoomError):
    """No such recipe, or a setting that it cannot take."""


class TrainingError(FittingRoomError):
    """Training broke down."""


class OwnCodeError(FittingRoomError):
    """An error inside a person's own code; the message ends with their part of the traceback."""


class RunError(FittingRoomError):
    """A run folder cannot be read or written."""


class RunUnfinishedError(RunError):
    """A run folder without its manifest: training did not end."""


class RunChangedError(RunError):
    """A file of a run is not the one that training wrote."""


class RunBusyError(RunError):
    """Another process trains the same recipe, seed and data in the same folder of runs."""


class TrainingStopped(BaseException):
    """A training that a signal stopped; the message says how to go on.

    Attributes:
        signal: its number.
    """

    def __init__(self, signal: int, message: str) -> None:
        super().__init__(message)
        self.signal = signal


class SearchError(FittingRoomError):
    """The study of a search cannot be read or written, is in use, or is that of another search."""


class ExportError(FittingRoomError):
    """An exported model cannot be made, or disagrees with the one it came from."""


class ClusterError(FittingRoomError):
    """A Ray cluster that cannot be reached, or a machine of it that misses a folder or package."""


class PredictionsError(FittingRoomError):
    """Predictions that do not fit the labels or each other."""


class PhotoError(FittingRoomError):
    """An image that cannot be read or is over a limit, or that has no garment in it."""


class PhotoKindError(PhotoError):
    """A file that is no PNG, JPEG or WebP by its content."""


class PhotoSizeError(PhotoError):
    """An image of more pixels, or a file of more bytes, than are allowed."""


class ServiceError(FittingRoomError):
    """The service cannot listen where it was told to."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint ``" Did you mean 'cnn'?"`` where ``word`` resembles one of ``known``, else ``""``."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f" Did you mean '{close[0]}'?" if close else ""


def missing_extra(error: ModuleNotFoundError, extra: str) -> MissingExtraError:
    """The error for a package that is not installed, with the extra that brings it."""
    return MissingExtraError(
        f"Expected the package '{error.name}'. Received none: it is not installed. "
        f"Install it with `pip install 'fittingroom[{extra}]'`."
    )
