"""Data sets that a benchmark makes: the four files of a folder that ``find_dataset`` reads."""

from pathlib import Path

from fittingroom.data.official import SetFiles
from fittingroom.predictions import UInt8


def write_set(folder: Path, files: SetFiles, images: UInt8, labels: UInt8, count: int) -> None:
    """Two IDX files of images and labels.

    Args:
        folder: where to write.
        files: their names.
        images: uint8 ``(N, 28, 28)``.
        labels: uint8 ``(N,)``.
        count: how many to write, repeated from the start as often as needed.
    """
    for name, magic, sides, rows in (
        (files.images, 0x803, (28, 28), images.reshape(len(images), -1)),
        (files.labels, 0x801, (), labels[:, None]),
    ):
        with (folder / name).open("wb") as stream:
            stream.write(b"".join(each.to_bytes(4, "big") for each in (magic, count, *sides)))
            for start in range(0, count, len(rows)):
                stream.write(rows[: count - start].tobytes())
