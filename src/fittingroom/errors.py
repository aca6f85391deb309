"""Everything that can go wrong for you, as one tree of exceptions.

::

    FittingRoomError            exit code 1
    ├── UsageError              exit code 2: an argument or option is wrong
    ├── MissingExtraError       a package of an optional extra is not installed
    ├── DataError
    │   ├── DataNotFoundError   no data in any of the places looked at
    │   └── DataInvalidError    a file is not what it should be
    ├── RecipeError             no such recipe, or a setting that it cannot take
    ├── TrainingError           training failed: the loss is not a number, for instance
    ├── OwnCodeError            an error inside your own code, with its traceback
    ├── RunError
    │   ├── RunUnfinishedError  a run folder without its manifest
    │   ├── RunChangedError     a file of a run is not the one that training wrote
    │   └── RunBusyError        another process is training the same run in the same folder
    ├── SearchError             a study cannot be read, or belongs to another search
    ├── ExportError             a model cannot be exported or loaded
    ├── ClusterError            a Ray cluster is not there, or misses a folder or package
    ├── PredictionsError        predictions do not fit the labels or each other
    └── PhotoError              a photo cannot be read, or has no garment in it
        ├── PhotoKindError      the file is not an image of a kind that is read
        ├── PhotoEmptyError     the image has one colour all over
        └── PhotoSizeError      more pixels or bytes than are allowed

    BaseException
    └── TrainingStopped         a signal stopped a training: no error

Each message says what went wrong and what to do next.
"""

import difflib
from collections.abc import Iterable


class FittingRoomError(Exception):
    """Base of all errors that you can meet; the message is meant for you."""

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
    """Training failed."""


class OwnCodeError(FittingRoomError):
    """An error inside your own code; the message ends with your part of the traceback."""


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
    """The study of a search cannot be used, or belongs to another search."""


class ExportError(FittingRoomError):
    """A model cannot be exported or loaded, or differs from the one that it was made of."""


class ClusterError(FittingRoomError):
    """A Ray cluster cannot be reached, or one of its machines misses a folder or package."""


class PredictionsError(FittingRoomError):
    """Predictions do not fit the labels or each other."""


class PhotoError(FittingRoomError):
    """A photo cannot be read, is too large, or has no garment in it."""


class PhotoKindError(PhotoError):
    """A file is not an image of a kind that is read, whatever its name says."""


class PhotoEmptyError(PhotoError):
    """A photo has one colour all over, so no object is found on it."""


class PhotoSizeError(PhotoError):
    """A photo has more pixels, or its file more bytes, than are allowed."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``" Did you mean 'cnn'?"`` if ``word`` resembles one of ``known``, else ``""``."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f" Did you mean '{close[0]}'?" if close else ""


def missing_extra(error: ModuleNotFoundError, extra: str) -> MissingExtraError:
    """The error for a package that is not installed, with the extra that brings it."""
    return MissingExtraError(
        f"The package '{error.name}' is not installed. "
        f"Install it with `pip install 'fittingroom[{extra}]'`."
    )
