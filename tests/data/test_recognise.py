"""Known data is recognised in any order; what only looks like it is warned about."""

import runpy
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from fittingroom.data import Dataset, ImageSet, recognise
from fittingroom.data.content import Content, Part
from fittingroom.data.dataset import Source
from fittingroom.data.read import make_dataset
from fittingroom.runs import find_run

from ..conftest import TINY


def shuffled(image_set: ImageSet) -> ImageSet:
    """The same images in another order, in memory of their own."""
    return image_set.take(np.random.default_rng(0).permutation(len(image_set)))


def part(image_set: ImageSet) -> Part:
    return Part(image_set.images, image_set.labels.astype(np.int64))


def made(training: ImageSet, test: ImageSet, validation: ImageSet | None = None) -> Dataset:
    own = None if validation is None else part(validation)
    return make_dataset(Content(part(training), part(test), own), Source(None))


def test_shuffled_images_are_the_same_data_and_have_the_same_runs(sample, trained):
    dataset = made(shuffled(sample.training()), shuffled(sample.open_test()))
    assert (dataset.name, dataset.key, dataset.warnings) == ("sample", sample.key, ())
    for ours, theirs in (
        (dataset.training(), sample.training()),
        (dataset.open_test(), sample.open_test()),
    ):
        assert (ours.images == theirs.images).all()
        assert (ours.indices == theirs.indices).all()
    found = find_run(trained.folder.parent, TINY, trained.seed, dataset)
    assert found is not None
    assert found.name == trained.name


def test_data_with_a_validation_set_of_its_own_stays_as_it_is(sample):
    training = shuffled(sample.training())
    first, last = (training.take(at) for at in np.split(np.arange(2000), [1900]))
    dataset = made(first, sample.open_test(), last)
    assert dataset.name.startswith("unknown-")
    assert (dataset.training().images == training.images).all()


def change(how: str, training: ImageSet, test: ImageSet) -> None:
    """Change images and labels in place."""
    both = (training, test)
    match how:
        case "relabel":
            training.labels[:60] = (training.labels[:60] + 1) % 10
        case "paint":
            test.images[:12, 0, 0] ^= 1
            training.images[1] = training.images[0]
        case "exchange":
            for ours, theirs in ((training.images, test.images), (training.labels, test.labels)):
                ours[:5], theirs[:5] = theirs[:5].copy(), ours[:5].copy()
        case "lose":
            for each in both:
                each.images[:] |= 1
        case "write digits":
            for label in range(10):
                image = Image.new("L", (28, 28))
                ImageDraw.Draw(image).text((9, 3), str(label), 255, ImageFont.load_default(20))
                for each in both:
                    each.images[each.labels == label] = np.asarray(image)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("relabel", "with changes: 60 of 2,500 labels differ."),
        ("paint", "with changes: 13 of 2,500 images differ"),
        ("exchange", "with changes: 10 of 2,500 images are in the wrong set, training or test."),
        ("lose", "looks like Fashion-MNIST, but none of its images are the same."),
        ("write digits", "Are these digits"),
    ],
)
def test_data_that_only_looks_like_fashion_mnist_is_warned_about(how, words, sample, monkeypatch):
    monkeypatch.setattr(recognise, "_SIZES", (2000, 500))
    training, test = shuffled(sample.training()), shuffled(sample.open_test())
    change(how, training, test)
    dataset = made(training, test)
    warning, *others = dataset.warnings
    copies = "500 of its 500 test images are training images too"
    assert [copies in each for each in others] == [True] * (how == "write digits")
    assert words in warning
    assert dataset.name.startswith("unknown-")
    assert (dataset.training().images == training.images).all()


def test_other_data_of_another_size_is_no_reason_to_warn(sample):
    training, test = shuffled(sample.training()), sample.open_test()
    change("relabel", training, test)
    assert made(training, test).warnings == ()


@pytest.mark.real_data
def test_shuffled_real_data_is_official(real):
    dataset = made(shuffled(real.training()), shuffled(real.open_test()))
    assert (dataset.official, dataset.key) == (True, real.key)


@pytest.mark.real_data
def test_the_table_is_made_again_from_the_real_data(real, tmp_path):
    path = Path(__file__).parents[2] / "tools" / "make_image_table.py"
    runpy.run_path(str(path))["make_image_table"](tmp_path / "table.npz", real.path)
    # Not their bytes: another Python writes another version number into the archive.
    with np.load(tmp_path / "table.npz") as made, np.load(recognise.TABLE) as table:
        assert made.files == table.files
        assert all(np.array_equal(made[name], table[name]) for name in table.files)
        assert len(np.unique(table["hashes"])) == 70_000
