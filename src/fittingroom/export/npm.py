"""A package of the npm registry: downloaded by npm itself, checked by its hash, and cached."""

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
        name: its name on the registry.
        version: the pinned version.
        integrity: SHA-512 of its archive as npm writes it, ``sha512-`` and base64.
    """

    name: str
    version: str
    integrity: str

    def read(self, members: Iterable[str]) -> dict[str, bytes]:
        """Read files of the package. Nothing of the package is run.

        Args:
            members: their names within the package, as ``"dist/a.js"``.

        Returns:
            The content by name.

        Raises:
            ExportError: the archive is not in the cache and npm is missing or failed, or the
                archive has another hash.
            MissingExtraError: platformdirs, which knows the cache folder, is not installed.
        """
        archive = cache_folder().parent / "npm" / f"{self.name}-{self.version}.tgz"
        if not archive.is_file():
            self._download(archive)
        digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        if f"sha512-{digest}" != self.integrity:
            archive.unlink()
            raise ExportError(
                f"The archive of {self.name} {self.version} has the hash sha512-{digest} instead "
                f"of {self.integrity}, and was deleted. Try again, or check npm's settings."
            )
        with tarfile.open(archive) as files:
            streams = {name: files.extractfile(f"package/{name}") for name in members}
            return {name: stream.read() for name, stream in streams.items() if stream}

    def _download(self, archive: Path) -> None:
        """Let npm write the archive in a temporary folder, then move it to its place."""
        npm = shutil.which("npm")
        package = f"{self.name}@{self.version}"
        if npm is None:
            raise ExportError(
                f"npm is needed to download {package}. Install npm, or run `npm pack {package}` on "
                f"another machine and copy the archive to {archive}."
            )
        make_folder(archive.parent)
        with tempfile.TemporaryDirectory(dir=archive.parent) as folder:
            command = [npm, "pack", package, "--ignore-scripts", "--pack-destination", folder]
            try:
                done = subprocess.run(
                    command, capture_output=True, text=True, timeout=_SECONDS, cwd=folder
                )
                problem = done.stderr.strip()
            except (OSError, subprocess.TimeoutExpired) as error:
                problem = str(error)
            packed = list(Path(folder).glob("*.tgz"))
            if len(packed) != 1:
                reason = problem.partition("\n")[0] or "it wrote no archive"
                raise ExportError(
                    f"`npm pack {package}` failed: {reason}. Check that npm reaches its registry, "
                    f"or copy the archive to {archive}."
                )
            packed[0].replace(archive)
