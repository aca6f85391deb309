"""What the notebooks draw; that the notebooks run is for test_notebooks."""

import io
from typing import Any

import numpy as np
import pytest
from matplotlib import colors
from PIL import Image

from fittingroom import lessons
from fittingroom.recipes import Augmentation

GARMENT = np.arange(784, dtype=np.uint8).reshape(28, 28)


def test_each_pixel_has_its_number():
    texts = lessons.as_numbers(GARMENT).axes[0].texts
    assert [int(text.get_text()) for text in texts] == GARMENT.ravel().tolist()


def test_the_histogram_counts_every_pixel_but_the_zeros():
    axes: Any = lessons.pixel_histogram(np.stack([GARMENT, 0 * GARMENT])).axes[0]
    assert sum(bar.get_height() for bar in axes.patches) == np.count_nonzero(GARMENT)
    assert "50% of all pixels" in axes.texts[0].get_text()


def test_mirrored_images_alternate_from_epoch_to_epoch():
    seen = lessons.epochs_of(GARMENT, Augmentation(flip=True), epochs=3)
    assert seen.shape == (3, 28, 28)
    np.testing.assert_array_equal(seen[1], seen[0][:, ::-1])
    np.testing.assert_array_equal(seen[2], seen[0])
    assert np.array_equal(seen[0], GARMENT) != np.array_equal(seen[1], GARMENT)


def test_positive_is_blue_negative_is_red_and_zero_is_white():
    figure = lessons.signed_images({"a": np.array([[-2, 0, 2]]), "b": np.zeros((1, 1))}, columns=1)
    image = figure.axes[0].images[0]
    red, white, blue = np.asarray(image.cmap(image.norm(np.array([-2, 0, 2]))))
    assert red[0] > red[2]
    assert blue[2] > blue[0]
    assert colors.rgb_to_hsv(white[:3])[1] < 0.05
    assert [axes.get_title() for axes in figure.axes] == ["a", "b"]


def test_a_wrong_answer_is_named_and_a_right_one_is_not():
    sure = np.array([[0.9, 0.1], [0.8, 0.2]])
    figure = lessons.with_answers(np.stack([GARMENT] * 2), [0, 1], sure, ("bag", "boot"))
    words = [text.get_text() for text in figure.axes[0].texts]
    assert [word for word in words if "bag" in word and word != "bag"]
    assert not [word for word in words if word.startswith("boot") and word != "boot"]


def test_a_full_run_is_found_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    full = lessons.full_run("keras-ann")
    assert full is not None
    assert full["recipe"] == "keras-ann"
    here = {"accuracy": [0.5], "val_accuracy": [0.6]}
    axes = lessons.beside_full_run(here, full, "#000000").axes[0]
    lengths = [np.size(line.get_xdata()) for line in axes.lines]
    assert lengths == [1, len(full["seeds"][0]["history"])] * 2


def test_without_the_repository_the_full_run_is_missing_in_words(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(lessons, "__file__", str(tmp_path / "lessons.py"))
    assert lessons.full_run("keras-ann") is None
    assert "comes with the repository" in capsys.readouterr().out
    here = {"accuracy": [0.5, 0.6], "val_accuracy": [0.6, 0.7]}
    assert len(lessons.beside_full_run(here, None, "#000000").axes[0].lines) == 2


@pytest.mark.parametrize("figure", [lessons.as_numbers(GARMENT), lessons.pixel_histogram(GARMENT)])
def test_a_figure_is_shown_as_an_image_with_words_for_those_who_do_not_see_it(figure, monkeypatch):
    shown: list[Any] = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    lessons.show(figure, "a boot in numbers")
    (image,) = shown
    Image.open(io.BytesIO(image.data)).verify()
    assert image.alt == "a boot in numbers"
