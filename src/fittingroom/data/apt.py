"""Get Debian's package of the data through apt, without installing it.

If no mirror can be reached, the machine's package sources often can: in a closed network, or in a
container.
"""

import os
import subprocess
import tempfile
from pathlib import Path

from fittingroom.data import official
from fittingroom.data.content import FileInvalidError
from fittingroom.data.find import DEBIAN_PACKAGE, check, missing

# By itself, apt waits for minutes for each of its sources.
_WAITS = ("Retries=1", "http::Timeout=10", "https::Timeout=10")
_APT_GET = ["apt-get", *(f"-oAcquire::{wait}" for wait in _WAITS)]
_DOWNLOAD = [*_APT_GET, "download", DEBIAN_PACKAGE]
_SECONDS = 300


def unpack_missing(folder: Path) -> str | None:
    """Put those of the four files that a folder lacks into it, from Debian's package.

    If the package lists don't have it, they are updated. Gives the reason if that fails.
    """
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".apt-") as made:
            work = Path(made)
            try:
                _run(_DOWNLOAD, work)
            except subprocess.CalledProcessError:
                _run([*_APT_GET, "update"], work)
                _run(_DOWNLOAD, work)
            _run(["dpkg-deb", "-x", *map(str, work.glob("*.deb")), "unpacked"], work)
            for name in missing(folder, official.FASHION_MNIST):
                unpacked = work / f"unpacked/usr/share/datasets/fashion-mnist/{name}.gz"
                check(unpacked, name, official.FASHION_MNIST)
                unpacked.replace(folder / unpacked.name)
    except FileInvalidError as error:
        return f"{error.path.name} in the package {error.reason}"
    except subprocess.CalledProcessError as error:
        reason = (error.stderr.strip().splitlines() or [f"exit status {error.returncode}"])[-1]
        advice = "If the package lists are missing, run `apt-get update` as root"
        return f"{error.cmd[0]}: {reason.strip()}. {advice}"
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return None


def _run(command: list[str], work: Path) -> None:
    """Run a program in ``work``."""
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
