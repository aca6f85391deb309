import io
import zipfile
from typing import Any

import numpy as np
import pytest

from fittingroom.data import find_dataset
from fittingroom.errors import DataInvalidError, UsageError

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 28, 28), dtype=np.uint8)
LABELS = np.array([0, 0, 1, 1, 0, 1])


@pytest.mark.parametrize(
    "names",
    [
        "X_train y_train X_test y_test",
        "train_images train_labels test_images test_labels val_images val_labels",
        "images labels x_test y_test",
        "X y x_test y_test",
    ],
)
def test_arrays_go_by_several_names(names, tmp_path):
    given = zip(names.split(), [IMAGES / 255, LABELS[:, None]] * 3, strict=False)
    arrays: dict[str, Any] = dict(given)
    np.savez_compressed(tmp_path / "a.npz", classes=["cat", "owl"], **arrays)
    dataset = find_dataset(tmp_path, invert="no")
    assert dataset.classes == ("cat", "owl")
    assert dataset.own_validation == (6 if "val_" in names else 0)
    np.testing.assert_array_equal(dataset.open_test().images, IMAGES)
    np.testing.assert_array_equal(dataset.open_test().labels, LABELS)
    (tmp_path / "b.npz").touch()
    with pytest.raises(DataInvalidError, match="not the only NPZ file"):
        find_dataset(tmp_path)


def test_a_test_set_of_its_own_is_what_another_file_is_named_for(tmp_path):
    for name, images in (("a", IMAGES), ("b", 255 - IMAGES)):
        parts: dict[str, Any] = {
            "x_train": images,
            "y_train": LABELS,
            "x_test": images[::-1],
            "y_test": LABELS,
        }
        np.savez(tmp_path / f"{name}.npz", **parts)
    dataset = find_dataset(tmp_path / "a.npz", test=tmp_path / "b.npz", invert="no")
    np.testing.assert_array_equal(dataset.open_test().images, 255 - IMAGES[::-1])
    assert "Its own test part is not used, since --test names another." in dataset.notes
    with pytest.raises(UsageError, match="name the same images"):
        find_dataset(tmp_path / "a.npz", test=tmp_path / "a.npz")


def test_each_class_has_a_name_or_none_has(tmp_path):
    np.savez(tmp_path / "a.npz", x=IMAGES, y=LABELS, class_names=["cat"])
    with pytest.raises(DataInvalidError, match="names 1 classes and has the label 1"):
        find_dataset(tmp_path)


def saved(**arrays: Any) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def zipped() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("photo.png", b"no array")
    return stream.getvalue()
