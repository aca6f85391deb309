import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fittingroom.data import find_dataset
from fittingroom.errors import DataError, DataInvalidError

RANDOM = np.random.default_rng(0)
PIXELS = RANDOM.integers(0, 256, (6, 784), dtype=np.uint8)
PIXELS[:, :30] = PIXELS[:, -30:] = 0
LABELS = [2, 2, 5, 5, 2, 5]
NAMES = [f"pixel{number}" for number in range(784)]


def table(
    labels: Sequence[Any],
    pixels: np.ndarray = PIXELS,
    *,
    header: Sequence[str] | None = ("label", *NAMES),
    last: bool = False,
    separator: str = ",",
) -> str:
    """A table as text, its labels first or last."""
    rows = [
        [*row, label] if last else [label, *row]
        for label, row in zip(labels, pixels.tolist(), strict=True)
    ]
    lines = [*([header] if header else []), *rows]
    return "".join(separator.join(map(str, line)) + "\n" for line in lines)


def check(path: Path, images: np.ndarray = PIXELS, **options: Any) -> tuple[str, ...]:
    """Read training images and see that they are these; give the notes."""
    dataset = find_dataset(path, invert="no", **options)
    np.testing.assert_array_equal(dataset.training().images, images.reshape(-1, 28, 28))
    assert dataset.training().labels.tolist() == [0, 0, 1, 1, 0, 1]
    return dataset.notes


@pytest.mark.parametrize(
    "text",
    [
        table(LABELS),
        table(LABELS, header=("label", *map(str, range(784)))),
        table(LABELS, header=(*NAMES, "class"), last=True),
        table(LABELS, header=None),
        table(LABELS, header=None, last=True),
        table(["cat", "cat", "owl", "owl", "cat", "owl"], header=None, last=True),
        table(LABELS, separator=";"),
        table(LABELS, separator="\t").replace("\n", "\r\n"),
        table([f"7,{label}" for label in LABELS], header=("id", "label", *NAMES)),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_tables_come_in_many_forms(text: str, encoding: str, tmp_path: Path) -> None:
    for name in ("sign_mnist_train.csv", "sign_mnist_test.csv"):
        (tmp_path / name).write_bytes(text.encode(encoding))
    (tmp_path / "sample_submission.csv").write_text("ImageId,Label\n1,0\n")
    check(tmp_path)


def test_files_belong_together_by_their_names(tmp_path: Path) -> None:
    for name in ("a_train.csv", "a_val.csv", "a_test.csv", "b_train.csv"):
        (tmp_path / name).write_text(table(LABELS))
    packed = gzip.compress(table(LABELS[:4], PIXELS[:4]).encode())
    (tmp_path / "b-test.csv").write_text(table(LABELS))  # of another set
    (tmp_path / "b_test.csv.gz").write_bytes(packed)
    dataset = find_dataset(tmp_path / "a_train.csv")
    assert (len(dataset.training()), dataset.own_validation) == (12, 6)
    assert len(find_dataset(tmp_path / "b_train.csv").open_test()) == 4
    check(tmp_path / "b_train.csv", test=tmp_path / "a_test.csv")
    with pytest.raises(DataInvalidError, match=r"b_train\.csv.*Name one with --data"):
        find_dataset(tmp_path)


def test_floats_and_colours_are_told_by_their_values(tmp_path: Path) -> None:
    down, across, colour = np.meshgrid(*map(np.arange, (28, 28, 3)), indexing="ij")
    image = np.stack([down * 3 + across * 2 + colour * 40] * 6)
    path = tmp_path / "train.csv"
    for planes in (False, True):
        flat = (image.transpose(0, 3, 1, 2) if planes else image).reshape(6, -1)
        path.write_text(table(LABELS, flat / 255, header=None))
        dataset = find_dataset(path, test=path)
        words = " ".join(dataset.notes)
        assert "multiplied by 255" in words
        assert "in colour, 28×28" in words
        assert ("all of red first" in words) == planes


def test_a_test_set_without_labels_is_not_used(tmp_path: Path) -> None:
    test = table(["image"] * 6, header=("id", *NAMES))
    (tmp_path / "train.csv").write_text(table(LABELS))
    (tmp_path / "test.csv").write_text(test)
    notes = check(tmp_path, test=tmp_path / "train.csv")
    assert "test.csv has no labels, so it is not used." in notes
    with pytest.raises(DataInvalidError, match="has no labels: its 785 columns are pixels"):
        find_dataset(tmp_path / "test.csv")


def test_emnist_is_turned_and_has_names(tmp_path: Path) -> None:
    turned = PIXELS.reshape(-1, 28, 28).transpose(0, 2, 1).reshape(-1, 784)
    for part in ("train", "test"):
        (tmp_path / f"emnist-letters-{part}.csv").write_text(table(LABELS, turned, header=None))
    (tmp_path / "emnist-letters-mapping.txt").write_text("2 66 98\n5 69\n")
    check(tmp_path)
    assert find_dataset(tmp_path).classes == ("B/b", "E")


def spoilt(row: int, column: int, value: str) -> str:
    """A good table with one cell of its sheet replaced, both counted from 1."""
    lines = [line.split(",") for line in table(LABELS).splitlines()]
    lines[row - 1][column - 1] = value
    return "\n".join(map(",".join, lines)) + "\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (table(LABELS)[:-900], "has nothing in row 7, column pixel"),
        (table(LABELS) * 2, "has 'pixel0' in row 8, column pixel0, not a number from 0 to 255"),
        (spoilt(4, 10, ""), "has nothing in row 4, column pixel8"),
        (spoilt(4, 10, "256"), "has '256' in row 4, column pixel8"),
        (spoilt(4, 10, "-1"), "has '-1' in row 4, column pixel8"),
        (spoilt(4, 10, "NaN"), "has 'NaN' in row 4, column pixel8"),
        (spoilt(4, 10, "high"), "has 'high' in row 4, column pixel8"),
        (spoilt(4, 10, "1,2"), "Expected 785 fields in line 4, saw 786"),
        (spoilt(4, 10, "1;2"), "has '1;2' in row 4"),
        (spoilt(4, 1, ""), "has no label in row 4"),
        (spoilt(4, 1, "1.5"), "labels that are not whole numbers"),
        (table(LABELS).replace("\n0", "\n1").replace(",", ";", 784), "has 1 column in row 2"),
        (table(["2,2"] * 6), "has 786 columns in row 2, not 785"),
        (table([1] * 6), "has 1 class"),
        (table(LABELS).splitlines()[0], "can't be read: No columns"),
        (table(LABELS, PIXELS[:, :700], header=None), "has 701 columns, the first '2'"),
        ("", "has 1 column, the first ''"),
        ("<!DOCTYPE html><p>Please log in", "the first '<!doctype html>"),
        (b"PK\3\4" + bytes(999), "has 1 column"),
        (table(LABELS).replace("label", "étiquette").encode("latin-1"), "utf-8"),
        (gzip.compress(table(LABELS).encode())[:-20], "can't be read: Compressed file ended"),
    ],
)
def test_bad_tables_are_refused(content: str | bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(DataError, match=words) as caught:
        find_dataset(path, test=path)
    assert "\n" not in str(caught.value)


def test_values_are_held_to_what_the_first_rows_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fittingroom.data.readers.csv_files._ROWS", 2)
    path = tmp_path / "train.csv"
    path.write_text(table(LABELS))
    check(path, test=path)
    path.write_text(table(LABELS, np.where(np.arange(6)[:, None] == 4, 200, PIXELS / 255)))
    with pytest.raises(DataInvalidError, match=r"'200.0' in row 6.*number from 0 to 1\."):
        find_dataset(path)
