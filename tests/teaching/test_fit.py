import io

import numpy as np
import pytest

from fittingroom.jobs.load import load
from fittingroom.predict import Model, Thresholds
from fittingroom.predict.packaged import packaged_model
from fittingroom.predictions import softmax
from fittingroom.safe_io.inspection import examine
from fittingroom.teaching import (
    cross_validate,
    doubtful,
    fit_head,
    make_kept,
    read_kept,
    replace_head,
    unit,
)


def _clusters(each=10, classes=3, noise=0.03):
    random = np.random.default_rng(0)
    centres = random.normal(size=(classes, 40))
    labels = np.repeat(np.arange(classes), each)
    points = centres[labels] + random.normal(size=(len(labels), 40)) * noise
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    return points.astype(np.float32), labels.astype(np.uint8)


def _nobody(points, labels):
    return points[:0], labels[:0]


@pytest.mark.parametrize("classes", [2, 3])
def test_a_head_tells_clusters_apart_and_what_is_in_none(classes):
    points, labels = _clusters(classes=classes)
    head = fit_head(points, labels)
    assert (head.logits(points).argmax(axis=1) == labels).all()
    assert head.distances(-points).min() > head.distances(points).max()


def test_cross_validation_does_not_see_the_photo_that_it_judges():
    points, labels = _clusters(noise=3.0)  # nothing to learn
    head = fit_head(points, labels)
    assert (head.logits(points).argmax(axis=1) == labels).mean() > 0.95
    logits, _, _ = cross_validate(points, labels, *_nobody(points, labels))
    assert (logits.argmax(axis=1) == labels).mean() < 0.8


def test_a_photo_in_the_wrong_folder_is_doubtful():
    points, labels = _clusters()
    labels[4] = 2
    logits, _, _ = cross_validate(points, labels, *_nobody(points, labels))
    assert doubtful(labels, softmax(logits).astype(np.float32)).tolist() == [4]


def test_classes_that_are_kept_are_answered_too():
    points, labels = _clusters()
    new, old = labels == 2, labels != 2
    logits, _, _ = cross_validate(points[new], labels[new], points[old], labels[old])
    assert logits.shape == (10, 3)
    assert (logits.argmax(axis=1) == 2).all()


def test_the_kept_features_are_of_the_ten():
    kept = read_kept()
    assert set(kept.labels) <= set(range(10))
    assert np.linalg.norm(kept.features, axis=1).min() > 0


def test_features_are_kept_within_their_rounding(tmp_path, photos_of):
    model = load("photo")
    files = [file for name in ("square", "circle") for file in photos_of(name, 2)]
    content = make_kept(model, files, [3, 3, 1, 1])
    with np.load(io.BytesIO(content)) as stored:
        assert stored["labels"].tolist() == [1, 1, 3, 3]
        kept, scale = stored["levels"] * stored["scale"], stored["scale"]
    from fittingroom.photos import open_photo

    image = open_photo(files[2]).resized(*model.shape[:2])
    assert (np.abs(model.features(image[None])[0] - kept[0]) <= scale / 2 + 1e-5).all()


def test_the_graph_gives_what_the_head_gives(tmp_path):
    photo = load("photo")
    images = np.random.default_rng(0).integers(0, 256, (6, *photo.shape)).astype(np.uint8)
    scaled = unit(photo.features(images))
    labels = np.array([0, 1, 2, 0, 1, 2], np.uint8)
    head = fit_head(scaled, labels)
    content = replace_head(
        packaged_model("photo").read_bytes(),
        head,
        classes=("a", "b", "c"),
        temperature=0.5,
        metadata=Thresholds(0.5, 0.9).to_metadata(),
    )
    assert examine(content) >= 1  # as a stranger's file is examined
    path = tmp_path / "mine.onnx"
    path.write_bytes(content)
    taught = Model(path)
    answers = taught.answers(images)
    expected = softmax(head.logits(scaled) / 0.5)
    np.testing.assert_allclose(answers.probabilities, expected, atol=1e-4)
    np.testing.assert_allclose(answers.ood_score, head.distances(scaled), atol=1e-4)
    np.testing.assert_allclose(taught.features(images), photo.features(images), atol=1e-5)
    logits, evidence = taught._predictor.run(("logits", "evidence"), images)
    added = evidence.sum(axis=(2, 3)) + head.bias / 0.5
    np.testing.assert_allclose(added, logits, atol=1e-3)
