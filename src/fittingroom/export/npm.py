"""A package of the npm registry: packed by npm's own client, checked by its hash, and kept."""

import base64
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fittingroom.data.place import cache_folder
from fittingroom.errors import ExportError
from fittingroom.runs.files import make_folder

_SECONDS = 600  # that npm may take


@dataclass(frozen=True)
class NpmPackage:
    """A package of the npm registry at one version.

    Attributes:
        name: as npm knows it.
        version: the only one that is taken.
        integrity: SHA-512 of its archive as npm writes it, ``sha512-`` and base64.
    """

    name: str
    version: str
    integrity: str

    def read(self, members: Iterable[str]) -> dict[str, bytes]:
        """Files of the package.

        The archive is taken from the cache, or packed there by ``npm pack`` first, and checked each
        time; nothing of it is run.

        Args:
            members: their names within the package, as ``"dist/a.js"``.

        Returns:
            The content by name.

        Raises:
            ExportError: npm is not installed or failed where the cache has no copy, or the archive
                is not the expected one.
            MissingExtraError: platformdirs is not installed, which knows the cache's place.
        """
        archive = cache_folder().parent / "npm" / f"{self.name}-{self.version}.tgz"
        if not archive.is_file():
            self._pack(archive)
        if self._integrity(archive) != self.integrity:
            received = self._integrity(archive)
            archive.unlink()
            raise ExportError(
                f"Expected {self.name} {self.version} with the hash {self.integrity}. Received "
                f"{received}, which was thrown away. Try again, or look at what npm is set to use."
            )
        with tarfile.open(archive) as files:
            return {name: self._member(files, name) for name in members}

    def _pack(self, archive: Path) -> None:
        """Let npm write the archive beside its place, then give it its name."""
        npm = shutil.which("npm")
        wanted = f"{self.name}@{self.version}"
        if npm is None:
            raise ExportError(
                f"Expected npm, which brings {wanted}, or a copy at {archive}. Received neither. "
                f"Install npm, or put there what `npm pack {wanted}` writes on another machine."
            )
        make_folder(archive.parent)
        with tempfile.TemporaryDirectory(dir=archive.parent) as folder:
            command = [npm, "pack", wanted, "--ignore-scripts", "--pack-destination", folder]
            try:
                done = subprocess.run(
                    command, capture_output=True, text=True, timeout=_SECONDS, cwd=folder
                )
                problem = done.stderr.strip().splitlines() if done.returncode else []
            except (OSError, subprocess.TimeoutExpired) as error:
                problem = [str(error)]
            packed = list(Path(folder).glob("*.tgz"))
            if problem or len(packed) != 1:
                received = problem[0] if problem else "none"
                raise ExportError(
                    f"Expected `npm pack {wanted}` to write an archive. Received: {received}. "
                    f"See whether npm reaches its registry, or put the archive at {archive}."
                )
            packed[0].replace(archive)

    @staticmethod
    def _integrity(archive: Path) -> str:
        with archive.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha512").digest()
        return f"sha512-{base64.b64encode(digest).decode()}"

    def _member(self, files: tarfile.TarFile, name: str) -> bytes:
        stream = files.extractfile(f"package/{name}")
        if stream is None:
            raise ExportError(
                f"Expected a file {name} in {self.name} {self.version}. Received a folder there."
            )
        return stream.read()
