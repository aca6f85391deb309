"""Read Parquet files of encoded images, as Hugging Face writes them; needs the package pyarrow."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from textwrap import shorten
from threading import Lock
from typing import Any

from fittingroom.data.content import PARTS, Content, Decoded, FileInvalidError, Part, labelled
from fittingroom.errors import missing_extra

NEEDS = "train-*.parquet and test-*.parquet, there or in data/, or one file, of images and labels"

_WORD = re.compile(r"[a-z]+(?=[-_.])")  # that a file's name begins with
_IMAGE = re.compile(r"(large_)?binary|struct<.*\bbytes: ")  # types of columns


def recognises(path: Path) -> bool:
    """Whether it is a Parquet file, or a folder with some, in itself or in ``data/``."""
    return bool(_files(path))


def read(path: Path) -> Content:
    """The images and labels of one file, or of all shards in a folder.

    Only labels are read here. Images are read when they are asked for, a row group at a time.
    """
    files = _files(path)
    parts: dict[str, list[Path]] = {}
    for file in files:
        word = _WORD.match(file.name.lower())
        parts.setdefault(PARTS.get(word[0], "") if word else "", []).append(file)
    if "training" not in parts:  # a single part was named, or files are not named after parts
        parts = {"training": files}
    others = ", ".join(file.name for file in parts.pop("", []))
    notes = (f"Left out: {others}, not named after a part of the data.",) if others else ()
    training, classes = _read_part(parts["training"])
    test, validation = (
        _read_part(parts[part])[0] if part in parts else None for part in ("test", "validation")
    )
    return Content(training, test, validation, classes, notes)


def _files(path: Path) -> list[Path]:
    """The named file, or all in a folder, in order."""
    if not path.is_dir():
        return [path] if path.suffix.lower() == ".parquet" else []
    # Links are followed: the cache of Hugging Face consists of them.
    return sorted(path.glob("[!.]*.parquet")) or sorted(path.glob("data/[!.]*.parquet"))


def _read_part(files: list[Path]) -> tuple[Part, tuple[str, ...]]:
    """Images and labels of some files, and the class names that they know."""
    try:
        from pyarrow.dataset import dataset
    except ModuleNotFoundError as error:
        raise missing_extra(error, "parquet") from error

    where = files[0] if len(files) == 1 else files[0].parent
    names: list[str] = []
    places: list[tuple[Any, int]] = []  # the row group of each image, and its row there
    with _readable(where):
        shards = dataset([str(file) for file in files], format="parquet")
        image, label, classes = _columns(where, shards.schema)
        labels = shards.to_table(columns=[label]).column(0)
        for shard in shards.get_fragments():
            names += [f"{shard.path}, row {row}" for row in range(shard.count_rows())]
            for group in shard.split_by_row_group():
                places += [(group, row) for row in range(group.row_groups[0].num_rows)]
    if labels.null_count:
        reason = f"has {labels.null_count:,} rows without a {label}"
        raise FileInvalidError(where, reason, "Remove these rows.")
    lock = Lock()

    @lru_cache(maxsize=2)
    def column(group: Any) -> Any:
        with _readable(where):
            return group.to_table(columns=[image]).column(0)

    def load(at: int) -> bytes:
        group, row = places[at]
        with lock:  # so that no thread reads what another is reading
            value = column(group)[row].as_py()
        return (value["bytes"] if isinstance(value, dict) else value) or b""

    return labelled(Decoded(names, load), labels.to_pylist(), where), classes


def _columns(where: Path, schema: Any) -> tuple[str, str, tuple[str, ...]]:
    """The columns of images and of labels, and the class names in Hugging Face's metadata."""
    try:
        features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
        named = {name: each["names"] for name, each in features.items() if "names" in each}
    except (TypeError, KeyError, ValueError, AttributeError):
        named = {}  # no such metadata
    images = [each.name for each in schema if _IMAGE.match(str(each.type))]
    labels = [name for name in ("label", "labels") if name in schema.names] or list(named)
    if "image" in images:
        images = ["image"]
    if len(images) != 1 or len(labels) != 1:
        raise FileInvalidError(
            where,
            f"has the columns {', '.join(schema.names)}",
            "Name the column of encoded images (bytes, or Hugging Face's Image) 'image', and that "
            "of the classes 'label'.",
        )
    return images[0], labels[0], tuple(map(str, named.get(labels[0], ())))


@contextmanager
def _readable(where: Path) -> Iterator[None]:
    """Turn pyarrow's errors into ours."""
    from pyarrow import ArrowException

    try:
        yield
    except (OSError, ArrowException) as error:
        reason = shorten(str(error), 200, placeholder=" …").rstrip(".")
        raise FileInvalidError(where, f"can't be read as Parquet: {reason}") from error
