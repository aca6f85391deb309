"""Files from a package of the npm registry: downloaded by npm, checked by its hash, and cached."""

import base64
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable
from pathlib import Path

from fittingroom.errors import ExportError
from fittingroom.runs.files import make_folder
from fittingroom.safe_io import cache_folder

_SECONDS = 600  # that npm may take


def read_package(
    name: str, version: str, integrity: str, members: Iterable[str]
) -> dict[str, bytes]:
    """Read files of a package. Nothing of the package is run.

    Args:
        name: the package's name on the registry.
        version: the pinned version.
        integrity: SHA-512 of its archive as npm writes it, ``sha512-`` and base64.
        members: names within the package, as ``"dist/a.js"``.

    Returns:
        The content by name.
    """
    archive = cache_folder("npm") / f"{name}-{version}.tgz"
    if not archive.is_file():
        _download(f"{name}@{version}", archive)
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if f"sha512-{digest}" != integrity:
        archive.unlink()
        raise ExportError(
            f"The archive of {name} {version} has the hash sha512-{digest} instead of {integrity}, "
            "and was deleted. Try again, or check npm's settings."
        )
    with tarfile.open(archive) as files:
        streams = {member: files.extractfile(f"package/{member}") for member in members}
        return {member: stream.read() for member, stream in streams.items() if stream}


def _download(package: str, archive: Path) -> None:
    """Let npm write the archive into a temporary folder, then move it to its place."""
    make_folder(archive.parent)
    with tempfile.TemporaryDirectory(dir=archive.parent) as folder:
        try:
            # On Windows, npm is a script, which only its full path starts.
            command = [shutil.which("npm") or "npm", "pack", package, "--ignore-scripts"]
            subprocess.run(
                [*command, "--pack-destination", folder],
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=_SECONDS,
                check=True,
            )
            next(Path(folder).glob("*.tgz")).replace(archive)
        except (OSError, subprocess.SubprocessError, StopIteration) as error:
            reason = getattr(error, "stderr", None) or error
            raise ExportError(
                f"`npm pack {package}` failed: {str(reason).strip()[:300]}. Check that npm is "
                f"installed and reaches its registry, or copy the archive to {archive}."
            ) from error
