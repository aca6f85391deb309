"""Many pictures, classified on a Ray cluster into one Parquet file for each shard of them."""

import dataclasses
import functools
import hashlib
import json
import logging
import os
import secrets
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fittingroom.errors import ClusterError, PhotoError, RunError, UsageError
from fittingroom.jobs.classify import Found, classify, find_pictures
from fittingroom.jobs.cluster.connection import check_seen, connected, seen_by_all, slots
from fittingroom.jobs.load import file_of
from fittingroom.jobs.progress import Progress, Silence
from fittingroom.predict import Model
from fittingroom.runs import make_folder, write_file
from fittingroom.runs.files import cannot_write
from fittingroom.untrusted import Refusal, read_json

_FORMAT = 1
_MANIFEST = "manifest.json"
_NAMES = "pictures.jsonl"
_MODEL = "model.onnx"
# Pictures of a shard: some minutes of work of one processor, some MB of answers.
SHARD = 10_000
_LARGEST_MANIFEST = 256 * 2**20


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
    address: str | None = None,
    shard: int = SHARD,
    progress: Progress | None = None,
) -> Sharded:
    """Classify pictures through Ray Data, a Parquet file for each shard; go on where it was.

    The names of all pictures are written down first, sorted, and cut into shards, so that a shard
    holds the same pictures whenever this runs. A shard's file is there once it is whole, and is
    then left as it is. A row has the names of ``predict --json`` (docs/scripts.md), and ``error``;
    a picture that cannot be read has ``file`` and ``error`` alone.

    Held in memory are the names in one folder at a time here, and a shard's answers in a worker.

    Args:
        sources: as for :func:`fittingroom.jobs.classify.find_pictures`; all machines see them.
        out: the folder of Parquet files, which all machines see.
        model: as for :func:`fittingroom.load`.
        top: how many of the likeliest classes a row names.
        threads: of each worker.
        address: as for :func:`fittingroom.compare`.
        shard: pictures of a shard.
        progress: who listens.

    Raises:
        UsageError: `out` was begun with other pictures, another model or other settings, or no
            machine has so many threads.
        ClusterError: the cluster is not there, or a machine of it misses a folder.
        RunError: `out` cannot be written.
    """
    progress = progress or Silence()
    content = file_of(model).read_bytes()
    settings = {
        "format": _FORMAT,
        "model": hashlib.sha256(content).hexdigest(),
        "folder": str(Path.cwd()),
        "sources": list(sources),
        "top": top,
        "shard": shard,
    }
    make_folder(out)
    shards = _plan(find_pictures(sources), out, settings, content)
    missing = [each for each in shards if not (out / each.file).exists()]
    if missing:
        first = Path(next(_names(out / _NAMES, shards[0])).name)
        work = {
            "out": out.resolve(),
            "folder": Path.cwd(),
            "top": top,
            "threads": threads,
        }
        with connected(address) as ray:
            marker = seen_by_all(ray, out, [first] if first.exists() else [])
            workers = min(slots(ray, threads, None), len(missing))
            with warnings.catch_warnings():
                # It sets old settings of its own, and warns of them.
                warnings.filterwarnings("ignore", category=DeprecationWarning, module="ray")
                _go_through(ray, missing, work | {"marker": marker}, workers, progress)
    pictures = sum(each.pictures for each in shards)
    broken = sum(_broken(out / each.file, each) for each in shards)
    return Sharded(out, pictures, broken, len(shards), len(shards) - len(missing))


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
        if before is not None:
            _check_same(before, planned, out)
        else:
            names.replace(out / _NAMES)
            write_file(out / _MODEL, model)
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

    context = data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    rows = [dataclasses.asdict(each) for each in shards]
    done = (
        data.from_items(rows, override_num_blocks=len(rows))
        .map(_classify, fn_kwargs=work, num_cpus=work["threads"], concurrency=workers)
        .iter_rows()
    )
    pictures = 0
    with progress.track("shards", len(shards)) as advance:
        try:
            for number, row in enumerate(done, start=1):
                pictures += int(row["pictures"])
                advance(number, f"{pictures:,} pictures")
        except ray.exceptions.RayError as error:
            cause = getattr(error, "cause", None)
            if isinstance(cause, ClusterError | RunError):
                raise cause from None
            raise


def _classify(
    row: dict[str, Any], *, out: Path, folder: Path, top: int, threads: int, marker: Path
) -> dict[str, Any]:
    """What a worker does: classify a shard and leave its file."""
    check_seen([marker])
    shard = Shard(**{name: int(value) for name, value in row.items()})
    pictures = (
        (found.name, PhotoError(found.error) if found.error else str(folder / found.name))
        for found in _names(out / _NAMES, shard)
    )
    answered: list[dict[str, Any]] = []
    for each in classify(_model(out / _MODEL, threads), pictures):
        said = {"error": each.error} if each.answer is None else each.answer.to_json(top)
        # Parquet holds UTF-8; names of other systems may be none.
        name = each.file.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        answered.append({"file": name, **said})
    write_file(out / shard.file, _parquet(answered))
    return {"shard": shard.number, "pictures": len(answered)}


@functools.lru_cache(maxsize=1)
def _model(path: Path, threads: int) -> Model:
    """The model, which a worker keeps from shard to shard."""
    return Model(path, threads=threads)


def _parquet(rows: list[dict[str, Any]]) -> bytes:
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
        ]
    )
    stream = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows, schema), stream)
    content: bytes = stream.getvalue().to_pybytes()
    return content


def _broken(path: Path, shard: Shard) -> int:
    """How many of a shard's pictures could not be read.

    Raises:
        RunError: the file is not the shard's.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        errors = pq.read_table(path, columns=["error"])
    except (OSError, pa.ArrowException) as error:
        raise RunError(
            f"Expected the answers of shard {shard.number} in {path}. Received: {error}. Remove "
            "the file, and it is made again."
        ) from error
    if len(errors) != shard.pictures:
        raise RunError(
            f"Expected the answers for {shard.pictures} pictures in {path}. Received "
            f"{len(errors)}. Remove the file, and it is made again."
        )
    return len(errors) - int(errors["error"].null_count)
