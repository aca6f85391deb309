"""When a model abstains: the promise is kept, and what shows nothing promises nothing."""

import numpy as np
import pytest

from fittingroom.metrics.thresholds import choose_thresholds, fewest, too_few
from fittingroom.predict.abstention import unlike


def drawn(random, images=600):
    """Two classes; a probability p is right in p² of the images, so it promises too much."""
    sure = random.uniform(0.5, 1, images)
    labels = (random.random(images) > sure**2).astype(np.uint8)
    return np.stack([sure, 1 - sure], axis=1), np.zeros(images), labels


def test_the_promise_is_broken_no_more_often_than_allowed():
    random, found = np.random.default_rng(0), []
    for _ in range(400):
        found.append(choose_thresholds(*drawn(random), risk=0.2).unsure)
    lowest = np.array(found)
    # Above t, ∫(1 - p²) dp / (1 - t) is wrong.
    risk = 1 - (1 - lowest**3) / 3 / np.maximum(1 - lowest, 1e-9)
    assert (risk[lowest < 1] > 0.2).mean() < 0.1
    assert np.median(risk[lowest < 1]) > 0.15  # and it is not kept by answering hardly anything


@pytest.mark.parametrize("risk", [0.01, 0.03, 0.2])
def test_the_fewest_images_without_a_mistake_show_the_promise(risk):
    assert (1 - risk) ** fewest(risk) <= 0.1 < (1 - risk) ** (fewest(risk) - 1)
    assert too_few(fewest(risk) - 1, risk)


def test_few_images_promise_nothing_and_are_answered():
    sure, labels = np.array([[0.9, 0.1]] * 150, np.float32), np.zeros(150, np.uint8)
    assert choose_thresholds(sure[:30], np.zeros(30), labels[:30]).unsure == 0.9
    assert choose_thresholds(sure, np.zeros(150), labels).unsure == 0.9
    labels[::2] = 1
    assert choose_thresholds(sure, np.zeros(150), labels).unsure == 1
    assert choose_thresholds(sure, np.zeros(150), labels, risk=0.5, promised=False).unsure == 0.9


@pytest.mark.parametrize(("unknown", "images", "found"), [(158, 318, True), (16, 318, False)])
def test_a_batch_with_many_unknown_images_is_unlike_those_of_the_promise(unknown, images, found):
    assert unlike(unknown, images) == found
    assert not unlike(4, 10)  # ten photos show little
    assert not unlike(0, 0)
