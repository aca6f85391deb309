"""Read an NPZ file, with the arrays' names that Keras, MedMNIST and others give them."""

from pathlib import Path

from fittingroom.data.arrays import part_of
from fittingroom.data.content import Content, FileInvalidError, opened
from fittingroom.safe_io import MEBIBYTE, read_arrays

NEEDS = "x_train, y_train, x_test, y_test; train_images, train_labels, …; or images, labels"

# Images and labels of each part, whatever the case of the letters.
_NAMES = {
    "training": ("x_train y_train", "train_images train_labels", "images labels", "x y"),
    "validation": ("x_val y_val", "val_images val_labels"),
    "test": ("x_test y_test", "test_images test_labels"),
}
_MOST = 4096 * MEBIBYTE


def recognises(path: Path) -> bool:
    """Whether this is an ``.npz`` file, or a folder of one."""
    return bool(_files(path))


def read(path: Path) -> Content:
    """The arrays of an NPZ file. Nothing in it is unpickled."""
    path, *others = _files(path)
    if others:
        reason = "is not the only NPZ file in its folder"
        raise FileInvalidError(path, reason, "Name one with --data, and a test set with --test.")
    with opened(path, _MOST) as (stream, _):
        arrays = {name.lower(): each for name, each in read_arrays(stream.read(), _MOST).items()}
    parts = {}
    for part, pairs in _NAMES.items():
        for images, labels in map(str.split, pairs):
            if {images, labels} <= arrays.keys() and part not in parts:
                names = str(path / images), str(path / labels)
                parts[part] = part_of(arrays[images], arrays[labels], names)
    if "training" not in parts:
        reason = f"holds the arrays {', '.join(sorted(arrays))[:200]}"
        raise FileInvalidError(path, reason, f"Name them {NEEDS}.")
    named = arrays.get("classes", arrays.get("class_names"))
    classes = () if named is None or named.dtype.kind != "U" else tuple(named.ravel().tolist())
    return Content(parts["training"], parts.get("test"), parts.get("validation"), classes)


def _files(path: Path) -> list[Path]:
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return [each for each in files if each.suffix.lower() == ".npz"]
