"""A training that is killed, or whose disk fails, at a chosen moment: in a process that is forked for it.

The process that forks has imported everything and started no thread. Every operation by which a
training changes the folder of runs is counted; at a chosen one it fails as a full or broken disk
does, writes half, or is where the process dies. What the process is at is told through a byte of
shared memory, which outlives it.
"""

import builtins
import contextlib
import io
import mmap
import os
import resource
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fittingroom.errors import FittingRoomError

# At an operation: an error instead of it; half of a write and then an error; death before it; half
# of a write and then death; a folder that is read-only from there on.
Fault = Literal["error", "half", "death", "half death", "read-only"]

FINISHED, REFUSED, BROKEN = 0, 10, 11  # exit codes: done; an error in words; any other
_NO_SPACE = 28
_MKDIR = os.mkdir
_NOBODY = 65534

# What a training is at, in its order.
STAGES = (
    "before its folder",
    "before the first checkpoint",
    "in an epoch",
    "in the export",
    "after the manifest",
)
WRITING = (
    "the recipe and environment",
    "the history",
    "a checkpoint",
    "a result",
    "the manifest",
)
# For each file: what is written, and the stage that is reached with it.
_KINDS = {
    "recipe.json": (0, 1),
    "environment.json": (0, 1),
    "history.jsonl": (1, 1),
    "checkpoint.safetensors": (2, 2),
    "manifest.json": (4, 4),
}
_RESULT = (3, 3)


class Moment:
    """Where a process is, in memory that it shares with the one that forked it."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 2)

    def clear(self) -> None:
        """For the next process."""
        self._memory[:2] = b"\0\0"

    def reach(self, stage: int) -> None:
        """Note a stage; an earlier one is not gone back to."""
        self._memory[0] = max(self._memory[0], stage)

    @contextlib.contextmanager
    def writing(self, name: str) -> Iterator[None]:
        """Note that a file is written, for as long as that takes."""
        kind, stage = _KINDS.get(name, _RESULT)
        self._memory[1] = 1 + kind
        yield
        self.reach(stage)
        self._memory[1] = 0

    @property
    def words(self) -> str:
        """Where the process was when it died."""
        stage, kind = self._memory[0], self._memory[1]
        return f"while writing {WRITING[kind - 1]}" if kind else STAGES[stage]


@dataclass
class Plan:
    """What goes wrong in a process, and when.

    Attributes:
        fault: what.
        at: at which operation, counted from 1; 0 for never.
    """

    fault: Fault = "error"
    at: int = 0


class Disk:
    """Stands between a process and what it changes below a folder of runs."""

    def __init__(self, runs: Path, plan: Plan) -> None:
        self._runs = str(runs)
        self._plan = plan
        self.operations = ""  # a letter each

    def step(self, kind: str, half: Callable[[], object] | None = None) -> None:
        """One more operation, its kind as a letter; the one that was chosen goes wrong."""
        self.operations += kind
        if len(self.operations) != self._plan.at:
            return
        fault = self._plan.fault
        if fault.startswith("half") and half is not None:
            half()
        if fault == "read-only":
            for folder in (Path(self._runs), *Path(self._runs).glob("*")):
                if folder.is_dir() and folder.stat().st_uid == os.geteuid():
                    folder.chmod(0o555)
            return
        if fault.endswith("death"):
            os.kill(os.getpid(), signal.SIGKILL)
        raise OSError(_NO_SPACE, "No space left on device")

    def is_ours(self, path: Any) -> bool:
        """Whether a path lies in the folder of runs."""
        return isinstance(path, str | Path) and str(path).startswith(self._runs)

    def install(self) -> None:
        """From here on every operation of this process that changes the folder is counted."""
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
            # A folder that is there already is not made: asking for it changes nothing.
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


def fork(
    work: Callable[[], object],
    runs: Path,
    moment: Moment,
    plan: Plan | None = None,
    *,
    file_bytes: int | None = None,
    as_nobody: bool = False,
) -> tuple[int, int]:
    """Start a process that does some work on a folder of runs.

    Args:
        work: what it does.
        runs: the folder whose changes are watched.
        moment: where it tells what it is at.
        plan: what goes wrong.
        file_bytes: no file may become larger, as on a full disk.
        as_nobody: without the rights of root, which no read-only folder stops.

    Returns:
        Its id, and the end of a pipe from which :func:`wait` reads what it leaves.
    """
    moment.clear()
    reading, writing = os.pipe()
    identifier = os.fork()
    if identifier:
        os.close(writing)
        return identifier, reading
    code = BROKEN
    try:
        disk = Disk(runs, plan or Plan())
        _watch(moment)
        if file_bytes is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, resource.RLIM_INFINITY))
        if as_nobody and os.geteuid() == 0:
            os.setgroups([])
            os.setgid(_NOBODY)
            os.setuid(_NOBODY)
        disk.install()
        try:
            work()
            code = FINISHED
        except FittingRoomError as error:
            code = REFUSED
            os.write(writing, f"{disk.operations}- {error}".encode())
        else:
            os.write(writing, f"{disk.operations}- ".encode())
    except BaseException as error:  # noqa: BLE001  (told, and then the process ends)
        with contextlib.suppress(OSError):
            os.write(writing, f"- {error!r}".encode()[:2000])
    finally:
        # Nothing of the process that forked it is tidied up here.
        os._exit(code)


def wait(identifier: int, reading: int) -> tuple[int, str, str]:
    """Wait for a process.

    Returns:
        Its exit code, or minus the signal that ended it; the operations that it came to, a letter
        each (open, write, flush, flush to the disk as "s", names changed as "n"); its last words.
    """
    _, status = os.waitpid(identifier, 0)
    said = os.read(reading, 4000).decode(errors="replace")
    os.close(reading)
    operations, _, words = said.partition("- ")
    return os.waitstatus_to_exitcode(status), operations, words


def _watch(moment: Moment) -> None:
    """Tell through the moment which file is written."""
    from fittingroom.runs import checkpoints, folder, manifests

    def patch(owner: Any, name: str, before: Callable[..., Any]) -> None:
        real = getattr(owner, name)

        def told(*arguments: Any) -> Any:
            with before(*arguments):
                return real(*arguments)

        setattr(owner, name, told)

    @contextlib.contextmanager
    def going_on(run: Path, checkpoint: object) -> Iterator[None]:
        moment.reach(1 if checkpoint is None else 2)
        yield

    patch(folder.RunWriter, "again", going_on)
    for module in (checkpoints, folder, manifests):
        patch(module, "write_file", lambda path, content: moment.writing(path.name))
