import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fittingroom.data.dataset import hash_idx
from fittingroom.data.readers.idx import read_images, read_labels
from fittingroom.errors import DataInvalidError

from .files import idx_bytes, write_file, zipped

PACKED = pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
LABELS = np.array([3, 1, 4, 1, 5, 9, 2, 6], dtype=np.uint8)
IMAGES = np.random.default_rng(0).integers(0, 256, (8, 28, 28), dtype=np.uint8)


@PACKED
@given(
    array=arrays(np.uint8, st.integers(1, 50), elements=st.integers(0, 9))
    | arrays(np.uint8, st.tuples(st.integers(1, 4), st.just(28), st.just(28)))
)
@settings(max_examples=40, deadline=None)
def test_arrays_come_back_as_they_were_written(
    array: np.ndarray, packed: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = idx_bytes(array)
    path = write_file(tmp_path_factory.mktemp("idx"), "file", content, packed=packed)
    read = read_labels(path) if array.ndim == 1 else read_images(path)
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, array)
    assert hash_idx(read) == hashlib.sha256(content).hexdigest()


@PACKED
def test_a_file_cut_anywhere_is_refused(packed: bool, tmp_path: Path) -> None:
    whole = zipped(idx_bytes(LABELS)) if packed else idx_bytes(LABELS)
    path = tmp_path / "labels"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(
            DataInvalidError, match=r"truncated|file ended|empty|begins with|whole header"
        ):
            read_labels(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "an empty file"),
        (idx_bytes(IMAGES)[:10], "10 bytes are no whole header"),
        (idx_bytes(IMAGES)[:-1], "truncated"),
        (idx_bytes(IMAGES) + b"\0", "trailing bytes"),
        (idx_bytes(IMAGES, magic=0x0D03), r"x00.r.x03"),
        (idx_bytes(LABELS), r"begins with .*not with"),
        (idx_bytes(IMAGES[:, :0]), "images of 0×28 pixels"),
        (idx_bytes(IMAGES[:0]), "0 images, not 1 to 1,000,000"),
        (b"<!DOCTYPE html><html>log in</html>", "DOCTYPE"),
    ],
)
def test_images_that_are_not_are_refused(content: bytes, words: str, tmp_path: Path) -> None:
    path = write_file(tmp_path, "images", content, packed=True)
    with pytest.raises(DataInvalidError, match=words) as caught:
        read_images(path)
    assert str(path) in str(caught.value)
    assert "Replace this file" in str(caught.value)


def test_the_content_tells_a_packed_file_and_not_its_name(tmp_path: Path) -> None:
    unpacked_by_a_browser = tmp_path / "labels.gz"
    unpacked_by_a_browser.write_bytes(idx_bytes(LABELS))
    np.testing.assert_array_equal(read_labels(unpacked_by_a_browser), LABELS)


def test_bytes_after_the_gzip_member_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "labels.gz"
    path.write_bytes(zipped(idx_bytes(LABELS)) + b"more")
    with pytest.raises(DataInvalidError, match="can't be read: Not a gzipped file"):
        read_labels(path)
    path.write_bytes(zipped(idx_bytes(LABELS)) + zipped(b"more"))
    with pytest.raises(DataInvalidError, match="trailing bytes"):
        read_labels(path)
