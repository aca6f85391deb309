import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fittingroom.data import find_dataset
from fittingroom.data.readers import csv_files
from fittingroom.errors import DataInvalidError

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 784), dtype=np.uint8)
PIXELS[:, :30] = PIXELS[:, -30:] = 0
LABELS = [2, 2, 5, 5, 2, 5]
NAMES = [f"pixel{number}" for number in range(784)]


def table(
    labels: Sequence[Any] = LABELS,
    pixels: np.ndarray = PIXELS,
    header: Sequence[str] = ("label", *NAMES),
    last: bool = False,
) -> str:
    """A table as text, its labels first or last."""
    rows = [
        [*row, label] if last else [label, *row]
        for label, row in zip(labels, pixels.tolist(), strict=True)
    ]
    return "".join(",".join(map(str, line)) + "\n" for line in (header, *rows) if line)


def spoilt(row: int, column: int, value: str) -> str:
    """A good table with one cell replaced, both counted from 1."""
    lines = [line.split(",") for line in table().splitlines()]
    lines[row - 1][column - 1] = value
    return "\n".join(map(",".join, lines)) + "\n"


def check(path: Path, **options: Any) -> tuple[str, ...]:
    """Read training images and see that they are these; give the notes."""
    dataset = find_dataset(path, invert="no", **options)
    np.testing.assert_array_equal(dataset.training().images, PIXELS.reshape(-1, 28, 28))
    assert dataset.training().labels.tolist() == [0, 0, 1, 1, 0, 1]
    return dataset.notes


@pytest.mark.parametrize(
    "text",
    [
        table(header=("label", *map(str, range(784)))),
        table(header=(*NAMES, "class"), last=True),
        table(header=()),
        table(header=(), last=True),
        table(["cat", "cat", "owl", "owl", "cat", "owl"], header=(), last=True),
        table().replace(",", ";"),
        table(pixels=PIXELS.astype(float)).replace(",", "\t").replace("\n", "\r\n"),
        "\ufeff" + table(),
        table(header=list(map(str, range(785)))),
        table(pixels=np.where(PIXELS < 100, "", "0").astype(object) + PIXELS.astype(str)),
        table().replace(",", '","').replace("\n", '"\n\n"').strip('\n"') + '"',
    ],
)
def test_tables_come_in_many_forms(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_files, "_BLOCK", 4000)
    for name in ("sign_mnist_train.csv", "sign_mnist_test.csv"):
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "sample_submission.csv").write_text("ImageId,Label\n1,0\n")
    guessed = [note for note in check(tmp_path) if note.startswith("No column is called label")]
    end = "last" if ",2\n" in text or ",cat\n" in text else "first"
    header = "label" in text or "class" in text
    assert guessed == [f"No column is called label, so the {end} was taken for it."] * (not header)


def test_files_belong_together_by_their_names(tmp_path: Path) -> None:
    for name in ("a_train.csv", "a_val.csv", "a_test.csv", "b_train.csv", "b-test.csv"):
        (tmp_path / name).write_text(table())
    packed = gzip.compress(table(LABELS[:4], PIXELS[:4]).encode())
    (tmp_path / "b_test.csv.gz").write_bytes(packed)
    dataset = find_dataset(tmp_path / "a_train.csv")
    assert (len(dataset.training()), dataset.own_validation) == (12, 6)
    dataset = find_dataset(tmp_path / "b_train.csv")
    assert len(dataset.open_test()) == 4
    assert "The test set beside it is b_test.csv.gz." in dataset.notes
    check(tmp_path / "b_train.csv", test=tmp_path / "a_test.csv")
    with pytest.raises(DataInvalidError, match=r"b_train\.csv.*Name one with --data"):
        find_dataset(tmp_path)


@pytest.mark.parametrize(("column", "columns"), [((), 784), (("id",), 785)])
def test_a_test_set_without_labels_is_not_used(
    column: tuple[str, ...], columns: int, tmp_path: Path
) -> None:
    (tmp_path / "train.csv").write_text(table())
    lines = table(header=(*column, *NAMES)).splitlines()
    rows = lines[1:] if column else [line.partition(",")[2] for line in lines[1:]]
    (tmp_path / "test.csv").write_text("\n".join([lines[0], *rows]))
    notes = check(tmp_path, test=tmp_path / "train.csv")
    assert "test.csv has no labels, so it is not used." in notes
    with pytest.raises(DataInvalidError, match=f"has {columns} columns.* a column 'label'"):
        find_dataset(tmp_path / "test.csv")
