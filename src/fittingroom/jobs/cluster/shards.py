"""Many pictures, classified on a Ray cluster into one Parquet file for each shard of them."""

import contextlib
import dataclasses
import functools
import hashlib
import itertools
import json
import logging
import os
import secrets
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fittingroom.errors import (
    ClusterError,
    FittingRoomError,
    PhotoError,
    RunBusyError,
    RunError,
    UsageError,
)
from fittingroom.jobs.classify import Found, classify, find_pictures
from fittingroom.jobs.cluster.answers import as_parquet, count_broken
from fittingroom.jobs.cluster.connection import check_seen, connected, seen_by_all, slots
from fittingroom.jobs.load import file_of
from fittingroom.jobs.progress import Progress, Silence
from fittingroom.predict import Model
from fittingroom.runs import make_folder, write_file
from fittingroom.runs.files import cannot_write, is_leftover, remove_file
from fittingroom.safe_io import Refusal, read_json

_FORMAT = 1
_MANIFEST = "manifest.json"
_NAMES = "pictures.jsonl"
_MODEL = "model.onnx"
# Pictures of a shard: some minutes of work of one processor, some MB of answers.
SHARD = 10_000
# What a command that died may have left half-written; other names are somebody else's.
_OWN_LEFTOVERS = (f".{_MANIFEST}.", f".{_NAMES}.", f".{_MODEL}.", ".shard-", "..ray-")
_LARGEST_MANIFEST = 256 * 2**20
# Ray Data begins a shard anew for ever where its worker is lost; so often it may. A file counts.
_ATTEMPTS = 6
_TRIES = ".tries-"


@dataclass(frozen=True)
class Shard:
    """Pictures that follow each other in the sorted list of all.

    Attributes:
        number: which shard, from 0.
        offset: where its names begin in the file of names, in bytes.
        size: how many bytes its names take there.
        pictures: how many it has.
    """

    number: int
    offset: int
    size: int
    pictures: int

    @property
    def file(self) -> str:
        """The name of the Parquet file with its answers."""
        return f"shard-{self.number:06d}.parquet"


@dataclass(frozen=True)
class Sharded:
    """What classifying a folder left.

    Attributes:
        out: the folder of Parquet files.
        pictures: how many there are, answered or not.
        broken: how many of them could not be read.
        shards: how many files there are.
        reused: how many of these were there already.
    """

    out: Path
    pictures: int
    broken: int
    shards: int
    reused: int

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return dataclasses.asdict(self) | {"out": str(self.out)}


def classify_shards(
    sources: Sequence[str],
    out: Path,
    *,
    model: Path | None = None,
    top: int = 3,
    threads: int = 1,
    shard: int = SHARD,
    progress: Progress | None = None,
) -> Sharded:
    """Classify pictures through Ray Data, a Parquet file for each shard; go on where it was.

    The names of all pictures are written down first, sorted, and cut into shards, so that a shard
    holds the same pictures whenever this runs. A shard that is there whole is kept.
    A row has the names of ``predict --json`` (docs/how-to/scripts.md), and ``error``;
    a picture that cannot be read has ``file`` and ``error`` alone.

    Held in memory are the names in one folder at a time here, and a shard's answers in a worker.

    Args:
        sources: as for :func:`fittingroom.jobs.classify.find_pictures`; all machines see them.
        out: the folder of Parquet files, which all machines see.
        model: as for :func:`fittingroom.load`.
        top: how many of the likeliest classes a row names.
        threads: of each worker.
        shard: pictures of a shard.
        progress: who listens.

    Raises:
        UsageError: `out` was begun with other pictures, another model or other settings, or holds
            something else; there are no pictures, or no machine has so many threads.
        ClusterError: the cluster is not there, or a machine of it misses a folder.
        RunBusyError: another process answers into `out`.
        RunError: `out` cannot be written, or a file there is not the shard that it should be.
    """
    progress = progress or Silence()
    if shard < 1:
        raise UsageError(f"Expected shards of 1 picture or more. Received {shard}.")
    content = file_of(model).read_bytes()
    settings = {
        "format": _FORMAT,
        "model": hashlib.sha256(content).hexdigest(),
        "folder": str(Path.cwd()),
        "sources": list(sources),
        "top": top,
        "shard": shard,
    }
    pictures = find_pictures(sources)
    first = next(pictures, None)  # where there is none, nothing is made
    if first is None:
        raise UsageError("Expected files, folders or patterns of pictures. Received none.")
    with _alone(make_folder(out)):
        for path in out.iterdir():
            half_written = is_leftover(path) and path.name.startswith(_OWN_LEFTOVERS)
            if half_written or path.name.startswith(_TRIES):
                remove_file(path)
        shards = _plan(itertools.chain([first], pictures), out, settings, content)
        there = [(out / each.file).exists() for each in shards]
        missing = [each for each, found in zip(shards, there, strict=True) if not found]
        # Before anything is done, which may take hours: a file that is no shard is told at once.
        broken = _count_broken(out, itertools.compress(shards, there))
        if missing:
            work = {
                "out": out.resolve(),
                "folder": Path.cwd(),
                "model": settings["model"],
                "top": top,
                "threads": threads,
            }
            # Not Path's own, which raises what the system says of a name that is too long.
            named = [Path(first.name)] if os.path.exists(first.name) else []  # noqa: PTH110
            with connected() as ray:
                work["marker"] = seen_by_all(ray, out, named)
                workers = min(slots(ray, threads, None), len(missing))
                _go_through(ray, missing, work, workers, progress)
        broken += _count_broken(out, missing)
    count = sum(each.pictures for each in shards)
    return Sharded(out, count, broken, len(shards), len(shards) - len(missing))


def _count_broken(out: Path, shards: Iterable[Shard]) -> int:
    return sum(count_broken(out / each.file, each.pictures) for each in shards)


@contextlib.contextmanager
def _alone(out: Path) -> Iterator[None]:
    """While it lasts, no other process answers into this folder.

    Raises:
        RunBusyError: another process does so now.
        RunError: the folder cannot be written to.
    """
    import filelock

    lock = filelock.FileLock(out / ".lock", blocking=False, thread_local=False)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise RunBusyError(
            f"Expected to be alone in answering into {out}. Received a second command that does: "
            "another process is at it. Wait for it, stop it, or name another folder: --out."
        ) from error
    except OSError as error:
        raise cannot_write(out / ".lock", error) from error
    try:
        yield
    finally:
        lock.release()


def _plan(
    pictures: Iterator[Found], out: Path, settings: dict[str, Any], model: bytes
) -> list[Shard]:
    """Write names and model down and cut the names into shards, or find that this was done before.

    Raises:
        UsageError: it was done for something else.
    """
    names = out / f".{_NAMES}.{secrets.token_hex(4)}"
    digest = hashlib.sha256()
    shards: list[Shard] = []
    at = start = count = 0
    try:
        with names.open("xb") as stream:
            for picture in pictures:
                line = (json.dumps(dataclasses.astuple(picture)) + "\n").encode()
                stream.write(line)
                digest.update(line)
                at, count = at + len(line), count + 1
                if count == settings["shard"]:
                    shards.append(Shard(len(shards), start, at - start, count))
                    start, count = at, 0
            if count:
                shards.append(Shard(len(shards), start, at - start, count))
            stream.flush()
            os.fsync(stream.fileno())
        planned = {
            **settings,
            "pictures": sum(each.pictures for each in shards),
            "names_sha256": digest.hexdigest(),
            "shards": [list(dataclasses.astuple(each)[1:]) for each in shards],
        }
        before = _manifest(out)
        if before is None:
            _check_new(out)
        else:
            _check_same(before, planned, out)
        # Again where this was begun: what lies there may have been harmed since.
        names.replace(out / _NAMES)
        write_file(out / _MODEL, model)
        if before is None:
            # Last: a folder without it was not begun.
            write_file(out / _MANIFEST, (json.dumps(planned) + "\n").encode())
    except OSError as error:
        raise cannot_write(names, error) from error
    finally:
        names.unlink(missing_ok=True)
    return shards


def _manifest(out: Path) -> dict[str, Any] | None:
    try:
        manifest = read_json(out / _MANIFEST, _LARGEST_MANIFEST)
    except FileNotFoundError:
        return None
    except Refusal as error:
        raise RunError(str(error)) from error
    return manifest if isinstance(manifest, dict) else {}


def _check_new(out: Path) -> None:
    """Check that nothing in a folder without a manifest would be written over or taken for answers.

    Raises:
        UsageError: something would.
    """
    foreign = min(out.glob("shard-*.parquet"), default=None)
    if foreign is None and (out / _MODEL).exists() and not (out / _NAMES).exists():
        foreign = out / _MODEL  # where this was broken off before its manifest, both are there
    if foreign is not None:
        raise UsageError(
            f"Expected in {out} nothing of that name, or what this command left with its "
            f"{_MANIFEST}. Received {foreign.name} without one. Name another folder: --out."
        )


def _check_same(before: dict[str, Any], planned: dict[str, Any], out: Path) -> None:
    changed = [name for name, value in planned.items() if before.get(name) != value]
    if not changed:
        return
    said = {"names_sha256": "other pictures", "model": "another model"}
    what = ", ".join(dict.fromkeys(said.get(name, f"another `{name}`") for name in changed))
    raise UsageError(
        f"Expected in {out} answers for the same pictures by the same model, begun earlier. "
        f"Received {what}: {before.get('pictures')} pictures then, {planned['pictures']} now. Name "
        "another folder: --out."
    )


def _names(path: Path, shard: Shard) -> Iterator[Found]:
    """The names of a shard's pictures."""
    with path.open("rb") as stream:
        stream.seek(shard.offset)
        for line in stream.read(shard.size).splitlines():
            yield Found(*json.loads(line))


def _go_through(
    ray: Any, shards: Sequence[Shard], work: dict[str, Any], workers: int, progress: Progress
) -> None:
    """All shards through Ray Data, each worker one at a time, with the model in its memory."""
    import ray.data as data

    rows = [dataclasses.asdict(each) for each in shards]
    pictures = 0
    with _quiet(data), progress.track("shards", len(rows)) as advance:
        done = (
            data.from_items(rows, override_num_blocks=len(rows))
            .map(_classify, fn_kwargs=work, num_cpus=work["threads"], concurrency=workers)
            .iter_rows()
        )
        try:
            for number, row in enumerate(done, start=1):
                pictures += int(row["pictures"])
                advance(number, f"{pictures:,} pictures")
        except ray.exceptions.RayError as error:
            cause = getattr(error, "cause", None)
            if isinstance(cause, FittingRoomError):
                raise cause from None
            raise


@contextlib.contextmanager
def _quiet(data: Any) -> Iterator[None]:
    """Ray Data tells nothing, and raises what workers raise; afterwards its settings in this
    process are what they were."""
    wanted = {
        "enable_progress_bars": False,
        "print_on_execution_start": False,
        "raise_original_map_exception": True,
    }
    logger = logging.getLogger("ray.data")
    level = logger.level
    with warnings.catch_warnings():
        # It sets old settings of its own, and warns of them.
        warnings.filterwarnings("ignore", category=DeprecationWarning, module="ray")
        context = data.DataContext.get_current()
        before = {name: getattr(context, name) for name in wanted}
        try:
            for name, value in wanted.items():
                setattr(context, name, value)
            logger.setLevel(logging.CRITICAL)  # what goes wrong is told by what it raises
            yield
        finally:
            logger.setLevel(level)
            for name, value in before.items():
                setattr(context, name, value)


def _classify(
    row: dict[str, Any],
    *,
    out: Path,
    folder: Path,
    model: str,
    top: int,
    threads: int,
    marker: Path,
) -> dict[str, Any]:
    """What a worker does: classify a shard and leave its file."""
    check_seen([marker])
    shard = Shard(**{name: int(value) for name, value in row.items()})
    tries = _try_once_more(out, shard)
    pictures = (
        (found.name, PhotoError(found.error) if found.error else str(folder / found.name))
        for found in _names(out / _NAMES, shard)
    )
    answered: list[dict[str, Any]] = []
    for each in classify(_model(out / _MODEL, model, threads), pictures):
        said = {"error": _text(each.error)} if each.answer is None else each.answer.to_json(top)
        answered.append({"file": _text(each.file), **said})
    write_file(out / shard.file, as_parquet(answered))
    remove_file(tries)
    return {"shard": shard.number, "pictures": len(answered)}


def _try_once_more(out: Path, shard: Shard) -> Path:
    """Count an attempt at a shard, in a file that is removed once it is done.

    Raises:
        ClusterError: there were enough.
        RunError: the file cannot be written.
    """
    tries = out / f"{_TRIES}{shard.number:06d}"
    try:
        with tries.open("ab") as stream:
            stream.write(b".")
            count = stream.tell()
    except OSError as error:
        raise cannot_write(tries, error) from error
    if count > _ATTEMPTS:
        raise ClusterError(
            f"Expected {shard.file} to be classified. Received no word from {_ATTEMPTS} workers "
            "that began it: one of its pictures ends them, it seems, or their memory does not last."
            f" They are lines of {_NAMES}, from byte {shard.offset} on. What is done stays."
        )
    return tries


def _text(name: str) -> str:
    """What Parquet holds, UTF-8: names of other systems, and what is said of them, may be none."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


@functools.lru_cache(maxsize=1)
def _model(path: Path, digest: str, threads: int) -> Model:
    """The model, which a worker keeps from shard to shard; of another digest it is another one."""
    return Model(path, threads=threads)
