"""Classify: files, folders and globs → an answer or an error for each picture, as a stream."""

import contextlib
import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fittingroom.errors import PhotoError, UsageError
from fittingroom.photos import Photo, read_photo
from fittingroom.predict import Answer, Model

# What a folder is searched for; a file that is named is opened whatever its name says.
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
# Pictures held at a time; reading photos takes far longer than asking the model.
_BATCH = 32


@dataclass(frozen=True, eq=False)
class Classified:
    """What became of one picture: an answer, or why there is none.

    Attributes:
        file: its name, as it was given or found.
        photo: the picture as the model saw it, where it could be read.
        answer: what the model says, where it could be read.
        error: why it could not be read; empty where it could.
    """

    file: str
    photo: Photo | None
    answer: Answer | None
    error: str = ""


def find_pictures(sources: Sequence[str]) -> Iterator[str]:
    """The names of all pictures that files, folders and globs stand for, in order.

    Of a folder, only the names in it and in the folders that lead to it are held at a time.

    Args:
        sources: files; folders, searched with all folders below them for PNG, JPEG and WebP
            files; and patterns such as ``photos/*.jpg``, in which ``**`` is any folders.

    Raises:
        UsageError: a folder or a pattern without any picture.
    """
    for source in sources:
        names: Iterable[str]
        if Path(source).is_dir():
            names = _below(source)
        elif not Path(source).exists() and glob.has_magic(source):
            # Not Path.glob, which takes no absolute pattern.
            matches = glob.iglob(source, recursive=True)  # noqa: PTH207
            names = sorted(name for name in matches if Path(name).is_file())
        else:
            names = [source]
        found = False
        for name in names:
            found = True
            yield name
        if not found:
            raise UsageError(
                f"Expected pictures in {source}. Received none: no file there ends in "
                f"{', '.join(SUFFIXES)}. Name a file, a folder or a pattern."
            )


def classify(model: Model, pictures: Iterable[tuple[str, str | bytes]]) -> Iterator[Classified]:
    """What a model says of each picture, in their order; few are held at a time.

    Args:
        model: who is asked.
        pictures: for each its name, and its path or content.
    """
    batch: list[tuple[str, Photo | str]] = []
    for name, source in pictures:
        try:
            batch.append((name, read_photo(source)))
        except PhotoError as error:
            batch.append((name, str(error)))
        if len(batch) == _BATCH:
            yield from _answered(model, batch)
            batch = []
    yield from _answered(model, batch)


def _answered(model: Model, batch: list[tuple[str, Photo | str]]) -> Iterator[Classified]:
    images = [photo.image for _, photo in batch if isinstance(photo, Photo)]
    answers = iter(model.answers(np.stack(images)) if images else ())
    for name, photo in batch:
        if isinstance(photo, Photo):
            yield Classified(name, photo, next(answers))
        else:
            yield Classified(name, None, None, photo)


def _below(folder: str) -> Iterator[str]:
    """The pictures in a folder and in those below it, sorted by their whole names."""
    waiting = [_entries(folder)]
    while waiting:
        entry = next(waiting[-1], None)
        if entry is None:
            waiting.pop()
        elif entry.endswith("/"):
            waiting.append(_entries(entry[:-1]))
        else:
            yield entry


def _entries(folder: str) -> Iterator[str]:
    """The pictures in a folder, and the folders with a stroke at their end, sorted.

    With the stroke a folder stands where the names of what is in it do.
    """
    names = []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                # What a link leads to is not searched, as it may lead back here.
                names += [] if entry.is_symlink() else [f"{entry.name}/"]
            elif entry.name.lower().endswith(SUFFIXES) and not entry.name.startswith("."):
                names.append(entry.name)
    return (str(Path(folder, name)) + "/" * name.endswith("/") for name in sorted(names))
