from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fittingroom.classes import GARMENTS
from fittingroom.data import find_dataset
from fittingroom.data.readers import images as reader
from fittingroom.errors import DataError
from fittingroom.photos.preparation import resize
from tests.photos.corpus import garment_photo

from .folders import blobs, png, write_classes

TWO = ["cat", "dog"]


def test_the_sample_as_folders_of_png_is_the_sample(tmp_path: Path) -> None:
    sample = find_dataset("sample")
    for name, part in (("train", sample.training()), ("test", sample.open_test())):
        # Half of them stored in colour, which they don't have.
        images = [
            np.stack([each] * 3, -1) if at % 2 else each for at, each in enumerate(part.images)
        ]
        classes = [GARMENTS[label].replace("/", "_") for label in part.labels]
        write_classes(tmp_path / name, images, classes)
    dataset = find_dataset(tmp_path)
    assert (dataset.name, dataset.classes) == ("sample", GARMENTS)
    np.testing.assert_array_equal(dataset.training().images, sample.training().images)
    np.testing.assert_array_equal(dataset.open_test().labels, sample.open_test().labels)


def test_parts_are_known_by_the_names_that_people_give_them(tmp_path: Path) -> None:
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


def test_classes_may_be_called_after_parts(tmp_path: Path) -> None:
    folder = write_classes(tmp_path / "data", blobs(60), ["train", "plane", "valid"] * 20)
    assert find_dataset(folder).classes == ("plane", "train", "valid")


def test_each_kind_of_file_gives_the_same_pixels(tmp_path: Path) -> None:
    levels = np.arange(0, 240, 10, dtype=np.uint8).reshape(4, 6)
    grey = Image.fromarray(levels)
    wide = Image.fromarray(levels.astype(np.uint16) * 257)
    clear = grey.convert("LA")
    files = {"1.png": grey, "2.gif": grey, "3.BMP": grey, "4.tiff": grey, "5.tif": wide}
    files |= {"6.webp": grey, "7.png": grey.quantize(), "8.png": clear, "9.png": wide}
    folder = tmp_path / "data" / "a"
    folder.mkdir(parents=True)
    for name, image in files.items():
        image.save(folder / name, lossless=True)  # for WebP
    upside = Image.fromarray(levels[::-1, ::-1])
    exif = Image.Exif()
    exif[0x0112] = 3
    upside.save(folder / "turned.png", exif=exif)
    read = list(reader.read(folder.parent).training.images)
    assert len(read) == 10
    for image in read:
        np.testing.assert_array_equal(image, levels)
    Image.new("RGBA", (2, 3), (200, 0, 0, 0)).save(folder / "0.png")
    assert (reader.read(folder.parent).training.images[0] == 255).all()  # transparency is white


def test_mixed_sizes_and_colours_are_each_resized(tmp_path: Path) -> None:
    images = [*blobs(8, 1), *blobs(8, 2, (40, 32)), *blobs(8, 3, (32, 48, 3))]
    write_classes(tmp_path / "train", images, TWO * 12)
    write_classes(tmp_path / "test", images[:2], TWO)
    dataset = find_dataset(tmp_path)
    expected = [resize(each[None], inverted=False)[0] for each in (*images[::2], *images[1::2])]
    np.testing.assert_array_equal(dataset.training().images, expected)
    assert dataset.preparation.resized
    assert "The images are in colour, various sizes, around 32×32 pixels." in dataset.notes


def test_progress_counts_every_image(tmp_path: Path) -> None:
    seen: dict[str, tuple[int, int]] = {}

    @contextmanager
    def track(words, count):
        yield lambda done, unit: seen.__setitem__(words, (done, count))

    write_classes(tmp_path / "train", blobs(6), TWO * 3)
    write_classes(tmp_path / "test", blobs(4), TWO * 2)
    find_dataset(tmp_path, track=track)
    assert seen["Reading the training images"] == (6, 6)
    assert seen["Reading the test images"] == (4, 4)


GOOD = png(blobs(1)[0])
PHOTO, FLAT = png(garment_photo()), png(np.full((99, 99), 7, np.uint8))


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"1.png": GOOD}, "has no class folders. Put the images of each class in a folder"),
        ({"owl/notes.txt": b""}, r"owl holds no images\. Put images of its class there"),
        ({"owl/1.png": GOOD}, "class owl has one training image"),
        ({"cat/9.png": b"no image"}, r"9\.png isn't a PNG, JPEG, .* or TIFF .* Or remove it"),
        ({"cat/9.png": GOOD[:60]}, r"9\.png is damaged or cut off"),
        ({"o\x07wl/1.png": GOOD, "o\x07wl/2.png": GOOD}, "all of which can be printed"),
        (
            {f"owl/{at}.png": PHOTO for at in range(9)} | {"cat/9.png": FLAT},
            r"cat/9\.png can't be used: No garment was found: .* one colour",
        ),
    ],
)
def test_what_is_odd_or_damaged_is_said_in_one_message(files, words, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    if "1.png" not in files:
        write_classes(folder, blobs(8), TWO * 4)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    with pytest.raises(DataError, match=words):
        find_dataset(folder)


def test_a_class_that_only_the_test_set_has_is_named(tmp_path: Path) -> None:
    write_classes(tmp_path / "train", blobs(8), TWO * 4)
    write_classes(tmp_path / "test", blobs(3), [*TWO, "owl"])
    with pytest.raises(DataError, match="training set has no image of owl"):
        find_dataset(tmp_path)


def test_links_and_odd_but_printable_names_are_fine(tmp_path: Path) -> None:
    write_classes(tmp_path / "train", blobs(8), TWO * 4)
    write_classes(tmp_path / "test", blobs(4), TWO * 2)
    inside = tmp_path / "train" / "cat"
    (inside / "same as 0.png").symlink_to("00000.png")
    (inside / "again").symlink_to(inside)  # a loop of folders
    write_classes(tmp_path / "train", blobs(3), ["Größe 40 🧦 [a]*?"] * 3)
    (inside / "00002.png").replace(inside / "%s {x} ünïcode\n.png")
    dataset = find_dataset(tmp_path)
    assert dataset.classes == ("Größe 40 🧦 [a]*?", "cat", "dog")
    assert len(dataset.training()) == 12
