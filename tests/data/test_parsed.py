import os
from pathlib import Path

import numpy as np
import pytest

from fittingroom.data import find_dataset, parsed, read
from fittingroom.data.content import Content
from fittingroom.errors import DataError

from .files import small_arrays, write_arrays


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "kept"
    monkeypatch.setattr(parsed, "cache_folder", lambda _: folder)
    return folder


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files and folders that a reader has been asked for."""
    asked: list[Path] = []
    read_it = read._read

    def listen(path: Path) -> Content:
        asked.append(path)
        return read_it(path)

    monkeypatch.setattr(read, "_read", listen)
    return asked


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    images = np.random.default_rng(0).integers(0, 256, (8, 14, 14), dtype=np.uint8)
    labels = np.array([0, 1] * 4)
    np.savez(
        folder / "data.npz",
        train_images=images,
        train_labels=labels,
        val_images=images[:2],
        val_labels=labels[:2],
        test_images=images[:4],
        test_labels=labels[:4],
    )
    return folder


def test_the_second_time_nothing_is_read_or_prepared(data, kept, reads):
    first, second = (find_dataset(data) for _ in range(2))
    assert reads == [data]
    assert (first.own_validation, first.preparation.resized) == (2, True)
    before, after = vars(first).copy(), vars(second).copy()
    for part in ("_training", "_test"):
        np.testing.assert_equal(vars(before.pop(part)), vars(after.pop(part)))
    assert before == after


def test_whatever_decides_about_a_data_set_is_looked_at(data, kept, reads):
    file = data / "data.npz"
    find_dataset(file)
    find_dataset(file, invert="yes")
    find_dataset(file, classes=["cat", "owl"])
    find_dataset(file, test=data)
    os.utime(file, (1, 1))
    find_dataset(file)
    (data / "other.npz").write_bytes(b"another part, perhaps")
    find_dataset(file)
    assert reads == [file, file, file, file, data, file, file]
    find_dataset(file)
    assert len(reads) == 7


@pytest.mark.parametrize("spoil", ["cut", "changed", "emptied"])
def test_what_is_damaged_is_read_anew(spoil, data, kept, reads):
    first = find_dataset(data)
    (entry,) = kept.iterdir()
    content = bytearray(entry.read_bytes())
    if spoil == "changed":
        content[content.index(first.training().images.tobytes())] ^= 1
    entry.write_bytes(content[: {"cut": 100, "changed": None, "emptied": 0}[spoil]])
    assert [find_dataset(data).name for _ in range(2)] == [first.name] * 2
    assert reads == [data, data]


def test_errors_and_idx_files_leave_nothing(data, kept, tmp_path):
    find_dataset(write_arrays(tmp_path / "idx", small_arrays([0, 0, 1, 1], [0, 1])))
    (data / "data.npz").write_bytes(b"")
    with pytest.raises(DataError):
        find_dataset(data)
    assert not kept.exists()


def test_a_full_disk_is_no_error(data, kept, monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", fail)
    assert len(find_dataset(data).open_test()) == 4
    assert list(kept.iterdir()) == []


def test_only_the_last_used_are_kept(data, kept, reads, monkeypatch):
    monkeypatch.setattr(parsed, "_KEPT", 2)
    for classes in ("ab", "cd", "ab", "ef", "ab"):
        find_dataset(data, classes=list(classes))
    assert len(list(kept.iterdir())) == 2
    assert len(reads) == 3
