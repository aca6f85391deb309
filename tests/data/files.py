"""Files for tests: IDX content, folders of four of them, and ways to spoil one."""

import gzip
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fittingroom.data import Dataset
from fittingroom.data.content import Content, Part
from fittingroom.data.dataset import Source
from fittingroom.data.find import SAMPLE_FOLDER
from fittingroom.data.official import FILE_NAMES, TEST, TRAINING
from fittingroom.data.read import make_dataset


def idx_bytes(array: npt.NDArray[np.uint8], magic: int | None = None) -> bytes:
    """An array as an IDX file."""
    numbers = (0x800 + array.ndim if magic is None else magic, *array.shape)
    return b"".join(number.to_bytes(4, "big") for number in numbers) + array.tobytes()


def zipped(content: bytes) -> bytes:
    """Content as a gzip file, always the same bytes."""
    return gzip.compress(content, 1, mtime=0)


def write_file(folder: Path, name: str, content: bytes, *, packed: bool) -> Path:
    """Write one of the four files, plain or packed."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (f"{name}.gz" if packed else name)
    path.write_bytes(zipped(content) if packed else content)
    return path


def sample_content(name: str) -> bytes:
    """The content of one of the sample's files."""
    return gzip.decompress((SAMPLE_FOLDER / f"{name}.gz").read_bytes())


def write_sample(folder: Path, *, packed: bool = True, without: Sequence[str] = ()) -> Path:
    """Put the sample's files into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILE_NAMES:
        if name in without:
            continue
        if packed:
            shutil.copyfile(SAMPLE_FOLDER / f"{name}.gz", folder / f"{name}.gz")
        else:
            write_file(folder, name, sample_content(name), packed=False)
    return folder


def small_arrays(training: Sequence[int], test: Sequence[int]) -> dict[str, npt.NDArray[np.uint8]]:
    """Four arrays with these labels; the images show their labels and positions."""
    arrays: dict[str, npt.NDArray[np.uint8]] = {}
    for files, labels in ((TRAINING, training), (TEST, test)):
        images = np.zeros((len(labels), 28, 28), dtype=np.uint8)
        images[:, 0, 0] = labels
        images[:, 0, 1] = np.arange(len(labels)) % 256
        images[:, 14, 14] = 255
        arrays[files.images] = images
        arrays[files.labels] = np.array(labels, dtype=np.uint8)
    return arrays


def write_arrays(
    folder: Path, arrays: Mapping[str, npt.NDArray[np.uint8]], *, packed: bool = True
) -> Path:
    """Put four arrays into a folder as IDX files."""
    for name, array in arrays.items():
        write_file(folder, name, idx_bytes(array), packed=packed)
    return folder


def made(kinds: int, *, each: int = 12, test: int = 6) -> Dataset:
    """A data set of so many classes, each a pattern of squares that a network learns at once."""
    generator = np.random.default_rng(kinds)
    patterns = np.zeros((kinds, 7, 7), np.uint8)
    patterns[:, 1:6, 1:6] = generator.random((kinds, 5, 5)) > 0.5

    def part(count: int) -> Part:
        labels = np.tile(np.arange(kinds), count)
        images = 180 * patterns[labels].repeat(4, axis=1).repeat(4, axis=2)  # (N, 28, 28)
        return Part(images + generator.integers(0, 60, images.shape, np.uint8), labels)

    names = tuple(f"kind {number}" for number in range(1, kinds + 1))
    return make_dataset(Content(part(each), part(test), classes=names), Source(None))
