"""Get Debian's package of the data through apt, without installing it.

If no mirror can be reached, the machine's package sources often can: in a closed network, or in a
container.
"""

import os
import subprocess
import tempfile
from pathlib import Path

from fittingroom.data.find import DEBIAN_PACKAGE
from fittingroom.data.folder import check_official, missing
from fittingroom.data.idx import FileInvalidError

# By itself, apt waits for minutes for each of its sources.
_WAITS = ("Retries=1", "http::Timeout=10", "https::Timeout=10")
_APT_GET = ["apt-get", *(f"-oAcquire::{wait}" for wait in _WAITS)]
_DOWNLOAD = [*_APT_GET, "download", DEBIAN_PACKAGE]
_SECONDS = 300


class _AptFailedError(Exception):
    """A program failed; the message says why."""


def unpack_missing(folder: Path) -> str | None:
    """Put those of the four files that a folder lacks into it, from Debian's package.

    As root, the package lists are updated if they don't have the package.

    Returns:
        None if all four files are in the folder now; otherwise why not.

    Raises:
        OSError: the folder can't be written to.
    """
    with tempfile.TemporaryDirectory(dir=folder, prefix=".apt-") as made:
        work = Path(made)
        try:
            _download(work)
            _run(["dpkg-deb", "-x", *map(str, work.glob("*.deb")), "unpacked"], work)
            for name in missing(folder):
                unpacked = work / f"unpacked/usr/share/datasets/fashion-mnist/{name}.gz"
                check_official(unpacked, name)
                unpacked.replace(folder / unpacked.name)
        except _AptFailedError as error:
            return str(error)
        except FileInvalidError as error:
            return f"{error.path.name} in the package {error.reason}"
    return None


def _download(work: Path) -> None:
    """Let apt write the package into a folder."""
    try:
        _run(_DOWNLOAD, work)
    except _AptFailedError as error:
        if not _is_root():
            raise _AptFailedError(
                f"{error} (if the package lists are missing, run `apt-get update` as root)"
            ) from error
        _run([*_APT_GET, "update"], work)
        _run(_DOWNLOAD, work)


def _run(command: list[str], work: Path) -> None:
    """Run a program in ``work``; if it fails, the last line of its complaint is the reason."""
    try:
        subprocess.run(
            command,
            cwd=work,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            env={**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"},
            check=True,
        )
    except subprocess.CalledProcessError as error:
        reason = (error.stderr.strip().splitlines() or [f"exit status {error.returncode}"])[-1]
        raise _AptFailedError(f"{command[0]}: {reason.strip()}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _AptFailedError(str(error)) from error


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0
