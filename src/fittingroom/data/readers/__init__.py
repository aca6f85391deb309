"""The formats that data sets come in: one reader each, chosen by what is there.

To add a format, write a module with three names, and add a line to ``READERS``: ``NEEDS``, what has
to be there, for messages; ``recognises(path)``, whether a file or folder seems to have this format,
from names and first bytes; and ``read(path)``, its :class:`~fittingroom.data.content.Content`, with
every file checked.
"""

from contextlib import suppress
from pathlib import Path
from types import ModuleType

from fittingroom.classes import in_short
from fittingroom.data.content import FileInvalidError
from fittingroom.data.readers import csv_files, idx, images, npz, parquet
from fittingroom.errors import DataNotFoundError
from fittingroom.photos.opening import SUFFIXES

_LOOK_ELSEWHERE = "Check the path, leave out --data, or use --data sample."

# If a folder holds several formats, the first one is read.
READERS: dict[str, ModuleType] = {
    "IDX files": idx,
    "an NPZ file": npz,
    "CSV files": csv_files,
    "Parquet files": parquet,
    "folders of images": images,
}


def reader_of(path: Path) -> str:
    """The name of the format that a file or folder has.

    If no reader recognises it, the error says what is there, and what each reader needs.
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
    found = next((name for name, reader in READERS.items() if reader.recognises(path)), None)
    if found is None and path.is_file() and path.suffix.lower() in SUFFIXES:
        raise DataNotFoundError(
            f"{path} is a single image and no data set. Give a folder that holds a folder of "
            f"images for each class, or classify this one: `fittingroom predict {path}`."
        )
    if found is None:
        needs = "".join(f"\n  - {name}: {reader.NEEDS}" for name, reader in READERS.items())
        raise DataNotFoundError(
            f"{path} holds {_inside(path)}. That is no data set in any of these formats:{needs}"
        )
    return found


def passed_over(path: Path, chosen: str) -> list[str]:
    """What other readers would read in a folder, a sentence for each format."""
    notes = []
    others = {name: reader for name, reader in READERS.items() if name != chosen}
    for name, reader in others.items() if path.is_dir() else ():
        with suppress(FileInvalidError):  # damaged files do no harm here
            files = sorted(path.iterdir()) if reader.recognises(path) else []
            if names := [each.name for each in files if reader.recognises(each)]:
                notes.append(
                    f"Passed over: {in_short(names, 3)} ({name}). To read it, name it with "
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
