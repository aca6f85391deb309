import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from fittingroom.errors import PredictionsError
from fittingroom.predictions import Predictions, as_labels


def make(labels, logits=None, classes=("a", "b", "c")) -> Predictions:
    labels = np.asarray(labels, np.uint8)
    log_probabilities = None
    predicted = labels
    if logits is not None:
        log_probabilities = (logits - np.log(np.exp(logits).sum(1, keepdims=True))).astype("f4")
        predicted = log_probabilities.argmax(1).astype(np.uint8)
    return Predictions(labels, predicted, log_probabilities, np.arange(len(labels)), classes)


@st.composite
def any_predictions(draw: st.DrawFn) -> Predictions:
    count = draw(st.integers(1, 20))
    labels = draw(npst.arrays(np.uint8, count, elements=st.integers(0, 2)))
    logits = draw(npst.arrays(np.float64, (count, 3), elements=st.floats(-20, 20)))
    return make(labels, logits if draw(st.booleans()) else None)


@given(any_predictions())
def test_a_file_gives_the_same_predictions_back(tmp_path_factory, predictions):
    path = tmp_path_factory.mktemp("p") / "p.npz"
    path.write_bytes(predictions.to_bytes())
    again = Predictions.read(path)
    np.testing.assert_array_equal(again.labels, predictions.labels)
    np.testing.assert_array_equal(again.predicted, predictions.predicted)
    np.testing.assert_array_equal(again.indices, predictions.indices)
    assert again.classes == predictions.classes
    assert again.labels_hash == predictions.labels_hash
    if predictions.log_probabilities is None:
        assert again.log_probabilities is None
    else:
        np.testing.assert_array_equal(again.log_probabilities, predictions.log_probabilities)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"labels": np.zeros(2, np.int64)}, "unsignedinteger"),
        ({"labels": np.array([0, 3], np.uint8)}, "between 0 and 2"),
        ({"predicted": np.zeros(3, np.uint8)}, r"shape \(2,\)"),
        ({"indices": np.arange(3)}, "indices"),
        ({"log_probabilities": np.zeros((2, 3), np.float64)}, "float32"),
        ({"log_probabilities": np.zeros((2, 3), np.float32)}, "sum to one"),
        ({"log_probabilities": np.full((2, 3), np.nan, np.float32)}, "sum to one"),
        ({"log_probabilities": np.zeros((2, 2), np.float32)}, r"shape \(2, 3\)"),
    ],
)
def test_what_does_not_fit_is_refused(change, words):
    fields = {
        "labels": np.zeros(2, np.uint8),
        "predicted": np.zeros(2, np.uint8),
        "log_probabilities": None,
        "indices": np.arange(2),
        "classes": ("a", "b", "c"),
    }
    with pytest.raises(PredictionsError, match=words):
        Predictions(**fields | change)


def test_a_part_keeps_what_belongs_together():
    whole = make([0, 1, 2, 1])
    part = whole.take(np.array([3, 0]))
    assert part.labels.tolist() == [1, 0]
    assert part.indices.tolist() == whole.indices[[3, 0]].tolist()
    assert part.predicted.tolist() == whole.predicted[[3, 0]].tolist()
    assert part.classes == whole.classes
    if whole.log_probabilities is not None and part.log_probabilities is not None:
        assert (part.log_probabilities == whole.log_probabilities[[3, 0]]).all()
    with pytest.raises(PredictionsError, match="at least one"):
        whole.take(np.array([], np.int64))


def test_labels_of_more_than_256_classes_take_two_bytes_and_keep_their_hash(tmp_path):
    classes = tuple(f"class {number}" for number in range(300))
    labels = as_labels([0, 299, 7], 300)
    assert [str(as_labels([0], count).dtype) for count in (256, 300)] == ["uint8", "uint16"]
    logs = np.log(np.full((3, 300), 1 / 300, np.float32))
    (tmp_path / "p.npz").write_bytes(
        Predictions(labels, labels, logs, np.arange(3), classes).to_bytes()
    )
    again = Predictions.read(tmp_path / "p.npz")
    assert again.labels.tolist() == [0, 299, 7]
    few = Predictions(labels[2:], labels[2:], None, np.arange(1), classes[:10])
    assert few.labels_hash == make([7], classes=classes[:10]).labels_hash
