"""Classify: files, folders and globs → an answer or an error for each picture, as a stream."""

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


@dataclass(frozen=True)
class Found:
    """A picture's name, or that of a folder that cannot be searched for pictures.

    Attributes:
        name: as it was given or found.
        error: why the folder cannot be searched; empty of a picture.
    """

    name: str
    error: str = ""


def find_pictures(sources: Sequence[str]) -> Iterator[Found]:
    """All pictures that files, folders and globs stand for, in order.

    Of a folder, only the names in it and in the folders that lead to it are held at a time.

    Args:
        sources: files; folders, searched with all folders below them for PNG, JPEG and WebP
            files; and patterns such as ``photos/*.jpg``, in which ``**`` is any folders. As in a
            shell, what a pattern cannot look into does not match it: name the folder to be told.

    Yields:
        A picture each, whether it can be read or not; and each folder that cannot be read, so that
        nothing is left out without a word.

    Raises:
        UsageError: a folder or a pattern without any picture.
    """
    for source in sources:
        those: Iterable[Found]
        # Not Path's own, which raise what the system says of a name that is too long.
        if os.path.isdir(source):  # noqa: PTH112
            those = _below(source)
        elif not os.path.lexists(source) and glob.has_magic(source):
            # Not Path.glob, which takes no absolute pattern.
            matches = glob.iglob(source, recursive=True)  # noqa: PTH207
            those = [Found(name) for name in sorted(matches) if not os.path.isdir(name)]  # noqa: PTH112
        else:
            those = [Found(source)]
        found = False
        for each in those:
            found = True
            yield each
        if not found:
            raise UsageError(
                f"Expected pictures in {source}. Received none: no file there ends in "
                f"{', '.join(SUFFIXES)}. Name a file, a folder or a pattern."
            )


def classify(
    model: Model, pictures: Iterable[tuple[str, str | bytes | PhotoError]]
) -> Iterator[Classified]:
    """What a model says of each picture, in their order; few are held at a time.

    Args:
        model: who is asked.
        pictures: for each its name, and its path or content, or why there is neither.
    """
    batch: list[tuple[str, Photo | str]] = []
    for name, source in pictures:
        try:
            if isinstance(source, PhotoError):
                raise source
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


def _below(folder: str) -> Iterator[Found]:
    """The pictures in a folder and in those below it, sorted by their whole names."""
    waiting = [_entries(folder)]
    while waiting:
        entry = next(waiting[-1], None)
        if entry is None:
            waiting.pop()
        elif isinstance(entry, str):
            waiting.append(_entries(entry))
        else:
            yield entry


def _entries(folder: str) -> Iterator[Found | str]:
    """The pictures in a folder, and as bare names the folders in it, sorted by what is in them."""
    pictures: list[str] = []
    folders: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir():
                    # What a link leads to is not searched, as it may lead back here.
                    folders += [] if entry.is_symlink() else [f"{entry.name}/"]
                elif entry.name.lower().endswith(SUFFIXES) and not entry.name.startswith("."):
                    pictures.append(entry.name)
    except OSError as error:
        yield Found(
            str(error.filename or folder),
            "Expected a folder that can be searched for pictures. Received: "
            f"{error.strerror or error}. Ask its owner for leave to read it, or leave it out.",
        )
        return
    # With a stroke at its end a folder stands where the names of what is in it do.
    for name in sorted(pictures + folders):
        path = str(Path(folder, name))
        yield path if name.endswith("/") else Found(path)
