"""Find the data that a person asked for; fetch it where it is nowhere."""

import os
from pathlib import Path

from fittingroom.data import official
from fittingroom.data.dataset import Dataset
from fittingroom.data.folder import open_any, open_known
from fittingroom.data.place import DEBIAN_PACKAGE, cache_folder, look, places
from fittingroom.errors import DataNotFoundError, UsageError

VARIABLE = "FITTINGROOM_DATA"
SAMPLE_FOLDER = Path(__file__).parent / "sample"


def find_dataset(
    data: str | Path | None = None,
    *,
    allow_unknown: bool = False,
    classes: Path | None = None,
    fetch: bool = True,
) -> Dataset:
    """The data set to work with, every file checked.

    Args:
        data: the string "sample" for the embedded sample (a folder of that name is
            ``./sample``); a folder, which is then the only one looked at; or None for what
            the environment variable ``FITTINGROOM_DATA`` says in the same way. Where that is not
            set either, it is Fashion-MNIST from wherever it is: see :func:`places`.
        allow_unknown: take a folder's data although it is not known, if its structure is right.
        classes: a file with the class names of unknown data, one a line. Without one they are
            "class 0", "class 1" and so on.
        fetch: whether data that is in none of the places may be downloaded.

    Raises:
        DataNotFoundError: there is no data, or not all of it; the message names each place.
        DataInvalidError: a file is not what it should be.
        UsageError: arguments that do not go together.
    """
    if data is None:
        data = os.environ.get(VARIABLE) or None
    if classes is not None and not allow_unknown:
        raise UsageError(
            "Expected --allow-unknown-data beside --classes. Received --classes alone: known data "
            "has its own class names. Add --allow-unknown-data, or leave out --classes."
        )
    if data == "sample":
        _refuse_unknown(allow_unknown, "the sample")
        return open_known(SAMPLE_FOLDER, (official.SAMPLE,))
    if data is not None:
        # Absolute, so that it still means the same when a run that names it is read elsewhere.
        folder = Path(data).expanduser().absolute()
        return open_any(folder, classes) if allow_unknown else open_known(folder)
    _refuse_unknown(allow_unknown, "no folder")
    return _find_official(fetch)


def fetch_dataset(folder: Path | None = None) -> Dataset:
    """Make sure that Fashion-MNIST is on this machine, and say where.

    Where it is in one of the places already, nothing happens. Otherwise the files that are missing
    or damaged in the project's cache are downloaded into it.

    Args:
        folder: have the files here, whatever the other places hold.

    Raises:
        DataNotFoundError: the data could be had from nowhere; the message names each place.
        DataError: the folder cannot be written.
    """
    if folder is None:
        return _find_official(fetch=True)
    return _fetch_into(folder.expanduser().absolute(), [])


def _find_official(fetch: bool) -> Dataset:
    tried: list[str] = []
    for place in places():
        found = look(place)
        if found.dataset is not None:
            return found.dataset
        tried.append(f"{place.what}, {place.folder}: {found.words}")
    if not fetch:
        raise _not_found(tried)
    return _fetch_into(cache_folder(), tried)


def _fetch_into(folder: Path, tried: list[str]) -> Dataset:
    # Here, because urllib and its relatives take longer to import than everything else.
    from fittingroom.data.apt import unpack_missing
    from fittingroom.data.download import download_missing

    unreachable = download_missing(folder)
    if unreachable:
        failure = unpack_missing(folder)
        if failure is not None:
            package = f"the Debian package {DEBIAN_PACKAGE}, by apt: {failure}"
            raise _not_found([*tried, *unreachable, package])
    return open_known(folder, (official.FASHION_MNIST,))


def _refuse_unknown(allow_unknown: bool, received: str) -> None:
    if allow_unknown:
        raise UsageError(
            "Expected the folder of the unknown data beside --allow-unknown-data. "
            f"Received {received}. Name it by --data DIR, or leave out --allow-unknown-data."
        )


def _not_found(tried: list[str]) -> DataNotFoundError:
    names = ", ".join(f"{name}.gz" for name in official.FILE_NAMES)
    lines = "".join(f"\n  - {line}" for line in tried)
    return DataNotFoundError(
        f"Expected Fashion-MNIST in one of these places. Received it from none:{lines}\n"
        "Connect to the network and run `fittingroom data fetch`; or copy the four files "
        f"({names}) from another machine and name their folder by --data DIR; or use "
        "--data sample, a small part of the data that is always there."
    )
