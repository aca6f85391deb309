"""Fashion-MNIST is the same data in every format, in any order of its images."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fittingroom.data import Dataset, ImageSet, find_dataset

Write = Callable[[Path, ImageSet, ImageSet], None]


def write_csv(folder: Path, training: ImageSet, test: ImageSet) -> None:
    """As Kaggle has it."""
    header = ",".join(["label", *(f"pixel{number}" for number in range(1, 785))])
    for name, part in (("train", training), ("test", test)):
        rows = np.column_stack([part.labels, part.images.reshape(len(part), -1)])
        lines = (",".join(map(str, row)) for row in rows.tolist())
        (folder / f"fashion-mnist_{name}.csv").write_text("\n".join([header, *lines]))


def write_npz(folder: Path, training: ImageSet, test: ImageSet) -> None:
    """As Keras has it."""
    np.savez(
        folder / "fashion.npz",
        x_train=training.images,
        y_train=training.labels,
        x_test=test.images,
        y_test=test.labels,
    )


FORMATS = pytest.mark.parametrize("write", [write_csv, write_npz])


def check(write: Write, known: Dataset, folder: Path) -> None:
    order = np.random.default_rng(0).permutation
    training, test = (each.take(order(len(each))) for each in (known.training(), known.open_test()))
    write(folder, training, test)
    dataset = find_dataset(folder)
    assert (dataset.name, dataset.official) == (known.name, known.official)
    assert (dataset.key, dataset.test_hashes) == (known.key, known.test_hashes)
    assert dataset.warnings == ()


@FORMATS
def test_the_sample_is_known_in_every_format(write: Write, sample: Dataset, tmp_path: Path) -> None:
    check(write, sample, tmp_path)


@pytest.mark.slow
@pytest.mark.real_data
@FORMATS
def test_real_data_is_official_in_every_format(write: Write, real: Dataset, tmp_path: Path) -> None:
    check(write, real, tmp_path)
