"""Find the data that a person asked for, and fetch it if it is nowhere."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fittingroom.data import official
from fittingroom.data.dataset import Dataset
from fittingroom.data.folder import open_folder
from fittingroom.data.idx import FileInvalidError
from fittingroom.errors import (
    DataError,
    DataNotFoundError,
    MissingExtraError,
    UsageError,
    missing_extra,
)

VARIABLE = "FITTINGROOM_DATA"
SAMPLE_FOLDER = Path(__file__).parent / "sample"
DEBIAN_PACKAGE = "dataset-fashion-mnist"
DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")


def find_dataset(
    data: str | Path | None = None,
    *,
    allow_unknown: bool = False,
    classes: Path | None = None,
    fetch: bool = True,
) -> Dataset:
    """The data set to work with, every file checked.

    Args:
        data: the string "sample" for the embedded sample (write ``./sample`` for a folder of that
            name); a folder, which is then the only one looked at; or None for the value of the
            environment variable ``FITTINGROOM_DATA``. If that is not set either: Fashion-MNIST,
            from the first place in :func:`survey` that has it.
        allow_unknown: accept a folder of unknown data if its structure is right.
        classes: a file with the class names of unknown data, one a line. Without it they are
            "class 0", "class 1" and so on.
        fetch: whether data that is in none of the places may be downloaded.

    Raises:
        DataNotFoundError: there is no data, or not all of it; the message names each place.
        DataInvalidError: a file is not what it should be.
        UsageError: arguments that contradict each other.
    """
    if data is None:
        data = os.environ.get(VARIABLE) or None
    if classes is not None and not allow_unknown:
        raise UsageError(
            "--classes names the classes of unknown data; known data has its own. "
            "Add --allow-unknown-data, or leave out --classes."
        )
    if allow_unknown and data in (None, "sample"):
        raise UsageError(
            "--allow-unknown-data needs the folder of the data. Add --data DIR, or leave it out."
        )
    if data == "sample":
        return open_folder(SAMPLE_FOLDER, only=official.SAMPLE)
    if data is not None:
        # Absolute, so that it still means the same when a run that names it is read elsewhere.
        folder = Path(data).expanduser().absolute()
        return open_folder(folder, allow_unknown=allow_unknown, names=classes)
    return _find_official(fetch)


def fetch_dataset(folder: Path | None = None) -> Dataset:
    """Make sure that Fashion-MNIST is on this machine.

    If it is in one of the places already, nothing happens. Otherwise the files that are missing
    or damaged in the project's cache are downloaded into it.

    Args:
        folder: put the files here, even if other places have them.

    Raises:
        DataNotFoundError: no mirror has the data; the message names each place.
        DataError: the folder can't be written to.
    """
    if folder is None:
        return _find_official(fetch=True)
    return _fetch_into(folder.expanduser().absolute(), [])


@dataclass(frozen=True)
class DataPlace:
    """A folder that was looked at, and what is in it.

    Attributes:
        what: whose folder it is, in words.
        folder: the folder, whether it exists or not.
        dataset: Fashion-MNIST, verified, or None.
        words: that the data is complete, or what is wrong.
    """

    what: str
    folder: Path
    dataset: Dataset | None
    words: str


def survey() -> Iterator[DataPlace]:
    """Check every place in turn, each file against its pinned hash."""
    for what, folder in _folders():
        try:
            dataset = open_folder(folder, only=official.FASHION_MNIST)
        except DataNotFoundError:
            words = "some of the four files are missing" if folder.is_dir() else "no such folder"
            yield DataPlace(what, folder, None, words)
        except FileInvalidError as error:
            yield DataPlace(what, folder, None, f"{error.path.name} {error.reason}")
        else:
            yield DataPlace(what, folder, dataset, "all four files, verified")


def cache_folder() -> Path:
    """The project's own folder in the platform's cache folder; it may not exist yet.

    Raises:
        MissingExtraError: platformdirs is not installed.
    """
    try:
        import platformdirs
    except ModuleNotFoundError as error:
        raise missing_extra(error, "train") from error
    return platformdirs.user_cache_path("fittingroom", appauthor=False) / "fashion-mnist"


def _find_official(fetch: bool) -> Dataset:
    tried: list[str] = []
    for place in survey():
        if place.dataset is not None:
            return place.dataset
        tried.append(f"{place.what}, {place.folder}: {place.words}")
    if not fetch:
        raise _not_found(tried)
    return _fetch_into(cache_folder(), tried)


def _fetch_into(folder: Path, tried: list[str]) -> Dataset:
    # Here, because these take longer to import than everything else.
    from fittingroom.data.apt import unpack_missing
    from fittingroom.data.download import download_missing

    try:
        folder.mkdir(parents=True, exist_ok=True)
        unreachable = download_missing(folder)
        failure = unpack_missing(folder) if unreachable else None
    except OSError as error:
        raise DataError(
            f"The data can't be written to {folder}: {error.strerror or error}. Free some space, "
            "or pass another folder that has the four files with --data."
        ) from error
    if failure is not None:
        package = f"the Debian package {DEBIAN_PACKAGE}, by apt: {failure}"
        raise _not_found([*tried, *unreachable, package])
    return open_folder(folder, only=official.FASHION_MNIST)


def _not_found(tried: list[str]) -> DataNotFoundError:
    names = ", ".join(f"{name}.gz" for name in official.FILE_NAMES)
    lines = "".join(f"\n  - {line}" for line in tried)
    return DataNotFoundError(
        f"Fashion-MNIST is in none of these places:{lines}\n"
        "Connect to the network and run `fittingroom data fetch`. Or copy the four files "
        f"({names}) from another machine and pass their folder with --data DIR. Or use "
        "--data sample, a small part of the data that is always there."
    )


def _folders() -> Iterator[tuple[str, Path]]:
    # Without platformdirs nothing was ever put into the cache, but the other places may have it.
    with suppress(MissingExtraError):
        yield "Fitting Room's cache", cache_folder()
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
