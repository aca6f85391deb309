"""Fashion-MNIST is the same data in every format; what is damaged is named in every format."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fittingroom.classes import GARMENTS
from fittingroom.data import Dataset, ImageSet, find_dataset
from fittingroom.errors import DataInvalidError

from .folders import write_classes
from .test_csv_files import NAMES, spoilt, table
from .test_npz import IMAGES, LABELS, saved, zipped
from .test_parquet import structs
from .test_parquet import write as write_table

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


def write_parquet(folder: Path, training: ImageSet, test: ImageSet) -> None:
    """As Hugging Face has it, in two shards."""
    names = tuple(name.replace("/", " / ") for name in GARMENTS)
    half = len(training) // 2
    for name, part, rows in (
        ("train-00000-of-00002", training, slice(half)),
        ("train-00001-of-00002", training, slice(half, None)),
        ("test-00000-of-00001", test, slice(None)),
    ):
        columns = {"image": structs(part.images[rows]), "label": part.labels[rows].astype(int)}
        write_table(folder / "data" / f"{name}.parquet", columns, names=names, group=300)


def write_folders(folder: Path, training: ImageSet, test: ImageSet) -> None:
    """Half of the images stored in colour, which they don't have."""
    for name, part in (("train", training), ("test", test)):
        images = [
            np.stack([each] * 3, -1) if at % 2 else each for at, each in enumerate(part.images)
        ]
        write_classes(
            folder / name, images, [GARMENTS[each].replace("/", "_") for each in part.labels]
        )


FORMATS = pytest.mark.parametrize("write", [write_csv, write_npz, write_parquet, write_folders])


def check(write: Write, known: Dataset, folder: Path) -> None:
    order = np.random.default_rng(0).permutation
    (folder / "set").mkdir()
    training, test = (each.take(order(len(each))) for each in (known.training(), known.open_test()))
    write(folder / "set", training, test)
    dataset = find_dataset(folder / "set")
    assert (dataset.name, dataset.official) == (known.name, known.official)
    assert (dataset.key, dataset.test_hashes) == (known.key, known.test_hashes)
    assert dataset.warnings == ()


@FORMATS
def test_the_sample_is_known_in_every_format(write, sample, tmp_path):
    check(write, sample, tmp_path)


@pytest.mark.slow
@pytest.mark.real_data
@FORMATS
def test_real_data_is_official_in_every_format(write, real, tmp_path):
    check(write, real, tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", table()[:-900], r"has \d+ columns in row 7, not 785"),
        ("a.csv", table() * 2, "has 'pixel0' in row 8, column pixel0, not a whole number from 0"),
        ("a.csv", spoilt(4, 10, "256"), "has '256' in row 4, column pixel8"),
        ("a.csv", spoilt(4, 10, "NaN"), "has 'NaN' in row 4, column pixel8"),
        ("a.csv", spoilt(4, 10, "0.5"), "has '0.5' in row 4, column pixel8"),
        ("a.csv", spoilt(4, 10, "1,2"), "has 786 columns in row 4, not 785"),
        ("a.csv", spoilt(4, 10, "1;2"), "has '1;2' in row 4"),
        ("a.csv", spoilt(4, 1, ""), "has no label in row 4"),
        ("a.csv", table().replace(",", ";", 784), "has 1 column in row 2, not 785"),
        ("a.csv", table(["2,2"] * 6), "has 786 columns in row 2, not 785"),
        ("a.csv", table().splitlines()[0], "has no rows below its header"),
        ("a.csv", table(header=NAMES), "has 784 columns.* a column 'label'"),
        ("a.csv", table().encode("utf-16"), "has 785 columns.* Give UTF-8 text"),
        ("a.csv", "", "has 1 column, the first ''"),
        ("a.csv.gz", gzip.compress(table().encode())[:-20], "can't be read: Compressed file ended"),
        ("a.npz", b"", "can't be read"),
        ("a.npz", saved(x=IMAGES, y=LABELS)[:-40], "can't be read"),
        ("a.npz", zipped(), "must hold arrays alone"),
        ("a.npz", saved(x=IMAGES, y=np.array([{}] * 6)), "The array y holds Python objects"),
        ("a.npz", saved(data=IMAGES, target=LABELS), r"holds the arrays data, target\. Name them"),
        ("a.npz", saved(x=IMAGES, y=LABELS[:5]), "5 labels for 6 images"),
        ("a.npz", saved(x=IMAGES, y=np.zeros((6, 14))), r"y has labels of shape \(6, 14\)"),
        ("a.npz", saved(x=IMAGES * 9.5, y=LABELS), r"x: The images have values from .* Use `imag"),
    ],
)
def test_a_damaged_file_is_named_in_one_message(name, content, words, tmp_path):
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(DataInvalidError, match=words) as caught:
        find_dataset(path, test=path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
