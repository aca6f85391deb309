"""Get Debian's package of the data through apt, without installing it.

If no mirror can be reached, the machine's package sources often can: in a closed network, or in a
container.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from fittingroom.data import official
from fittingroom.data.folder import check_payload, holds
from fittingroom.data.idx import FileInvalidError
from fittingroom.data.place import DEBIAN_PACKAGE

# apt itself waits for minutes for each of its sources.
_PATIENCE = [
    word
    for option in ("Retries=1", "http::Timeout=10", "https::Timeout=10")
    for word in ("-o", f"Acquire::{option}")
]
_SECONDS = 300
_DATA_IN_PACKAGE = Path("usr", "share", "datasets", "fashion-mnist")


class _AptFailedError(Exception):
    """The package can't be had; the message says why."""


def unpack_missing(folder: Path) -> str | None:
    """Put those of the four files that a folder lacks into it, from Debian's package.

    As root, the package lists are updated if they don't have the package.

    Returns:
        None if all four files are in the folder now; otherwise why not.

    Raises:
        OSError: the folder can't be written to.
    """
    with tempfile.TemporaryDirectory(dir=folder, prefix=".apt-") as name:
        try:
            _copy_missing(_unpacked(Path(name)), folder)
        except _AptFailedError as error:
            return str(error)
    return None


def _unpacked(work: Path) -> Path:
    """The folder of the data in the package, unpacked below ``work``."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise _AptFailedError("this machine has no apt-get")
    download = ["apt-get", *_PATIENCE, "download", DEBIAN_PACKAGE]
    try:
        _run(download, work)
    except _AptFailedError as error:
        if not _is_root():
            raise _AptFailedError(
                f"{error} (if the package lists are missing, run `apt-get update` as root)"
            ) from error
        _run(["apt-get", *_PATIENCE, "update"], work)
        _run(download, work)
    package = next(work.glob("*.deb"), None)
    if package is None:
        raise _AptFailedError("apt-get download left no package")
    _run(["dpkg-deb", "-x", str(package), str(work / "unpacked")], work)
    return work / "unpacked" / _DATA_IN_PACKAGE


def _copy_missing(source: Path, folder: Path) -> None:
    for payload in official.FASHION_MNIST.payloads.values():
        if holds(folder, payload):
            continue
        unpacked = source / f"{payload.name}.gz"
        try:
            check_payload(unpacked, payload)
        except FileInvalidError as error:
            raise _AptFailedError(f"{unpacked.name} in the package {error.reason}") from error
        unpacked.replace(folder / unpacked.name)


def _run(command: Sequence[str], work: Path) -> None:
    """Run a command in ``work``; if it fails, its last line of complaint is the reason."""
    name = " ".join(word for word in command if word not in _PATIENCE)
    try:
        done = subprocess.run(
            command,
            cwd=work,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            env={**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"},
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _AptFailedError(f"{name} took longer than {_SECONDS} s") from error
    except OSError as error:
        raise _AptFailedError(f"{name}: {error.strerror or error}") from error
    if done.returncode != 0:
        complaints = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise _AptFailedError(f"{name}: {complaints[-1].strip()}")


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0
