"""Classify photos: files, folders and patterns in, an answer or an error for each image out."""

import glob
import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from fittingroom.errors import PhotoError, UsageError
from fittingroom.photos import open_photo
from fittingroom.photos.opening import CONVERT_HEIC, SUFFIXES
from fittingroom.predict import Answer, Brought, Model, answer
from fittingroom.predictions import Float32

# Images held at a time, as the model takes them; reading photos takes far longer than running it.
_BATCH = 32


@dataclass(frozen=True)
class PredictOptions:
    """What an answer contains, on this machine and on a cluster."""

    top: int = 3  # how many of the most likely classes to name
    explain: bool = False  # whether to show which regions of the image mattered


@dataclass(frozen=True, eq=False)
class Classified:
    """The result for one image: an answer, or why there is none."""

    file: str  # its name, as it was given or found
    answer: Answer | None  # if it can be read
    error: str = ""  # why it can't be read
    explanation: Float32 | None = None  # (rows, columns), larger where the image mattered more

    def to_json(self, options: PredictOptions) -> dict[str, Any]:
        """The result as JSON values; the names are a contract (docs/how-to/scripts.md)."""
        if self.answer is None:
            return {"file": self.file, "error": self.error}
        values = {"file": self.file, **self.answer.to_json(options.top)}
        if self.explanation is not None:
            rows = self.explanation.tolist()
            values["explanation"] = [[round(each, 4) for each in row] for row in rows]
        return values


def find_images(sources: Sequence[str], say: Callable[[str], None]) -> Iterator[str]:
    """The names of all images that files, folders and patterns stand for, in order.

    Only the names in one folder are held at a time. Images are named whether they can be read or
    not; if there is none at all, that is an error.

    Args:
        sources: files; folders, searched with all folders below them, linked ones too, for names
            that end in one of ``SUFFIXES``; and patterns such as ``photos/*.jpg``, in which ``**``
            is any folders.
        say: is told which sources are empty, and how many other files there are, by kind.
    """
    nothing, others = True, Counter[str]()
    for source in sources:
        names: Iterable[str] = [source]
        # Not Path's own methods, which raise an error if a name is too long.
        if os.path.isdir(source):  # noqa: PTH112
            names = _below(source, others)
        elif not os.path.lexists(source) and glob.has_magic(source):
            # Not Path.glob, which takes no absolute pattern.
            matches = sorted(glob.iglob(source, recursive=True))  # noqa: PTH207
            names = (name for name in matches if not os.path.isdir(name))  # noqa: PTH112
        found = False
        for name in names:
            found, nothing = True, False
            yield name
        if not found:
            say(f"There are no images in {source}.")
    if others:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in others.most_common())
        advice = f" {CONVERT_HEIC}" if others.keys() & {".heic", ".heif"} else ""
        say(f"Left out of the folders, by kind: {kinds}.{advice}")
    if nothing:
        raise UsageError(
            "There are no images. Name a file, a folder or a pattern of files that end in "
            f"{', '.join(SUFFIXES)}."
        )


def classify(
    model: Model,
    images: Iterable[tuple[str, str | bytes]],
    options: PredictOptions | None = None,
) -> Iterator[Classified]:
    """Classify images, each a name and its path or content; only a few are held in memory."""
    options = options or PredictOptions()
    remaining = iter(images)
    while batch := list(itertools.islice(remaining, _BATCH)):
        brought = [_read(source, model) for _, source in batch]
        answers = iter(answer([each for each in brought if not isinstance(each, str)]))
        for (name, _), each in zip(batch, brought, strict=True):
            if isinstance(each, str):
                yield Classified(name, None, each)
            else:
                heat = model.explain(each) if options.explain else None
                yield Classified(name, next(answers), explanation=heat)


def _read(source: str | bytes, model: Model) -> Brought | str:
    """A photo as the model takes it, or why it can't be read."""
    try:
        return model.bring(open_photo(source))
    except PhotoError as error:
        return str(error)


def _below(folder: str, others: Counter[str]) -> Iterator[str]:
    """The images in a folder and in those below it, folder by folder, each sorted by name.

    Each folder is searched once, though links may lead back. Other files are counted by kind.
    """
    searched = set()
    for path, folders, names in os.walk(folder, onerror=_not_searched, followlinks=True):
        folders.sort()
        real = os.path.realpath(path)
        if real in searched:
            folders.clear()
            continue
        searched.add(real)
        for name in sorted(names):
            kind = Path(name).suffix.lower()
            if name.startswith("."):
                continue
            if kind in SUFFIXES:
                yield str(Path(path, name))
            elif kind:
                others[kind] += 1


def _not_searched(error: OSError) -> NoReturn:
    raise UsageError(
        f"{error.filename} can't be searched for images: {error.strerror or error}. Ask its owner "
        "for the right to read it, or leave it out."
    ) from error
