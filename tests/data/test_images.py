from contextlib import contextmanager

import numpy as np
import pytest

from fittingroom.data import find_dataset
from fittingroom.errors import DataError
from fittingroom.photos.preparation import resize
from tests.photos.corpus import encoded, garment_photo

from .folders import blobs, write_classes

TWO = ["cat", "dog"]


def test_parts_are_known_by_the_names_that_people_give_them(tmp_path):
    images = blobs(20)
    for name, count in (("TRAIN", 10), ("Val", 4), ("testing", 6)):
        write_classes(tmp_path / name, images[:count], TWO * (count // 2))
    write_classes(tmp_path / "predictions", images, TWO * 10)  # no part of the data
    (tmp_path / "README.md").write_text("about")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "x.png").write_bytes(b"")
    (tmp_path / "TRAIN" / "cat" / "._0.png").write_bytes(b"made by a Mac")
    dataset = find_dataset(tmp_path)
    assert len(dataset.training()) == 14
    assert (dataset.own_validation, len(dataset.open_test())) == (4, 6)
    assert "Files left out, since they are no images in a class folder: 21." in dataset.notes


def test_classes_may_be_called_after_parts(tmp_path):
    folder = write_classes(tmp_path / "data", blobs(60), ["train", "plane", "valid"] * 20)
    assert find_dataset(folder).classes == ("plane", "train", "valid")


def test_mixed_sizes_and_colours_are_each_resized(tmp_path):
    images = [*blobs(8, 1), *blobs(8, 2, (40, 32)), *blobs(8, 3, (32, 48, 3))]
    write_classes(tmp_path / "train", images, TWO * 12)
    write_classes(tmp_path / "test", images[:2], TWO)
    dataset = find_dataset(tmp_path)
    expected = [resize(each[None], inverted=False)[0] for each in (*images[::2], *images[1::2])]
    np.testing.assert_array_equal(dataset.training().images, expected)
    assert dataset.preparation.resized
    assert "The images are in colour, various sizes, around 32×32 pixels." in dataset.notes


def test_progress_counts_every_image(tmp_path):
    seen: dict[str, tuple[int, int]] = {}

    @contextmanager
    def track(words, count):
        yield lambda done, unit: seen.__setitem__(words, (done, count))

    write_classes(tmp_path / "train", blobs(6), TWO * 3)
    write_classes(tmp_path / "test", blobs(4), TWO * 2)
    find_dataset(tmp_path, track=track)
    assert seen["Reading the training images"] == (6, 6)
    assert seen["Reading the test images"] == (4, 4)


def test_photos_without_an_object_are_resized_and_counted(tmp_path):
    photo = garment_photo()
    flat = np.full((99, 66), 7, np.uint8)
    write_classes(tmp_path / "train", [photo] * 6, TWO * 3)
    write_classes(tmp_path / "train", [flat] * 4, ["owl"] * 4)
    write_classes(tmp_path / "test", [photo, photo // 4, photo], [*TWO, "owl"])
    dataset = find_dataset(tmp_path)
    images = dataset.training().images[dataset.training().labels == 2]
    assert (images == 7).all()
    empty, doubtful = dataset.notes[-2:]
    assert empty.startswith("Resized as a whole, since no object was found on them: 4 of the trai")
    assert empty.endswith("owl/00002.png and 1 other).")
    assert doubtful.startswith("Perhaps converted badly")
    assert doubtful.endswith(f"1 of the test images ({tmp_path / 'test/dog/00001.png'}).")


GOOD = encoded(blobs(1)[0])


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"1.png": GOOD}, "has no class folders. Put the images of each class in a folder"),
        ({"a/b/1.png": GOOD, "a/c/1.png": GOOD}, "has one class folder, a.*name .*a"),
        ({"owl/notes.txt": b""}, r"owl holds no images\. Put images of this class there"),
        ({"owl/1.png": GOOD}, "class owl has one training image"),
        ({"cat/9.png": b"no image"}, r"9\.png isn't a PNG, JPEG, .* or TIFF .* Or remove it"),
        ({"cat/9.png": GOOD[:60]}, r"9\.png is damaged or cut off"),
        ({"o\x07wl/1.png": GOOD, "o\x07wl/2.png": GOOD}, "all of which can be printed"),
    ],
)
def test_what_is_odd_or_damaged_is_said_in_one_message(files, words, tmp_path):
    folder = tmp_path / "data"
    if not {"1.png", "a/b/1.png"} & files.keys():
        write_classes(folder, blobs(8), TWO * 4)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    with pytest.raises(DataError, match=words):
        find_dataset(folder)


def test_a_class_that_only_the_test_set_has_is_named(tmp_path):
    write_classes(tmp_path / "train", blobs(8), TWO * 4)
    write_classes(tmp_path / "test", blobs(3), [*TWO, "owl"])
    with pytest.raises(DataError, match="training set lacks the classes owl"):
        find_dataset(tmp_path)


def test_links_and_odd_but_printable_names_are_fine(tmp_path):
    write_classes(tmp_path / "train", blobs(8), TWO * 4)
    write_classes(tmp_path / "test", blobs(4), TWO * 2)
    inside = tmp_path / "train" / "cat"
    (inside / "same as 0.png").symlink_to("00000.png")
    (inside / "again").symlink_to(inside)  # a loop of folders
    (tmp_path / "train" / "train again").symlink_to(tmp_path / "train")
    write_classes(tmp_path / "train", blobs(3), ["Größe 40 🧦 [a]*?"] * 3)
    (inside / "00002.png").replace(inside / "%s {x} ünïcode\n.png")
    dataset = find_dataset(tmp_path)
    assert dataset.classes == ("Größe 40 🧦 [a]*?", "cat", "dog")
    assert len(dataset.training()) == 12
