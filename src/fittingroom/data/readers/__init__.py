"""The formats that data sets come in: one reader each, chosen by what is there.

To add a format, write a module with the three names that :class:`Reader` takes from it, and add a
line to ``READERS``.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fittingroom.classes import in_short
from fittingroom.data.content import Content, FileInvalidError
from fittingroom.data.readers import csv_files, idx, images, npz, parquet
from fittingroom.errors import DataNotFoundError
from fittingroom.photos.opening import SUFFIXES


@dataclass(frozen=True)
class Reader:
    """A format.

    Attributes:
        name: what it is called.
        needs: what has to be there, for messages.
        recognises: whether a file or folder seems to have this format, from names and first bytes.
        read: the content of a file or folder, every file checked; raises a DataError.
    """

    name: str
    needs: str
    recognises: Callable[[Path], bool]
    read: Callable[[Path], Content]


_LOOK_ELSEWHERE = "Check the path, leave out --data, or use --data sample."

# If a folder holds several formats, the first one is read.
READERS = (
    Reader("IDX files", idx.NEEDS, idx.recognises, idx.read),
    Reader("an NPZ file", npz.NEEDS, npz.recognises, npz.read),
    Reader("CSV files", csv_files.NEEDS, csv_files.recognises, csv_files.read),
    Reader("Parquet files", parquet.NEEDS, parquet.recognises, parquet.read),
    Reader("folders of images", images.NEEDS, images.recognises, images.read),
)


def reader_of(path: Path) -> Reader:
    """The reader for a file or folder.

    Raises:
        DataNotFoundError: there is nothing, or no reader recognises it; the message says what is
            there, and what each reader needs.
        DataInvalidError: it can't be read.
    """
    try:
        # Unlike Path.is_dir, this tells "not there" from "may not be looked at".
        if path.is_dir():
            next(path.iterdir(), None)
        else:
            path.stat()
    except FileNotFoundError:
        raise DataNotFoundError(
            f"There is no such file or folder: {path}. {_LOOK_ELSEWHERE}"
        ) from None
    except OSError as error:
        reason = f"can't be read: {error.strerror or error}"
        raise FileInvalidError(path, reason, _LOOK_ELSEWHERE) from error
    found = next((reader for reader in READERS if reader.recognises(path)), None)
    if found is None and path.is_file() and path.suffix.lower() in SUFFIXES:
        raise DataNotFoundError(
            f"{path} is a single image and no data set. Give a folder that holds a folder of "
            f"images for each class, or classify this one: `fittingroom predict {path}`."
        )
    if found is None:
        needs = "".join(f"\n  - {reader.name}: {reader.needs}" for reader in READERS)
        raise DataNotFoundError(
            f"{path} holds {_inside(path)}. That is no data set in any of these formats:{needs}"
        )
    return found


def passed_over(path: Path, chosen: Reader) -> list[str]:
    """What readers after the chosen one would read in a folder, a sentence for each format."""
    notes = []
    for reader in READERS[READERS.index(chosen) + 1 :] if path.is_dir() else ():
        with suppress(FileInvalidError):  # damaged files do no harm here
            files = sorted(path.iterdir()) if reader.recognises(path) else []
            if names := [each.name for each in files if reader.recognises(each)]:
                notes.append(
                    f"Passed over: {in_short(names, 3)} ({reader.name}). To read it, name it with "
                    "--data, or move it to a folder of its own."
                )
    return notes


def _inside(path: Path) -> str:
    """What is in a folder, in short."""
    if not path.is_dir():
        return "something else"
    names = sorted(f"{each.name}/" if each.is_dir() else each.name for each in path.iterdir())
    shown = ", ".join(names[:8]) or "nothing"
    return f"{shown} and {len(names) - 8:,} more" if len(names) > 8 else shown
