import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fittingroom.data import find_dataset
from fittingroom.errors import DataInvalidError

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 28, 28), dtype=np.uint8)
LABELS = np.array([0, 0, 1, 1, 0, 1])


@pytest.mark.parametrize(
    "names",
    [
        "x_train y_train x_test y_test",
        "X_train y_train X_test y_test",
        "train_images train_labels test_images test_labels",
        "train_images train_labels test_images test_labels val_images val_labels",
    ],
)
def test_arrays_go_by_several_names(names: str, tmp_path: Path) -> None:
    given = zip(names.split(), [IMAGES / 255, LABELS[:, None]] * 3, strict=False)
    arrays: dict[str, Any] = dict(given)
    np.savez(tmp_path / "a.npz", classes=["cat", "owl"], **arrays)
    for path in (tmp_path, tmp_path / "a.npz"):
        dataset = find_dataset(path, invert="no")
        assert dataset.classes == ("cat", "owl")
        assert dataset.own_validation == (6 if "val_" in names else 0)
        np.testing.assert_array_equal(dataset.open_test().images, IMAGES)
        np.testing.assert_array_equal(dataset.open_test().labels, LABELS)


@pytest.mark.parametrize(("images", "labels"), [("images", "labels"), ("x", "y"), ("X", "y")])
def test_a_test_set_may_be_another_file(images: str, labels: str, tmp_path: Path) -> None:
    arrays: dict[str, Any] = {images: IMAGES, labels: LABELS}
    for name in ("a.npz", "b.npz"):
        np.savez_compressed(tmp_path / name, **arrays)
    assert len(find_dataset(tmp_path / "a.npz", test=tmp_path / "b.npz").open_test()) == 6
    with pytest.raises(DataInvalidError, match="not the only NPZ file"):
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


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "can't be read"),
        (b"no archive", "can't be read"),
        (saved(x=IMAGES, y=LABELS)[:-40], "can't be read"),
        (zipped(), "must hold arrays alone"),
        (saved(x=IMAGES, y=np.array([{}] * 6)), "allow_pickle=False"),
        (saved(data=IMAGES, target=LABELS), r"holds the arrays data, target\. Name them x_train"),
        (saved(x=IMAGES, y=LABELS[:5]), "5 labels for 6 images"),
        (saved(x=IMAGES, y=np.zeros((6, 14))), r"y has labels of shape \(6, 14\)"),
        (saved(x=IMAGES, y=np.zeros((6, 2, 2))), r"y has labels of shape \(6, 2, 2\)"),
        (saved(x=IMAGES * 9.5, y=LABELS), r"x: The images have values from .* Use `images ="),
        (saved(x=IMAGES, y=np.ones(6)), "has 1 class"),
    ],
)
def test_bad_archives_are_refused(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    path.write_bytes(content)
    with pytest.raises(DataInvalidError, match=words):
        find_dataset(path, test=path)
