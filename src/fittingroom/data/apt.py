"""Get Debian's package of the data through apt, without installing it.

Where no mirror can be reached, the machine's package sources often can: the way of a closed
network, or of a container.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from fittingroom.data import official
from fittingroom.data.download import cannot_write, install, part_path
from fittingroom.data.folder import check_payload, holds
from fittingroom.data.idx import FileInvalidError
from fittingroom.data.place import DEBIAN_PACKAGE

# apt's own patience is minutes for each of its sources.
_PATIENCE = (
    "-o",
    "Acquire::Retries=1",
    "-o",
    "Acquire::http::Timeout=10",
    "-o",
    "Acquire::https::Timeout=10",
)
_UPDATE_SECONDS = 180
_DOWNLOAD_SECONDS = 300
_UNPACK_SECONDS = 60
_DATA_IN_PACKAGE = Path("usr", "share", "datasets", "fashion-mnist")


class _AptFailedError(Exception):
    """The package cannot be had; the message says why."""


def unpack_missing(folder: Path) -> str | None:
    """Put those of the four files that a folder lacks into it, from Debian's package.

    As root, the package lists are updated where they do not have the package.

    Returns:
        None where all four files are in the folder now; otherwise why not.

    Raises:
        DataError: the folder cannot be written.
    """
    # Removing it may fail where a virus scanner holds a file; then it stays, and no harm is done.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        try:
            _copy_missing(_unpacked(Path(name)), folder)
        except _AptFailedError as error:
            return str(error)
    return None


def _unpacked(work: Path) -> Path:
    """The folder of the data in the package, unpacked below ``work``."""
    apt_get, dpkg_deb = shutil.which("apt-get"), shutil.which("dpkg-deb")
    if apt_get is None or dpkg_deb is None:
        raise _AptFailedError("this machine has no apt-get")
    download = [apt_get, *_PATIENCE, "download", DEBIAN_PACKAGE]
    try:
        _run(download, work, _DOWNLOAD_SECONDS)
    except _AptFailedError as error:
        if not _is_root():
            raise _AptFailedError(
                f"{error} (are the package lists there? `apt-get update` as root gets them)"
            ) from error
        _run([apt_get, *_PATIENCE, "update"], work, _UPDATE_SECONDS)
        _run(download, work, _DOWNLOAD_SECONDS)
    package = next(work.glob("*.deb"), None)
    if package is None:
        raise _AptFailedError("apt-get download left no package")
    _run([dpkg_deb, "-x", str(package), str(work / "unpacked")], work, _UNPACK_SECONDS)
    return work / "unpacked" / _DATA_IN_PACKAGE


def _copy_missing(source: Path, folder: Path) -> None:
    for payload in official.FASHION_MNIST.payloads.values():
        if holds(folder, payload):
            continue
        unpacked, part = source / f"{payload.name}.gz", part_path(folder, payload)
        try:
            check_payload(unpacked, payload)
        except FileInvalidError as error:
            raise _AptFailedError(f"{payload.name}.gz in the package: {error.reason}") from error
        try:
            shutil.copyfile(unpacked, part)
            install(part, folder, payload)
        except OSError as error:
            raise cannot_write(folder, error) from error
        finally:
            part.unlink(missing_ok=True)


def _run(command: Sequence[str], work: Path, seconds: int) -> None:
    """Run a command in ``work``; where it fails, its last line of complaint is the reason."""
    name = " ".join(word for word in (Path(command[0]).name, *command[1:]) if word not in _PATIENCE)
    try:
        done = subprocess.run(
            command,
            cwd=work,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            env={**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"},
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _AptFailedError(f"{name} took longer than {seconds} s") from error
    except OSError as error:
        raise _AptFailedError(f"{name}: {error.strerror or error}") from error
    if done.returncode != 0:
        complaints = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise _AptFailedError(f"{name}: {complaints[-1].strip()}")


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0
