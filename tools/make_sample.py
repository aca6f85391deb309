"""Make the embedded sample again from the real data: `python tools/make_sample.py`.

The choice is fixed: the validation sets of two stratified splits. The hashes of the result are in
`fittingroom/data/official.py`. The content is the same everywhere; the packed files are the same
bytes if zlib is the same.
"""

import argparse
import gzip
import hashlib
from pathlib import Path

from fittingroom.data import ImageSet, SplitRule, find_dataset
from fittingroom.data.find import SAMPLE_FOLDER
from fittingroom.data.official import TEST, TRAINING, SetFiles
from fittingroom.data.split import split_positions
from fittingroom.predictions import UInt8

# The year of Fashion-MNIST as the seed.
TRAINING_CHOICE = SplitRule("stratified", "1/30", seed=2017)
TEST_CHOICE = SplitRule("stratified", "1/20", seed=2017)


def idx_bytes(array: UInt8) -> bytes:
    """A uint8 array as an IDX file: magic number, dimensions, bytes."""
    magic = 0x00000800 + array.ndim
    header = [magic, *array.shape]
    return b"".join(number.to_bytes(4, "big") for number in header) + array.tobytes()


def write(folder: Path, name: str, array: UInt8) -> None:
    """Write an array as ``name.gz`` without a time or a name inside, and print its hash."""
    content = idx_bytes(array)
    with (
        (folder / f"{name}.gz").open("wb") as stored,
        gzip.GzipFile("", "wb", compresslevel=9, fileobj=stored, mtime=0) as packed,
    ):
        packed.write(content)
    print(f"{name}  {hashlib.sha256(content).hexdigest()}  {len(content):,} bytes")


def write_set(folder: Path, files: SetFiles, half: ImageSet, choice: SplitRule) -> None:
    """Write the images that a rule chooses from a set, in the order of their file."""
    chosen = half.take(split_positions(half.labels, choice)[1])
    write(folder, files.images, chosen.images)
    write(folder, files.labels, chosen.labels)


def make_sample(folder: Path, data: str | Path | None = None) -> None:
    """Write the four files of the sample into a folder.

    Raises:
        DataError: the real data is not found.
    """
    dataset = find_dataset(data)
    write_set(folder, TRAINING, dataset.training(), TRAINING_CHOICE)
    write_set(folder, TEST, dataset.open_test(), TEST_CHOICE)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", help="the folder of the real data; left out: from wherever")
    parser.add_argument("--out", type=Path, default=SAMPLE_FOLDER, help="left out: the package")
    options = parser.parse_args()
    make_sample(options.out, options.data)
