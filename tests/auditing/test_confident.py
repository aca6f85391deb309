import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fittingroom.auditing import (
    class_thresholds,
    confident_classes,
    confident_joint,
    doubtful_labels,
    mislabelled_counts,
)
from fittingroom.errors import PredictionsError

# Eight pictures, three classes; by hand: thresholds 0.6, 0.65 and 0.5.
LABELS = np.array([0, 0, 0, 1, 1, 2, 2, 2])
PROBABILITIES = np.array(
    [
        [0.9, 0.1, 0.0],
        [0.8, 0.1, 0.1],
        [0.1, 0.8, 0.1],  # confidently of class 1
        [0.2, 0.7, 0.1],
        [0.3, 0.6, 0.1],  # confidently of none: 0.6 is below 0.65
        [0.0, 0.1, 0.9],
        [0.2, 0.2, 0.6],
        [0.7, 0.3, 0.0],  # confidently of class 0
    ]
)


def test_thresholds_are_the_mean_certainty_of_the_given_label():
    assert class_thresholds(LABELS, PROBABILITIES) == pytest.approx([0.6, 0.65, 0.5])


def test_the_joint_counts_pictures_by_label_and_confident_class():
    assert confident_classes(LABELS, PROBABILITIES).tolist() == [0, 0, 1, 1, -1, 2, 2, 0]
    assert confident_joint(LABELS, PROBABILITIES).tolist() == [[2, 1, 0], [0, 1, 0], [1, 0, 2]]


def test_of_each_class_as_many_labels_are_doubtful_as_are_estimated_wrong():
    assert mislabelled_counts(LABELS, PROBABILITIES).tolist() == [1, 0, 1]
    doubtful = doubtful_labels(LABELS, PROBABILITIES)
    assert doubtful.positions.tolist() == [7, 2]  # the least likely label first
    assert doubtful.given.tolist() == [2, 0]
    assert doubtful.suggested.tolist() == [0, 1]
    assert doubtful.given_probability.tolist() == [0.0, 0.1]
    assert doubtful.suggested_probability.tolist() == [0.7, 0.8]
    assert len(doubtful) == 2


def test_of_several_confident_classes_the_likeliest_counts():
    labels = np.array([0, 1])
    chances = np.array([[0.4, 0.6], [0.6, 0.4]])  # thresholds 0.4 and 0.4: both classes reach them
    assert confident_classes(labels, chances).tolist() == [1, 0]


def test_a_class_that_no_label_names_is_suggested_of_none():
    chances = np.array([[0.1, 0.2, 0.7], [0.2, 0.3, 0.5]])
    assert class_thresholds([0, 1], chances)[2] == np.inf
    assert 2 not in confident_classes([0, 1], chances)


@st.composite
def judged(draw):
    """Labels and probabilities that agree with most of them, as a useful model's do."""
    kinds, count = draw(st.integers(2, 6)), draw(st.integers(20, 200))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    labels = generator.integers(0, kinds, count)
    logits = generator.normal(0, draw(st.floats(0.1, 3)), (count, kinds))
    logits[np.arange(count), labels] += draw(st.floats(0, 4))
    chances = np.exp(logits)
    return labels, chances / chances.sum(axis=1, keepdims=True)


@given(judged())
def test_a_label_that_is_likeliest_is_never_doubtful_and_order_is_by_doubt(case):
    labels, chances = case
    doubtful = doubtful_labels(labels, chances)
    rows = doubtful.positions
    assert (chances[rows].argmax(axis=1) == doubtful.suggested).all()
    assert (doubtful.suggested != doubtful.given).all()
    assert (doubtful.given == labels[rows]).all()
    assert (np.diff(doubtful.given_probability) >= 0).all()
    counts = mislabelled_counts(labels, chances)
    assert (np.bincount(doubtful.given, minlength=len(counts)) <= counts).all()


@given(judged(), st.randoms())
def test_names_of_classes_do_not_matter(case, random):
    labels, chances = case
    order = list(range(chances.shape[1]))
    random.shuffle(order)
    renamed = np.argsort(order)[labels]
    assert (
        doubtful_labels(renamed, chances[:, order]).positions
        == doubtful_labels(labels, chances).positions
    ).all()


@settings(deadline=None)
@given(judged())
def test_it_is_what_the_authors_library_gives(case):
    count = pytest.importorskip("cleanlab.count")
    filters = pytest.importorskip("cleanlab.filter")
    labels, chances = case
    kinds = chances.shape[1]
    if len(set(labels)) < kinds:
        return  # cleanlab asks for every class
    thresholds = count.get_confident_thresholds(labels, chances)
    assert class_thresholds(labels, chances) == pytest.approx(thresholds, abs=1e-12)
    joint = count.compute_confident_joint(labels, chances, calibrate=False)
    # Two differences: cleanlab counts one right picture where there is none, and of several
    # confident classes it takes the likeliest of all, although that may not be a confident one.
    ours = confident_joint(labels, chances)
    sure = confident_classes(labels, chances)
    if (chances.argmax(axis=1) == sure)[sure >= 0].all():
        assert (np.maximum(ours, np.eye(kinds, dtype=int)) == joint).all()
        theirs = filters.find_label_issues(
            labels, chances, filter_by="prune_by_class", min_examples_per_class=0, n_jobs=1
        )
        mine = np.zeros(len(labels), bool)
        mine[doubtful_labels(labels, chances).positions] = True
        # Estimated counts are rounded differently: by one, of each class.
        for label in range(kinds):
            where = labels == label
            assert abs(int(mine[where].sum()) - int(theirs[where].sum())) <= 1
            assert (mine ^ theirs)[where].sum() <= 1


@given(arrays(np.float64, (4, 3), elements=st.floats(-1, 2)))
def test_probabilities_that_are_none_are_refused(chances):
    chances[0] = [0.5, 0.5, 0.5]
    with pytest.raises(PredictionsError, match="Expected"):
        doubtful_labels([0, 1, 2, 0], chances)


def test_labels_that_do_not_fit_are_refused():
    with pytest.raises(PredictionsError, match=r"each of 2 pictures. Received 8 rows"):
        doubtful_labels([0, 1], PROBABILITIES)
    with pytest.raises(PredictionsError, match=r"between 0 and 2. Received 3"):
        doubtful_labels([3] * 8, PROBABILITIES)
