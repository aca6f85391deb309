from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fittingroom.classes import GARMENTS
from fittingroom.data import find_dataset
from fittingroom.data.readers import images as reader
from fittingroom.errors import DataError
from fittingroom.photos import read_photo
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
    assert "Left out: 21 files that are no images in a class folder." in dataset.notes


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


def test_large_images_are_converted_as_photos(tmp_path: Path) -> None:
    photos = [garment_photo(90 + at, 70) for at in range(4)]
    write_classes(tmp_path / "train", photos, TWO * 2)
    write_classes(tmp_path / "test", photos[:2], TWO)
    training = find_dataset(tmp_path).training()
    expected = [read_photo(photos[at]).image for at in (0, 2, 1, 3)]
    np.testing.assert_array_equal(training.images, expected)


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


def flat(folder: Path) -> None:
    (folder / "1.png").write_bytes(png(blobs(1)[0]))


def empty_class(folder: Path) -> None:
    good(folder)
    (folder / "train" / "owl").mkdir()


def single(folder: Path) -> None:
    good(folder)
    write_classes(folder / "train", blobs(1), ["owl"])


def another_class(folder: Path) -> None:
    good(folder)
    write_classes(folder / "test", blobs(1), ["owl"])


def text(folder: Path) -> None:
    good(folder)
    (folder / "test" / "cat" / "notes.png").write_text("no image")


def truncated(folder: Path) -> None:
    good(folder)
    (folder / "test" / "cat" / "cut.png").write_bytes(png(blobs(1)[0])[:60])


def one_colour(folder: Path) -> None:
    write_classes(folder / "train", [garment_photo()] * 4, TWO * 2)
    write_classes(folder / "train", [np.full((99, 99), 7, np.uint8)], ["dog"])


def link_outside(folder: Path) -> None:
    good(folder)
    outside = folder.parent / "outside.png"
    outside.write_bytes(png(blobs(1)[0]))
    (folder / "train" / "cat" / "link.png").symlink_to(outside)


def link_loop(folder: Path) -> None:
    good(folder)
    (folder / "train" / "cat" / "a.png").symlink_to("b.png")
    (folder / "train" / "cat" / "b.png").symlink_to("a.png")


def linked_class(folder: Path) -> None:
    good(folder)
    (folder / "train" / "owl").symlink_to("cat")


def odd_name(folder: Path) -> None:
    good(folder)
    write_classes(folder / "train", blobs(2), ["o\x07wl"] * 2)


def good(folder: Path) -> None:
    write_classes(folder / "train", blobs(8), TWO * 4)
    write_classes(folder / "test", blobs(4), TWO * 2)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (flat, "holds images, but no class folders. Put the images of each class in a folder"),
        (empty_class, r"owl holds no images\. Put images of its class there, or remove it"),
        (single, "class owl has one training image"),
        (another_class, "training set has no image of owl"),
        (text, r"notes\.png isn't a PNG, JPEG, .* or TIFF image\. .* Or remove it"),
        (truncated, r"cut\.png is damaged or cut off"),
        (one_colour, r"dog/00000\.png can't be used: No garment was found: .* one colour"),
        (link_outside, r"link\.png is a link that leads out of .*Put the file itself there"),
        (link_loop, r"a\.png is a link that leads out of .*, or nowhere"),
        (linked_class, "owl is a link to a folder, which is not followed"),
        (odd_name, "characters, all of which can be printed"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_is_odd_or_damaged_is_said_in_one_message(spoil, words, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    spoil(folder)
    with pytest.raises(DataError, match=words):
        find_dataset(folder)


def test_links_inside_and_odd_but_printable_names_are_fine(tmp_path: Path) -> None:
    good(tmp_path)
    inside = tmp_path / "train" / "cat"
    (inside / "same as 0.png").symlink_to("00000.png")
    (inside / "again").symlink_to(inside)  # a loop of folders
    write_classes(tmp_path / "train", blobs(3), ["Größe 40 🧦 [a]*?"] * 3)
    (inside / "00002.png").replace(inside / "%s {x} ünïcode\n.png")
    dataset = find_dataset(tmp_path)
    assert dataset.classes == ("Größe 40 🧦 [a]*?", "cat", "dog")
    assert len(dataset.training()) == 12
