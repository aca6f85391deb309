"""Classify many images on a Ray cluster: a task for each shard, which leaves one Parquet file."""

import functools
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from fittingroom.errors import ClusterError, FittingRoomError, RunError, UsageError
from fittingroom.jobs.classify import PredictOptions, classify, find_images
from fittingroom.jobs.cluster.connection import (
    RETRIES,
    check_seen,
    connected,
    first_line,
    places,
    share_folder,
)
from fittingroom.jobs.load import file_of
from fittingroom.jobs.progress import Progress, Silence
from fittingroom.predict import Model
from fittingroom.runs import make_folder, only_here, write_file

# Images of a shard: some minutes of work for one processor, some MB of answers.
SHARD = 10_000
_METADATA = b"fittingroom"


@dataclass(frozen=True)
class Shard:
    """Images that follow each other in the list of all.

    Attributes:
        file: the Parquet file with its answers.
        digest: SHA-256 of the names, the model and the settings. The file holds it too, so that
            answers to something else are noticed.
        images: their names.
    """

    file: Path
    digest: str
    images: tuple[str, ...]


class _Work(NamedTuple):
    """What all shards have in common."""

    model: bytes
    folder: Path  # of relative names
    out: Path
    options: PredictOptions
    threads: int


@dataclass(frozen=True)
class Sharded:
    """The result of classifying many images.

    Attributes:
        out: the folder of Parquet files.
        images: how many images there are, answered or not.
        broken: how many of them could not be read.
        shards: how many files there are.
        reused: how many of these were already there.
    """

    out: Path
    images: int
    broken: int
    shards: int
    reused: int

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self) | {"out": str(self.out)}


def classify_shards(
    sources: Sequence[str],
    out: Path,
    *,
    model: Path | None = None,
    options: PredictOptions | None = None,
    threads: int = 1,
    shard: int = SHARD,
    progress: Progress | None = None,
) -> Sharded:
    """Classify images on a Ray cluster into a Parquet file for each shard, or continue to do so.

    Shards are cut from the list of all images in its order, so that the same command cuts the same
    ones, and skips those whose file is there. A row has the names of ``predict --json``
    (``docs/how-to/scripts.md``). Of an image that cannot be read it has ``file`` and ``error``
    only. The names of all images are held in memory.

    Args:
        sources: as for :func:`fittingroom.jobs.classify.find_images`; all machines see them.
        out: the folder of Parquet files, which all machines see.
        model: as for :func:`fittingroom.load`.
        options: what an answer is to contain.
        threads: processor threads of each task.
        shard: images of a shard.
        progress: who listens.

    Raises:
        UsageError: `out` holds answers for other images, another model or other settings, there
            are no images, or no machine has so many threads.
        ClusterError: the cluster isn't there, a machine of it does not see a folder, or a shard
            ended its worker each time.
        RunBusyError: another process writes to `out`.
        RunError: `out` cannot be written, or a file in it is damaged.
    """
    content = file_of(model).read_bytes()
    options = options or PredictOptions()
    settings = [hashlib.sha256(content).hexdigest(), str(Path.cwd()), asdict(options)]
    shards = list(_cut(find_images(sources), shard, out, settings))
    if not shards:
        raise UsageError("There are no images to classify. Name files, folders or patterns.")
    with only_here(make_folder(out), "answers"):
        broken = _answered(shards, out)
        missing = [each for each in shards if each.file not in broken]
        if missing:
            work = _Work(content, Path.cwd(), out.resolve(), options, threads)
            broken |= _classify_missing(missing, work, progress or Silence())
    return Sharded(
        out=out,
        images=sum(len(each.images) for each in shards),
        broken=sum(broken.values()),
        shards=len(shards),
        reused=len(shards) - len(missing),
    )


def _cut(images: Iterator[str], size: int, out: Path, settings: list[Any]) -> Iterator[Shard]:
    number = 0
    while chunk := tuple(islice(images, size)):
        words = json.dumps([settings, chunk])
        digest = hashlib.sha256(words.encode()).hexdigest()
        yield Shard(out / f"shard-{number:06d}.parquet", digest, chunk)
        number += 1


def _answered(shards: Sequence[Shard], out: Path) -> dict[Path, int]:
    """The files that are there already, each with how many of its images could not be read.

    Raises:
        UsageError: one of them holds other answers.
        RunError: one of them is damaged.
    """
    digests = {each.file: each.digest for each in shards}
    broken = {}
    for path in sorted(out.glob("*.parquet")):
        digest, count = _read_metadata(path)
        if digest != digests.get(path):
            raise UsageError(
                f"{path} holds answers for other images, another model or other options. Name "
                "another folder with --out."
            )
        broken[path] = count
    return broken


def _read_metadata(path: Path) -> tuple[str | None, int]:
    """A file's digest, None if it is not one of ours, and how many images could not be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        metadata = pq.read_schema(path).metadata or {}
    except (OSError, pa.ArrowException) as error:
        raise RunError(
            f"{path} is damaged: {first_line(error)}. Remove it and run the same command again."
        ) from error
    noted = json.loads(metadata.get(_METADATA, b"{}"))
    return noted.get("digest"), noted.get("broken", 0)


def _classify_missing(missing: Sequence[Shard], work: _Work, progress: Progress) -> dict[Path, int]:
    """Classify shards; for each file, how many of its images could not be read."""
    first = missing[0].images[0]
    with connected() as ray, progress.track("shards", len(missing)) as advance:
        # os.path, because Path.exists raises what the system says of a name that is too long.
        seen = [Path(first)] if os.path.exists(first) else []  # noqa: PTH110
        marker = share_folder(ray, work.out, seen)
        at_a_time = 2 * places(ray, work.threads)
        task = ray.remote(num_cpus=work.threads, max_retries=RETRIES)(_classify)
        shared = ray.put(work)
        waiting = iter(missing)
        running: dict[Any, Shard] = {}
        broken: dict[Path, int] = {}
        done = 0
        while len(broken) < len(missing):
            for shard in islice(waiting, at_a_time - len(running)):
                running[task.remote(shard, shared, marker)] = shard
            (reference,), _ = ray.wait(list(running))
            shard = running.pop(reference)
            broken[shard.file] = _result(ray, reference, shard)
            done += len(shard.images)
            advance(len(broken), f"{done:,} images")
    return broken


def _result(ray: Any, reference: Any, shard: Shard) -> int:
    try:
        count: int = ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, FittingRoomError):
            raise error.cause from None
        raise
    except ray.exceptions.RayError as error:
        raise ClusterError(
            f"{shard.file.name} was not written: {RETRIES + 1} workers died while they classified "
            f"its {len(shard.images):,} images, from {shard.images[0]} on "
            f"({first_line(error)}). The other files are kept. Look for an image that ends the "
            "process, or for too little memory."
        ) from error
    return count


def _classify(shard: Shard, work: _Work, marker: Path) -> int:
    """What a worker does: write a shard's file; how many of its images could not be read."""
    check_seen([marker])
    images = ((name, str(work.folder / name)) for name in shard.images)
    rows: list[dict[str, Any]] = []
    broken = 0
    for each in classify(_model(work.model, work.threads), images):
        row = each.to_json(work.options)
        rows.append(row | {name: _text(row[name]) for name in ("file", "error") if name in row})
        broken += each.answer is None
    write_file(work.out / shard.file.name, _as_parquet(rows, shard.digest, broken))
    return broken


@functools.lru_cache(maxsize=1)
def _model(content: bytes, threads: int) -> Model:
    """The model, which a worker keeps from shard to shard."""
    return Model(content, threads=threads)


def _text(name: str) -> str:
    """A name as UTF-8, which Parquet needs and file names need not be."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _as_parquet(rows: list[dict[str, Any]], digest: str, broken: int) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    likely = pa.struct([("class", pa.string()), ("probability", pa.float64())])
    schema = pa.schema(
        [
            ("file", pa.string()),
            ("class", pa.string()),
            ("label", pa.uint8()),
            ("probability", pa.float64()),
            ("abstain", pa.string()),
            ("top", pa.list_(likely)),
            ("error", pa.string()),
        ],
        {_METADATA: json.dumps({"digest": digest, "broken": broken}).encode()},
    )
    stream = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows, schema), stream)
    content: bytes = stream.getvalue().to_pybytes()
    return content
