"""Download a data set's four files from where Keras, torchvision and its makers keep them."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pooch

from fittingroom.data.content import FileInvalidError
from fittingroom.data.find import check, missing
from fittingroom.data.official import KnownSet

MIRRORS: dict[str, tuple[str, ...]] = {
    "fashion-mnist": (
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    ),
    "mnist": (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "http://yann.lecun.com/exdb/mnist/",
    ),
    "kmnist": ("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
}
_TIMEOUT = (5, 20)  # seconds to connect, and between two pieces


def download_missing(folder: Path, known: KnownSet) -> list[str]:
    """Download those of the four files that a folder lacks; each gets its name once verified.

    Each file is tried on each mirror, beginning with the one that had the file before. Gives why
    each mirror failed, a line each; nothing if all four files are in the folder now.
    """
    mirrors = list(MIRRORS[known.name])
    for name in missing(folder, known):
        failures: list[str] = []
        for mirror in mirrors:
            url = f"{mirror}{name}.gz"
            try:
                _download(url, name, folder, known)
            except FileInvalidError as error:
                failures.append(f"{url}: {error.reason}")
            except OSError as error:  # requests' errors are of this kind too
                failures.append(f"{url}: {error}")
            else:
                mirrors.remove(mirror)
                mirrors.insert(0, mirror)
                break
        else:
            return failures or ["no mirror is known"]
    return []


def _download(url: str, name: str, folder: Path, known: KnownSet) -> None:
    fetch = pooch.HTTPDownloader(
        progressbar=sys.stderr.isatty(), chunk_size=1 << 16, timeout=_TIMEOUT
    )
    with TemporaryDirectory(prefix=".download-", dir=folder) as work:
        part = Path(work, f"{name}.gz")
        # Not `pooch.retrieve`, which knows hashes of packed files: those differ between mirrors.
        fetch(url, str(part), None)
        check(part, name, known)
        part.replace(folder / part.name)
