import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fittingroom.data import find_dataset
from fittingroom.errors import DataError, MissingExtraError
from tests.photos.corpus import encoded

from .folders import blobs


def write(path: Path, rows: dict[str, Any], *, names: tuple[str, ...] = (), group: int = 7) -> Path:
    """Write a table in row groups, with class names as Hugging Face's `datasets` keeps them."""
    table = pa.table(rows)
    if names:
        features = {"image": {"_type": "Image"}, "label": {"names": names, "_type": "ClassLabel"}}
        table = table.replace_schema_metadata(
            {"huggingface": json.dumps({"info": {"features": features}})}
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, row_group_size=group)
    return path


def structs(images) -> list[dict[str, Any]]:
    return [{"bytes": encoded(each), "path": f"{at}.png"} for at, each in enumerate(images)]


def test_a_named_file_of_plain_bytes_and_text_labels(tmp_path):
    images = blobs(30)
    columns = {
        "id": range(30),
        "picture": list(map(encoded, images)),
        "label": ["owl", "cat", "dog"] * 10,
    }
    path = write(tmp_path / "my.parquet", columns)
    other = write(
        tmp_path / "test.parquet", {name: list(each)[:3] for name, each in columns.items()}
    )
    dataset = find_dataset(path, test=other)
    assert dataset.classes == ("cat", "dog", "owl")
    np.testing.assert_array_equal(dataset.training().images, images)
    assert dataset.open_test().labels.tolist() == [2, 0, 1]


def test_parts_and_class_names_come_from_a_folder(tmp_path):
    for name, count in (("train", 8), ("validation", 4), ("test-0", 2), ("extra", 2)):
        columns = {"image": structs(blobs(count)), "label": [0, 1] * (count // 2)}
        write(tmp_path / "set" / f"{name}.parquet", columns, names=("cat", "dog"))
    dataset = find_dataset(tmp_path / "set")
    assert (dataset.classes, dataset.own_validation) == (("cat", "dog"), 4)
    assert (len(dataset.training()), len(dataset.open_test())) == (12, 2)
    assert "Left out: extra.parquet, not named after a part of the data." in dataset.notes


FIVE = structs(blobs(5))
GOOD = {"image": [*FIVE, *structs(blobs(1))], "label": [0, 1] * 3}


@pytest.mark.parametrize(
    ("changed", "cut", "words"),
    [
        ({"image": None, "text": ["a"] * 6}, 0, r"my\.parquet has the columns label, text\. Name"),
        ({"label": None}, 0, "has the columns image. Name the column of"),
        ({"label": [0, 1, None] * 2}, 0, "has 2 rows without a label"),
        ({"label": [0.5, 1, 2] * 2}, 0, "labels that are not whole numbers"),
        ({"image": [*FIVE, {"bytes": None}]}, 0, r"my\.parquet, row 5: The file isn't a PNG"),
        ({"image": [*FIVE, {"bytes": FIVE[0]["bytes"][:60]}]}, 0, r"row 5: The file is damaged"),
        ({}, 9, r"my\.parquet can't be read as Parquet"),
    ],
)
def test_what_is_odd_or_damaged_is_said_in_one_message(changed, cut, words, tmp_path):
    rows = {name: each for name, each in (GOOD | changed).items() if each is not None}
    path = write(tmp_path / "my.parquet", rows)
    path.write_bytes(path.read_bytes()[cut:])
    with pytest.raises(DataError, match=words):
        find_dataset(path)


def test_without_pyarrow_the_extra_is_named(tmp_path, monkeypatch):
    path = write(tmp_path / "my.parquet", GOOD)
    monkeypatch.setitem(sys.modules, "pyarrow.dataset", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'fittingroom\[parquet\]'"):
        find_dataset(path)
