"""Which external predictions are read, and which are refused. Hostile files: ``tests/hostile``."""

import io
import zipfile
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fittingroom.errors import PredictionsError
from fittingroom.external_predictions import read_external
from fittingroom.predictions import Predictions

CLASSES = ("shirt", "coat", "bag")
LABELS = np.array([0, 1, 2, 1, 0], np.uint8)
PREDICTED = np.array([0, 1, 1, 1, 2], np.uint8)
INDICES = np.arange(5, dtype=np.int64)
SHARES = np.array(
    [[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.1, 0.6, 0.3], [0.0, 1.0, 0.0], [0.25, 0.25, 0.5]]
)
PLAIN = "index,label,predicted\n0,0,0\n1,1,1\n2,2,1\n3,1,1\n4,0,2\n"
FULL = "index,label,predicted,p0,p1,p2\n" + "".join(
    f"{i},{LABELS[i]},{PREDICTED[i]},{','.join(str(p) for p in SHARES[i])}\n" for i in range(5)
)


def read(path):
    return read_external(path, labels=LABELS, indices=INDICES, classes=CLASSES)


@pytest.fixture
def table(tmp_path):
    """Reads a CSV file of that text or those bytes."""

    def call(content):
        path = tmp_path / "theirs.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read(path)

    return call


@pytest.fixture
def archive(tmp_path):
    """Reads an archive of those arrays, in which some are left out, changed or added."""

    def call(**changed):
        path = tmp_path / "theirs.npz"
        arrays = {"labels": LABELS, "predicted": PREDICTED, "indices": INDICES} | changed
        kept: dict[str, Any] = {name: each for name, each in arrays.items() if each is not None}
        np.savez(path, **kept)
        return read(path)

    return call


def refused(match, call, *args, **kwargs):
    with pytest.raises(PredictionsError, match=match) as caught:
        call(*args, **kwargs)
    return str(caught.value)


def test_a_table_with_probabilities_may_have_a_zero(table):
    found = table(FULL)
    np.testing.assert_allclose(found.probabilities, SHARES, atol=1e-7)
    assert found.log_probabilities[3, 0] == -np.inf


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\r"),
        lambda text: text.replace("\n", "\n\n"),
        lambda text: text.replace("\n", ",,\n"),
        lambda text: text.replace(",", ";"),
        lambda text: text.replace(".", "&").replace(",", ";").replace("&", ","),
        lambda text: text.replace(",", "\t"),
        lambda text: text.replace(",", " , ").upper(),
        lambda text: '"' + text.replace(",", '","').replace("\n", '"\n"').rstrip('"'),
        lambda text: text.replace("\n4,0,2", "\n4.0,0.0,2.0"),
        lambda text: text.rstrip("\n"),
        lambda text: text + ",,,,,\n;\n".replace(";", ""),
    ],
)
def test_files_as_spreadsheets_write_them_are_read(table, change):
    found = table(change(FULL))
    np.testing.assert_array_equal(found.predicted, PREDICTED)
    np.testing.assert_allclose(found.probabilities, SHARES, atol=1e-7)


def test_columns_may_stand_in_any_order_beside_others(table):
    lines = [[*line.split(","), "note"] for line in FULL.splitlines()]
    text = "\n".join(",".join(reversed(line)) for line in lines)
    np.testing.assert_allclose(table(text.encode("utf-16")).probabilities, SHARES, atol=1e-7)


@given(st.integers(0, 10**6), st.booleans(), st.booleans())
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_predictions_written_here_or_as_a_table_come_back(tmp_path, seed, archived, sure):
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 3, 40).astype(np.uint8)
    logits = generator.normal(size=(40, 3))
    logs = (logits - np.log(np.exp(logits).sum(1, keepdims=True))).astype(np.float32)
    shares = np.exp(logs.astype(float))
    written = Predictions(
        labels, logs.argmax(1).astype(np.uint8), logs if sure else None, np.arange(40), CLASSES
    )
    path = tmp_path / "theirs"  # its content says what it is
    if archived:
        path.write_bytes(written.to_bytes())
    else:
        names = ["index", "label", "predicted", *(f"p{k}" for k in range(3) if sure)]
        rows = [
            [i, labels[i], written.predicted[i], *(shares[i] if sure else ())] for i in range(40)
        ]
        text = "\n".join(",".join(map(str, row)) for row in (names, *rows))
        path.write_text(text, encoding="utf-8")
    found = read_external(path, labels=labels, indices=np.arange(40), classes=CLASSES)
    np.testing.assert_array_equal(found.predicted, written.predicted)
    assert found.labels_hash == written.labels_hash
    assert (found.log_probabilities is not None) == sure
    if found.log_probabilities is not None:
        np.testing.assert_allclose(found.log_probabilities, logs, atol=1e-6)


def test_an_archive_may_rely_on_its_order_and_use_any_plain_numbers(archive):
    found = archive(
        indices=None, labels=LABELS.astype(">i8"), predicted=PREDICTED.astype(np.float32)
    )
    np.testing.assert_array_equal(found.predicted, PREDICTED)
    found = archive(probabilities=np.asfortranarray(SHARES.astype(np.float32)))
    np.testing.assert_allclose(found.probabilities, SHARES, atol=1e-6)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("4,0,2\n", "", "5 images, but the file has 4 rows of labels"),
        ("4,0,2\n", "4,0,2\n5,0,0\n", "the file has 6 rows of labels"),
        ("1,1,1\n2,2,1\n", "2,2,1\n1,1,1\n", "Row 2 .* image 1, but is image 2.*sort the rows"),
        ("4,0,2", "9,0,2", "Row 5 .* image 4, but is image 9"),
        ("3,1,1", "3,2,1", r"1 of 5 labels .* row 4, 2 should be 1 \(coat\)"),
        ("4,0,2", "4,0,3", "0 to 2. Row 5 has 3"),
        ("4,0,2", "4,0,-1", "Row 5 has -1"),
        ("4,0,2", "4,0,1.5", "Row 5 has 1.5"),
        ("4,0,2", "4,0,", "Row 5 has nan"),
        ("4,0,2", "4,0", "Row 5 has nan"),
        ("4,0,2", "4,0,#NAME?", "a CSV file of numbers: .*'#NAME.'"),
        ("0,0,0", "0,0,0,7", "separate the cells by semicolons"),
        ("4,0,2", "4,0,2,7", "Expected 3 fields in line 6, saw 4"),
        ("predicted", "prediction", "name the columns index, label, predicted"),
        ("index,label,predicted\n", "", "must name the columns .* It is '0,0,0'"),
        ("predicted\n", "predicted,p0,p1\n", "p0 to p2"),
        ("predicted\n", "predicted,Label\n", "same name"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(table, old, new, words):
    assert old in PLAIN
    refused(words, table, PLAIN.replace(old, new))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"probabilities": SHARES * 100}, "not logits or percentages"),
        ({"probabilities": np.add(SHARES, [0.3, 0, -0.3])}, "the lowest is -0.2"),
        ({"probabilities": SHARES * 0.9}, r"row 1 sum to 0\.9"),
        ({"probabilities": np.where(SHARES == 0.8, np.nan, SHARES)}, "row 2 sum to nan"),
        ({"probabilities": np.where(SHARES == 0.8, np.inf, SHARES)}, "row 2 sum to inf"),
        ({"probabilities": SHARES[:, :2]}, "each of 3 classes, not 2"),
        ({"probabilities": SHARES[:4]}, "4 rows of probabilities"),
        ({"probabilities": SHARES[0]}, r"shape \(3,\)"),
        ({"probabilities": SHARES.astype(complex)}, "complex128"),
        ({"log_probabilities": SHARES}, "sum to one"),
        ({"log_probabilities": SHARES + 2000}, "sum to inf"),  # overflows
        ({"labels": None}, "labels=…, predicted=…"),
        ({"predicted": PREDICTED[:4]}, "the file has 4 rows of predicted"),
        ({"predicted": PREDICTED[:, None]}, r"uint8 of shape \(5, 1\)"),
        ({"predicted": np.array(list("abcde"))}, "predicted must be numbers"),
        ({"labels": np.array(["x"] * 5, object)}, "labels holds Python objects"),
        ({"predicted": np.zeros(5, [("a", "u1")])}, "must be numbers"),
        ({"classes": np.array(["a", "b", "c"])}, "classes .*'a', 'b', 'c'.*, not of shirt, coat"),
        ({"indices": INDICES[::-1]}, "sort the rows by index"),
    ],
)
def test_an_archive_that_does_not_fit_is_refused(archive, changed, words):
    refused(words, archive, **changed)


@given(st.data())
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_archive_is_refused_or_read_correctly(tmp_path, data):
    stream = io.BytesIO()
    np.savez_compressed(stream, labels=LABELS, predicted=PREDICTED, probabilities=SHARES)
    content = bytearray(stream.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "theirs.npz"
    path.write_bytes(content)
    try:
        found = read(path)
    except PredictionsError:
        return
    np.testing.assert_array_equal(found.predicted, PREDICTED)


def test_what_is_no_file_of_predictions_is_refused(tmp_path):
    refused("No such file", read, tmp_path / "none.csv")
    refused("plain file|directory", read, tmp_path)
    (tmp_path / "empty.csv").write_bytes(b" \n")
    refused("No columns|CSV file", read, tmp_path / "empty.csv")
    np.save(tmp_path / "one.npy", LABELS)
    refused("can't be used", read, tmp_path / "one.npy")
    with zipfile.ZipFile(tmp_path / "book.xlsx", "w") as archive:
        archive.writestr("xl/workbook.xml", "<x/>")
    refused("arrays alone", read, tmp_path / "book.xlsx")
