"""Four files that were found and checked: their training half, and the door to the test half."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from fittingroom.data import idx
from fittingroom.data.official import FILE_NAMES, TEST, TRAINING, HalfFiles, Payload
from fittingroom.data.split import Half, Split, SplitRule, make_split
from fittingroom.errors import DataNotFoundError
from fittingroom.safe_io import is_inside

_LOOK_ELSEWHERE = "Check the path, leave out --data, or use --data sample."


@dataclass(frozen=True, eq=False)
class Dataset:
    """Four files, checked when they were found and again each time that they are loaded.

    Attributes:
        name: "fashion-mnist", "sample", or "unknown-" and 8 digits of a hash of its four files
            and its class names.
        folder: where the files are.
        classes: the class names in the order of their labels.
        official: whether these are the four files that Zalando published, byte for byte;
            neither the sample nor unknown data is.
        payloads: file name → what the file held when it was found. For known data these are
            the pinned values.
        splits: those that are in memory already, by their rules; :meth:`split` hands them out and
            opens no file. Their arrays may be read-only.
    """

    name: str
    folder: Path
    classes: tuple[str, ...]
    official: bool
    payloads: Mapping[str, Payload]
    splits: Mapping[SplitRule, Split] = field(default_factory=dict, repr=False)

    @property
    def training_hashes(self) -> dict[str, str]:
        """File name → SHA-256 of its decompressed content, for the two training files."""
        return {name: self.payloads[name].sha256 for name in TRAINING}

    @property
    def test_hashes(self) -> dict[str, str]:
        """File name → SHA-256 of its decompressed content, for the two test files."""
        return {name: self.payloads[name].sha256 for name in TEST}

    @property
    def key(self) -> str:
        """What a run of this data set is known by: the training files' hashes and class names.

        Whatever else differs, two data sets with one key train the same model.
        """
        hashes = self.training_hashes
        return " ".join([*(hashes[name] for name in sorted(hashes)), *self.classes])

    def training(self) -> Half:
        """Load the whole training half, verified.

        Raises:
            DataError: a file is gone, or no longer what it was.
        """
        return self._load(TRAINING)

    def split(self, rule: SplitRule) -> Split:
        """Load the training half, verified, and split it: what engines get.

        Raises:
            DataError: a file is gone, or no longer what it was.
            RecipeError: the rule would leave one side without a picture.
        """
        held = self.splits.get(rule)
        return make_split(self.training(), rule, self.classes) if held is None else held

    def open_test(self) -> Half:
        """Load the test half, verified: the door that only evaluation goes through.

        Raises:
            DataError: a file is gone, or no longer what it was.
        """
        return self._load(TEST)

    def _load(self, files: HalfFiles) -> Half:
        paths = locate(self.folder)
        count = {self.payloads[files.images].count}
        images = idx.read_images(paths[files.images], count)
        labels = idx.read_labels(paths[files.labels], count, len(self.classes))
        for name, file in ((files.images, images), (files.labels, labels)):
            if file.sha256 != self.payloads[name].sha256:
                raise wrong_hash(paths[name], self.payloads[name], file.sha256)
        return Half(images.array, labels.array, np.arange(len(labels.array), dtype=np.int64))


def locate(folder: Path) -> dict[str, Path]:
    """File name → path of the four files, with or without ``.gz``.

    Raises:
        DataNotFoundError: there is no such folder, or not all four files are in it.
        DataInvalidError: the folder cannot be read.
    """
    require_folder(folder)
    found = {name: find_file(folder, name) for name in FILE_NAMES}
    paths = {name: path for name, path in found.items() if path is not None}
    if len(paths) < len(FILE_NAMES):
        missing = ", ".join(name for name in FILE_NAMES if name not in paths)
        raise DataNotFoundError(
            f"Expected the four files of the data, plain or .gz, in {folder}. "
            f"Received {len(paths)} of them; not there: {missing}. {_LOOK_ELSEWHERE}"
        )
    return paths


def require_folder(folder: Path) -> None:
    """Raise an error unless this is a folder that can be read.

    Raises:
        DataNotFoundError: there is no such folder.
        DataInvalidError: it is something else, or cannot be read.
    """
    try:
        # Unlike Path.is_dir, this tells "not there" from "may not be looked at".
        for _ in folder.iterdir():
            break
    except FileNotFoundError:
        raise DataNotFoundError(
            f"Expected a folder of data at {folder}. Received none: there is no such folder. "
            f"{_LOOK_ELSEWHERE}"
        ) from None
    except OSError as error:
        raise _unreadable(folder, error) from error


def find_file(folder: Path, name: str) -> Path | None:
    """The path of one of the four files, ``.gz`` or plain, or None where it is missing.

    Where both are there it is the ``.gz``, which has a checksum of its own.

    Raises:
        DataInvalidError: the folder cannot be read, or the file is a link that leaves it.
    """
    try:
        candidates = (folder / f"{name}.gz", folder / name)
        found = next((path for path in candidates if path.is_file()), None)
    except OSError as error:
        raise _unreadable(folder, error) from error
    if found is not None and found.is_symlink() and not is_inside(found, folder):
        raise idx.invalid(
            found,
            f"a file of {folder}",
            "a symbolic link to a place outside",
            "Put the file itself there, or name the folder where it is.",
        )
    return found


def _unreadable(folder: Path, error: OSError) -> idx.FileInvalidError:
    received = f"the system's answer: {error.strerror or error}"
    return idx.invalid(folder, "a folder that can be read", received, _LOOK_ELSEWHERE)


def wrong_hash(
    path: Path, expected: Payload, received: str, advice: str = idx.REPLACE
) -> idx.FileInvalidError:
    """The error for a file that is well formed and yet not the one that it should be."""
    return idx.invalid(
        path,
        f"content with the SHA-256 {expected.sha256[:16]}…",
        f"{received[:16]}…: other or changed content",
        advice,
    )
