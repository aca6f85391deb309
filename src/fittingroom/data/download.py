"""Download the four files from where Keras, torchvision and Zalando keep them."""

import http.client
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import OpenerDirector, Request

from fittingroom.data import connection, official
from fittingroom.data.folder import check_payload, holds
from fittingroom.data.idx import FileInvalidError
from fittingroom.data.official import Payload
from fittingroom.errors import DataError

MIRRORS: tuple[str, ...] = (
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
)

_CHUNK = 1 << 16
_PART = ".part"
_STALE_SECONDS = 24 * 60 * 60

# Called with the bytes that came and the bytes expected, or None where the server does not say.
Advance = Callable[[int, int | None], None]


class _MirrorFailedError(Exception):
    """A mirror did not give a file; the message says why."""


def download_missing(folder: Path) -> list[str]:
    """Download those of the four files that a folder lacks; each gets its name once verified.

    Each file is tried on each mirror in turn, beginning with the one that gave the file before.

    Returns:
        Nothing where all four files are in the folder now; otherwise why each mirror failed, a
        line each.

    Raises:
        DataError: the folder cannot be written.
    """
    _sweep(folder)
    mirrors = list(MIRRORS)
    opener = connection.opener()
    with _progress() as track:
        for payload in official.FASHION_MNIST.payloads.values():
            if holds(folder, payload):
                continue
            failures: list[str] = []
            for mirror in mirrors:
                url = f"{mirror}{payload.name}.gz"
                try:
                    _download(opener, url, payload, folder, track(payload.name))
                except _MirrorFailedError as error:
                    failures.append(f"{url}: {error}")
                else:
                    mirrors.remove(mirror)
                    mirrors.insert(0, mirror)
                    break
            else:
                return failures or ["no mirror is known"]
    return []


def install(part: Path, folder: Path, payload: Payload) -> None:
    """Give a verified file its final name.

    Raises:
        DataError: it cannot be renamed.
    """
    try:
        part.replace(folder / f"{payload.name}.gz")
    except OSError as error:
        # Windows refuses to replace a file that another process reads: then it is there already.
        if not holds(folder, payload):
            raise cannot_write(folder, error) from error


def part_path(folder: Path, payload: Payload) -> Path:
    """A passing name that no other process uses."""
    return folder / f".{payload.name}.{secrets.token_hex(4)}{_PART}"


def cannot_write(folder: Path, error: OSError) -> DataError:
    """The error for a folder that data cannot be put into."""
    return DataError(
        f"Expected to write the data to {folder}. Received: {error.strerror or error}. Free some "
        "space or give yourself the right to write there, or give a folder that has the four "
        "files by --data."
    )


def _download(
    opener: OpenerDirector, url: str, payload: Payload, folder: Path, advance: Advance
) -> None:
    """Download one file, check it, and only then give it its name."""
    part = part_path(folder, payload)
    try:
        _receive(opener, url, part, payload, advance)
        try:
            check_payload(part, payload)
        except FileInvalidError as error:
            raise _MirrorFailedError(error.reason) from error
        install(part, folder, payload)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _receive(
    opener: OpenerDirector, url: str, part: Path, payload: Payload, advance: Advance
) -> None:
    """Write what a mirror sends to ``part``."""
    request = Request(url, headers={"User-Agent": "fittingroom"})
    received, length = 0, None
    try:
        with (
            opener.open(request, timeout=connection.CONNECT_SECONDS) as response,
            _writing(part) as write,
        ):
            stated = response.headers.get("Content-Length", "")
            length = int(stated) if stated.isdecimal() else None
            while piece := response.read(_CHUNK):
                received += len(piece)
                # Even stored without compression the file is hardly longer than its content.
                if received > payload.size + _CHUNK:
                    raise _MirrorFailedError(f"sent more than {payload.size:,} bytes")
                write(piece)
                advance(received, length)
    except HTTPError as error:
        error.close()
        raise _MirrorFailedError(f"HTTP {error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise _MirrorFailedError(str(reason) or type(reason).__name__) from error
    if length is not None and received < length:
        raise _MirrorFailedError(f"the connection ended after {received:,} of {length:,} bytes")


@contextmanager
def _writing(part: Path) -> Iterator[Callable[[bytes], None]]:
    """Open a file to write to; its errors are told apart from those of the network."""

    def write(piece: bytes) -> None:
        try:
            stream.write(piece)
        except OSError as error:
            raise cannot_write(part.parent, error) from error

    try:
        stream = part.open("xb")
    except OSError as error:
        raise cannot_write(part.parent, error) from error
    try:
        yield write
    finally:
        try:
            stream.close()
        except OSError as error:
            raise cannot_write(part.parent, error) from error


def _sweep(folder: Path) -> None:
    """Make the folder, and remove what a download left there that was killed a day ago or more."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error
    for part in folder.glob(f".*{_PART}"):
        with suppress(OSError):
            if time.time() - part.stat().st_mtime > _STALE_SECONDS:
                part.unlink()


@contextmanager
def _progress() -> Iterator[Callable[[str], Advance]]:
    """A progress bar for each file, where the output is a terminal."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    console = Console(stderr=True)
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )

    def track(name: str) -> Advance:
        task = progress.add_task(name, total=None)
        return lambda received, length: progress.update(task, completed=received, total=length)

    with progress:
        yield track
