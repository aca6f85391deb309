"""Where Fashion-MNIST may already be on this machine, and what is there."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fittingroom.data import official
from fittingroom.data.dataset import Dataset
from fittingroom.data.folder import open_folder
from fittingroom.data.idx import FileInvalidError
from fittingroom.errors import DataNotFoundError, MissingExtraError, missing_extra

DEBIAN_PACKAGE = "dataset-fashion-mnist"
DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")


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
