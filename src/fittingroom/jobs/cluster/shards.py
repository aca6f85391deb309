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

from fittingroom.errors import ClusterError, RunError, UsageError
from fittingroom.jobs.classify import PredictOptions, classify, find_images
from fittingroom.jobs.cluster.connection import (
    RETRIES,
    check_seen,
    connected,
    first_line,
    places,
    result_of,
    share_folder,
)
from fittingroom.jobs.load import model_file
from fittingroom.jobs.progress import Progress, Silence
from fittingroom.predict import Model
from fittingroom.predict.packaged import packaged, packaged_model
from fittingroom.runs import only_here, open_output, resolved, write_file

# Images of a shard: some minutes of work for one processor, some MB of answers.
SHARD = 10_000
# The name of a shard's digest among the metadata of its file.
_DIGEST = b"fittingroom"


class _Shard(NamedTuple):
    """Images that follow each other in the list of all, and the file of their answers.

    The digest is a SHA-256 of the names, the model and the settings. The file holds it too, so that
    answers to something else are noticed.
    """

    file: Path
    digest: str
    images: tuple[str, ...]


@dataclass(frozen=True)
class Sharded:
    """The result of classifying many images."""

    out: Path  # the folder of Parquet files
    images: int  # how many there are, answered or not
    broken: int  # how many of them could not be read
    shards: int  # how many files there are
    reused: int  # how many of these were already there


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
        sources, out: as for :func:`fittingroom.jobs.classify.find_images`, and the folder of
            Parquet files; all machines see them.
        model, options: as for :func:`fittingroom.load`, and what an answer is to contain.
        threads: processor threads of each task.
        shard: images of a shard.
        progress: who listens.

    Raises:
        UsageError: `out` holds answers for other images, another model or other settings.
        ClusterError: a machine does not see a folder, or a shard ended its worker each time.
        RunBusyError: another process writes to `out`.
        RunError: a file in `out` is damaged.
    """
    out = resolved(out)
    path, name = (packaged_model("photo"), "photo") if model is None else model_file(model)
    name = Model(path, name=name).name  # a file that is no model is refused
    content = path.read_bytes()
    options = options or PredictOptions()
    settings = [hashlib.sha256(content).hexdigest(), name, str(Path.cwd()), asdict(options)]
    progress = progress or Silence()
    shards = list(_cut(find_images(sources, progress.say), shard, out.resolve(), settings))
    with only_here(open_output(out, "answers"), "answers"):
        before = broken = _answered(shards)
        if missing := [each for each in shards if each.file not in before]:
            # Workers have the package, and its models.
            given = None if model is None else content
            _classify_missing(missing, given, name, options, threads, progress)
            broken = _answered(shards)
    return Sharded(
        out=out,
        images=sum(len(each.images) for each in shards),
        broken=sum(broken.values()),
        shards=len(shards),
        reused=len(before),
    )


def _cut(images: Iterator[str], size: int, out: Path, settings: list[Any]) -> Iterator[_Shard]:
    number = 0
    while chunk := tuple(islice(images, size)):
        words = json.dumps([settings, chunk])
        digest = hashlib.sha256(words.encode()).hexdigest()
        yield _Shard(out / f"shard-{number:06d}.parquet", digest, chunk)
        number += 1


def _answered(shards: Sequence[_Shard]) -> dict[Path, int]:
    """The files that are there already, each with how many of its images could not be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    digests = {each.file: each.digest.encode() for each in shards}
    broken = {}
    for path in sorted(shards[0].file.parent.glob("*.parquet")):
        try:
            with pq.ParquetFile(path) as file:
                digest = (file.schema_arrow.metadata or {}).get(_DIGEST)
                errors = file.read(["error"])
        except (OSError, pa.ArrowException) as error:
            raise RunError(
                f"{path} is damaged: {first_line(error)}. Remove it and run the same command again."
            ) from error
        if digest is None or digest != digests.get(path):
            raise UsageError(
                f"{path} holds answers for other images, another model or other options. Name "
                "another folder with --out."
            )
        broken[path] = len(errors) - errors["error"].null_count
    return broken


def _classify_missing(
    missing: Sequence[_Shard],
    model: bytes | None,
    name: str,
    options: PredictOptions,
    threads: int,
    progress: Progress,
) -> None:
    """Classify shards, a few at a time."""
    first = missing[0].images[0]
    with connected() as ray, progress.track("shards", len(missing)) as advance:
        # os.path, because Path.exists raises what the system says of a name that is too long.
        seen = [Path(first)] if os.path.exists(first) else []  # noqa: PTH110
        marker = share_folder(ray, missing[0].file.parent, seen)
        at_a_time = 2 * places(ray, threads)
        task = ray.remote(num_cpus=threads, max_retries=RETRIES)(_classify)
        work = (ray.put(model), name, Path.cwd(), options, threads, marker)
        waiting = iter(missing)
        running: dict[Any, _Shard] = {}
        done = 0
        for number in range(1, len(missing) + 1):
            for shard in islice(waiting, at_a_time - len(running)):
                running[task.remote(shard, *work)] = shard
            (reference,), _ = ray.wait(list(running))
            shard = running.pop(reference)
            result_of(ray, reference, functools.partial(_lost, shard))
            done += len(shard.images)
            advance(number, f"{done:,} images")


def _lost(shard: _Shard, reason: str) -> ClusterError:
    return ClusterError(
        f"{shard.file.name} was not written: {RETRIES + 1} workers died while they classified its "
        f"{len(shard.images):,} images, from {shard.images[0]} on ({reason}). The other files are "
        "kept. Look for an image that ends the process, or for too little memory."
    )


def _classify(
    shard: _Shard,
    model: bytes | None,
    name: str,
    folder: Path,
    options: PredictOptions,
    threads: int,
    marker: Path,
) -> None:
    """What a worker does: write a shard's file. Relative names are below the folder."""
    check_seen([marker])
    images = ((image, str(folder / image)) for image in shard.images)
    rows = [each.to_json(options) for each in classify(_model(model, name, threads), images)]
    for row in rows:
        row |= {key: _text(row[key]) for key in ("file", "error") if key in row}
    write_file(shard.file, _as_parquet(rows, shard.digest))


@functools.lru_cache(maxsize=1)
def _model(content: bytes | None, name: str, threads: int) -> Model:
    """The model, or those of the package, which a worker keeps from shard to shard."""
    return Model(content, name=name, threads=threads) if content else packaged(threads)


def _text(name: str) -> str:
    r"""A name as UTF-8, which Parquet needs; a byte of a file name that is not becomes ``\xff``."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _as_parquet(rows: list[dict[str, Any]], digest: str) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    likely = pa.struct([("class", pa.string()), ("probability", pa.float64())])
    schema = pa.schema(
        [
            ("file", pa.string()),
            ("class", pa.string()),
            ("label", pa.uint16()),
            ("probability", pa.float64()),
            ("abstain", pa.string()),
            ("model", pa.string()),
            ("top", pa.list_(likely)),
            ("error", pa.string()),
        ],
        {_DIGEST: digest},
    )
    stream = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows, schema), stream)
    return stream.getvalue().to_pybytes()
