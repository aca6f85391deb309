"""Find the data that a person asked for, and fetch it if it is nowhere."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from fittingroom.data import official
from fittingroom.data.content import FileInvalidError
from fittingroom.data.dataset import Dataset, Source, hash_idx
from fittingroom.data.official import FILE_NAMES, KnownSet
from fittingroom.data.prepare import Track
from fittingroom.data.read import read_dataset
from fittingroom.data.readers import idx
from fittingroom.errors import DataError, DataNotFoundError, MissingExtraError, UsageError
from fittingroom.safe_io import cache_folder

VARIABLE = "FITTINGROOM_DATA"
_OFFICIAL = "fashion-mnist"  # its folder in the cache
SAMPLE_FOLDER = Path(__file__).parent / "sample"
# By the names that --data takes.
FETCHED = {known.name: known for known in (official.MNIST, official.KMNIST)}
DEBIAN_PACKAGE = "dataset-fashion-mnist"
DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")


def find_dataset(
    data: str | Path | tuple[Any, ...] | None = None,
    *,
    test: str | Path | None = None,
    classes: str | Path | Sequence[str] | None = None,
    invert: Literal["auto", "yes", "no"] = "auto",
    fetch: bool = True,
    track: Track | None = None,
) -> Dataset:
    """The data set to work with, every file checked.

    Args:
        data: a file or folder in any format that has a reader; "sample" for the embedded sample,
            "mnist" or "kmnist" for these, downloaded if need be (write ``./mnist`` for a folder of
            that name); arrays, ``(x, y, x_test, y_test)``; or None for the value of the
            environment variable ``FITTINGROOM_DATA``. If that is not set either: Fashion-MNIST,
            from the first place in :func:`survey` that has it.
        test: a file or folder whose images are the test set, if ``data`` has none.
        classes: class names in the order of the labels, or a text file of them, one a line.
            Without it: the source's own, or "class 0", "class 1" and so on.
        invert: whether the images are dark on light: "auto" decides it by their borders.
        fetch: whether data that is in none of the places may be downloaded.
        track: a display of progress.

    Raises:
        DataNotFoundError: there is no data, or not all of it; the message names each place.
        DataInvalidError: a file is not what it should be.
        UsageError: ``test`` without ``data``.
    """
    if data is None:
        data = os.environ.get(VARIABLE) or None
    if data is None:
        if test is not None or classes is not None:
            raise UsageError("--test and --classes go with --data. Name the data too.")
        return _find_official(fetch)
    test_path = None if test is None else _absolute(test)
    if isinstance(classes, str):
        classes = Path(classes)
    if isinstance(data, tuple):
        return read_dataset(Source(None, test_path, invert), classes, track, arrays=data)
    known = FETCHED.get(data) if isinstance(data, str) else None
    if known is not None:
        folder = cache_folder(known.name)
        if fetch:
            _fetch_into(folder, known)
        elif missing(folder, known):
            raise _not_found(known, [f"Fitting Room's cache, {folder}: some files are missing"])
        dataset = read_dataset(Source(folder, test_path, invert), classes or known.classes, track)
        return dataset if test else replace(dataset, name=known.name, warnings=())
    path = SAMPLE_FOLDER if data == "sample" else _absolute(data)
    return read_dataset(Source(path, test_path, invert), classes, track)


def fetch_dataset(folder: Path | None = None) -> Dataset:
    """Make sure that Fashion-MNIST is on this machine.

    If it is in one of the places already, nothing happens. Otherwise the files that are missing
    or damaged in the project's cache are downloaded into it; or into ``folder``, if that is given,
    even if other places have them.

    Raises:
        DataNotFoundError: no mirror has the data; the message names each place.
        DataError: the folder can't be written to.
    """
    if folder is None:
        return _find_official(True)
    return _official_in(_fetch_into(_absolute(folder), official.FASHION_MNIST))


@dataclass(frozen=True)
class DataPlace:
    """A folder that was looked at: whose it is, Fashion-MNIST if it is there, and what is wrong."""

    what: str
    folder: Path
    dataset: Dataset | None
    words: str


def survey() -> Iterator[DataPlace]:
    """Check every place in turn, each file against its pinned hash."""
    for what, folder in _folders():
        dataset = None
        try:
            dataset, words = _official_in(folder), "all four files, verified"
        except DataNotFoundError:
            words = "some of the four files are missing" if folder.is_dir() else "no such folder"
        except FileInvalidError as error:
            words = f"{error.path.name} {error.reason}"
        yield DataPlace(what, folder, dataset, words)


def missing(folder: Path, known: KnownSet) -> list[str]:
    """The names of a known data set's files that a folder doesn't have, plain or ``.gz``."""
    absent = list(FILE_NAMES)
    for name, path in idx.find_files(folder).items():
        with suppress(FileInvalidError):
            check(path, name, known)
            absent.remove(name)
    return absent


def check(path: Path, name: str, known: KnownSet) -> None:
    """Raise a FileInvalidError unless a file is the one of this name in a known data set."""
    expected = known.hashes[name]
    if known.packed:
        with path.open("rb") as stored:
            received = hashlib.file_digest(stored, "sha256").hexdigest()
    else:
        received = hash_idx(idx.read_array(path, 3 if "images" in name else 1))
    if received != expected:
        reason = f"has other content: its SHA-256 is {received[:16]}…, not {expected[:16]}…"
        raise FileInvalidError(path, reason)


def _find_official(fetch: bool) -> Dataset:
    tried: list[str] = []
    for place in survey():
        if place.dataset is not None:
            return place.dataset
        tried.append(f"{place.what}, {place.folder}: {place.words}")
    if not fetch:
        raise _not_found(official.FASHION_MNIST, tried)
    return _official_in(_fetch_into(cache_folder(_OFFICIAL), official.FASHION_MNIST, tried))


def _fetch_into(folder: Path, known: KnownSet, tried: Sequence[str] = ()) -> Path:
    """Fetch what a folder lacks of a known data set; the folder."""
    # Here, because these take longer to import than everything else.
    from fittingroom.data.apt import unpack_missing
    from fittingroom.data.download import download_missing

    try:
        folder.mkdir(parents=True, exist_ok=True)
        failures = download_missing(folder, known)
        if failures and known is official.FASHION_MNIST:
            failure = unpack_missing(folder)
            package = f"the Debian package {DEBIAN_PACKAGE}, by apt: {failure}"
            failures = [*failures, package] if failure else []
    except OSError as error:
        raise DataError(
            f"The data can't be written to {folder}: {error.strerror or error}. Free some space, "
            "or pass another folder that has the four files with --data."
        ) from error
    if failures:
        raise _not_found(known, [*tried, *failures])
    return folder


def _official_in(folder: Path) -> Dataset:
    """Fashion-MNIST's four files in a folder; an error if one is missing or another."""
    if len(idx.find_files(folder)) < len(FILE_NAMES):
        raise DataNotFoundError(f"{folder} lacks some of the four files.")
    dataset = read_dataset(Source(folder))
    if not dataset.official:
        for name, path in idx.find_files(folder).items():
            check(path, name, official.FASHION_MNIST)
    return dataset


def _absolute(path: str | Path) -> Path:
    # So that it still means the same when a run that names it is read elsewhere.
    return Path(path).expanduser().absolute()


def _not_found(known: KnownSet, tried: list[str]) -> DataNotFoundError:
    names = ", ".join(f"{name}.gz" for name in FILE_NAMES)
    lines = "".join(f"\n  - {line}" for line in tried)
    return DataNotFoundError(
        f"{known.title} is in none of these places:{lines}\n"
        "Connect to the network and run this again. Or copy the four files "
        f"({names}) from another machine and pass their folder with --data DIR. Or use "
        "--data sample, a small part of the data that is always there."
    )


def _folders() -> Iterator[tuple[str, Path]]:
    # Without platformdirs nothing was ever put into the cache, but the other places may have it.
    with suppress(MissingExtraError):
        yield "Fitting Room's cache", cache_folder(_OFFICIAL)
    raw = Path("FashionMNIST", "raw")
    home = None
    with suppress(RuntimeError):  # there is no home folder
        home = Path.home()
    keras = os.environ.get("KERAS_HOME") or (home and home / ".keras")
    if keras:
        yield "Keras' folder", Path(keras) / "datasets" / "fashion-mnist"
    # torchvision keeps its files below a folder that the person names: these are its tutorials'.
    yield "torchvision's folder, here", Path.cwd() / raw
    yield "torchvision's folder in ./data", Path.cwd() / "data" / raw
    if home:
        yield "torchvision's folder in ~/data", home / "data" / raw
    yield f"Debian's package {DEBIAN_PACKAGE}", DEBIAN_FOLDER
