"""Where Fashion-MNIST may already be on this machine, and what is there."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fittingroom.data import official
from fittingroom.data.dataset import Dataset, find_file
from fittingroom.data.folder import open_known
from fittingroom.data.idx import FileInvalidError
from fittingroom.data.official import FILE_NAMES
from fittingroom.errors import (
    DataNotFoundError,
    MissingExtraError,
    missing_extra,
)

CACHE = "Fitting Room's cache"
DEBIAN_PACKAGE = "dataset-fashion-mnist"
DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")


@dataclass(frozen=True)
class Place:
    """A folder that may hold the four files.

    Attributes:
        what: whose folder it is, in words.
        folder: the folder, whether it exists or not.
    """

    what: str
    folder: Path

    def status(self) -> str:
        """What is there, in words."""
        return look(self).words


@dataclass(frozen=True)
class PlaceStatus:
    """What was found in a place.

    Attributes:
        place: the place.
        dataset: the official data, verified, or None.
        words: one sentence: that the data is complete, or what is wrong.
    """

    place: Place
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


def places() -> tuple[Place, ...]:
    """Where the data is looked for, in this order."""
    found: list[Place] = []
    # Without platformdirs nothing was ever put into the cache, and the other places may do.
    with suppress(MissingExtraError):
        found.append(Place(CACHE, cache_folder()))
    keras = _keras_home()
    if keras is not None:
        found.append(Place("Keras' folder", keras / "datasets" / "fashion-mnist"))
    # torchvision keeps its files below a folder that the person names: these are its tutorials'.
    raw = Path("FashionMNIST", "raw")
    found.append(Place("torchvision's folder, here", Path.cwd() / raw))
    found.append(Place("torchvision's folder in ./data", Path.cwd() / "data" / raw))
    with suppress(RuntimeError):  # there is no home folder
        found.append(Place("torchvision's folder in ~/data", Path.home() / "data" / raw))
    found.append(Place(f"Debian's package {DEBIAN_PACKAGE}", DEBIAN_FOLDER))
    return tuple(found)


def look(place: Place) -> PlaceStatus:
    """Check what is in a place, each file against its pinned hash."""
    try:
        dataset = open_known(place.folder, (official.FASHION_MNIST,))
    except DataNotFoundError:
        return PlaceStatus(place, None, _missing(place.folder))
    except FileInvalidError as error:
        return PlaceStatus(place, None, f"{error.path.name}: {error.reason}")
    return PlaceStatus(place, dataset, "all four files, verified")


def survey() -> tuple[PlaceStatus, ...]:
    """Check every place, in order."""
    return tuple(look(place) for place in places())


def _missing(folder: Path) -> str:
    """What is missing, in fewer words than the message for a folder that a person named."""
    if not folder.is_dir():
        return "no such folder"
    missing = [name for name in FILE_NAMES if find_file(folder, name) is None]
    if len(missing) == len(FILE_NAMES):
        return "none of the four files"
    return f"not complete: {', '.join(missing)} missing"


def _keras_home() -> Path | None:
    if os.environ.get("KERAS_HOME"):  # Keras' own variable
        return Path(os.environ["KERAS_HOME"])
    try:
        return Path.home() / ".keras"
    except RuntimeError:  # there is no home folder
        return None
