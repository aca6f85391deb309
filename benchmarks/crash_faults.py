"""A training that is killed, or whose disk fails, at a chosen moment: in a process forked for it.

The process that forks has imported everything and started no thread. Every operation by which a
training changes the folder of runs is counted; at a chosen one it fails as a full or broken disk
does, writes half, or the process dies.
"""

import builtins
import contextlib
import io
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fittingroom.errors import FittingRoomError

FINISHED, REFUSED, BROKEN = 0, 10, 11  # exit codes: done; an error in words; any other
_NO_SPACE = 28
_MKDIR = os.mkdir


@dataclass
class Plan:
    """What goes wrong in a process, and when.

    Attributes:
        fault: ``"error"``; ``"half"`` of a write, then an error; ``"death"``; ``"half death"``, half
            of a write, then death.
        at: at which operation, counted from 1; 0 for never.
    """

    fault: str = "error"
    at: int = 0


class Disk:
    """Stands between a process and what it changes below a folder of runs."""

    def __init__(self, runs: Path, plan: Plan) -> None:
        self._runs = str(runs)
        self._plan = plan
        self.operations = ""  # a letter for each

    def step(self, kind: str, half: Callable[[], object] | None = None) -> None:
        """One more operation, its kind as a letter; the chosen one goes wrong."""
        self.operations += kind
        if len(self.operations) != self._plan.at:
            return
        fault = self._plan.fault
        if fault.startswith("half") and half is not None:
            half()
        if fault.endswith("death"):
            os.kill(os.getpid(), signal.SIGKILL)
        raise OSError(_NO_SPACE, "No space left on device")

    def is_ours(self, path: Any) -> bool:
        """Whether a path lies in the folder of runs."""
        return isinstance(path, str | Path) and str(path).startswith(self._runs)

    def install(self) -> None:
        """Count every operation of this process that changes the folder from here on."""
        real_open, real_os_open, real_fsync = io.open, os.open, os.fsync

        def opened(path: Any, mode: str = "r", *rest: Any, **options: Any) -> Any:
            if not self.is_ours(path) or not set(mode) & set("wxa+"):
                return real_open(path, mode, *rest, **options)
            self.step("o")
            return _Stream(real_open(path, mode, *rest, **options), self)

        def os_opened(path: Any, flags: int, *rest: Any, **options: Any) -> int:
            # A folder is opened to flush it; a file that is only read changes nothing.
            written = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            if self.is_ours(path) and (written or Path(path).is_dir()):
                self.step("o")
            return real_os_open(path, flags, *rest, **options)

        def flushed(descriptor: int) -> None:
            self.step("s")
            real_fsync(descriptor)

        patches = ((io, "open", opened), (builtins, "open", opened), (os, "open", os_opened))
        for module, name, patched in (*patches, (os, "fsync", flushed)):
            setattr(module, name, patched)
        for name in ("mkdir", "replace", "rename", "unlink", "remove", "rmdir"):
            setattr(os, name, self._counted(getattr(os, name)))

    def _counted(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Any, *rest: Any, **options: Any) -> Any:
            # Making a folder that exists changes nothing.
            if self.is_ours(path) and not (real is _MKDIR and Path(path).is_dir()):
                self.step("n")
            return real(path, *rest, **options)

        return call


class _Stream:
    """A file that is written to."""

    def __init__(self, stream: Any, disk: Disk) -> None:
        self._stream = stream
        self._disk = disk

    def write(self, content: Any) -> Any:
        def half() -> None:
            self._stream.write(content[: len(content) // 2])
            self._stream.flush()

        self._disk.step("w", half)
        return self._stream.write(content)

    def flush(self) -> None:
        self._disk.step("f")
        self._stream.flush()

    def __enter__(self) -> "_Stream":
        return self

    def __exit__(self, *error: Any) -> None:
        self._stream.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def fork(work: Callable[[], object], runs: Path, plan: Plan | None = None) -> tuple[int, int]:
    """Start a process that does some work on a folder of runs.

    Args:
        work: what it does.
        runs: the folder whose changes are watched.
        plan: what goes wrong.

    Returns:
        Its id, and the end of a pipe from which :func:`wait` reads what it leaves.
    """
    reading, writing = os.pipe()
    identifier = os.fork()
    if identifier:
        os.close(writing)
        return identifier, reading
    code, words = BROKEN, ""
    disk = Disk(runs, plan or Plan())
    try:
        disk.install()
        work()
        code = FINISHED
    except FittingRoomError as error:
        code, words = REFUSED, str(error)
    except BaseException as error:  # noqa: BLE001  (told, and then the process ends)
        words = repr(error)
    finally:
        with contextlib.suppress(OSError):
            os.write(writing, f"{disk.operations}- {words}".encode()[:3000])
        # Nothing of the process that forked it is tidied up here.
        os._exit(code)


def wait(identifier: int, reading: int) -> tuple[int, str, str]:
    """Wait for a process.

    Returns:
        Its exit code, or minus the signal that ended it; its operations, a letter each (open,
        write, flush, flush to the disk as "s", names changed as "n"); its last words.
    """
    _, status = os.waitpid(identifier, 0)
    left = os.read(reading, 4000).decode(errors="replace")
    os.close(reading)
    operations, _, words = left.partition("- ")
    return os.waitstatus_to_exitcode(status), operations, words
