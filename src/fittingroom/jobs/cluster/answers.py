"""Answers for the pictures of a shard, as a Parquet file."""

from pathlib import Path
from typing import Any

from fittingroom.errors import RunError


def as_parquet(rows: list[dict[str, Any]]) -> bytes:
    """A Parquet file of answers.

    Args:
        rows: the names of ``predict --json`` (docs/how-to/scripts.md), some may be missing.
    """
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


def count_broken(path: Path, pictures: int) -> int:
    """How many of a file's pictures could not be read.

    Args:
        path: the Parquet file.
        pictures: how many there must be.

    Raises:
        RunError: the file is not one of so many answers.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        errors = pq.read_table(path, columns=["error"])
    except (OSError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise RunError(
            f"Expected the answers for {pictures} pictures in {path}. Received: {reason}. Remove "
            "the file, and it is made again."
        ) from error
    if len(errors) != pictures:
        raise RunError(
            f"Expected the answers for {pictures} pictures in {path}. Received "
            f"{len(errors)}. Remove the file, and it is made again."
        )
    return len(errors) - int(errors["error"].null_count)
