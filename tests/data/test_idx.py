import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fittingroom.data.dataset import hash_idx
from fittingroom.data.readers.idx import read_array
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
def test_arrays_come_back_as_they_were_written(array, packed, tmp_path_factory):
    content = idx_bytes(array)
    path = write_file(tmp_path_factory.mktemp("idx"), "file", content, packed=packed)
    read = read_array(path, array.ndim)
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, array)
    assert hash_idx(read) == hashlib.sha256(content).hexdigest()


@PACKED
def test_a_file_cut_anywhere_is_refused(packed, tmp_path):
    whole = zipped(idx_bytes(LABELS)) if packed else idx_bytes(LABELS)
    path = tmp_path / "labels"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(
            DataInvalidError, match=r"truncated|file ended|empty|begins with|whole header"
        ):
            read_array(path, 1)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (idx_bytes(IMAGES) + b"\0", "trailing bytes"),
        (idx_bytes(IMAGES, magic=0x0D03), r"x00.r.x03"),
        (idx_bytes(LABELS), r"begins with .*not with"),
        (idx_bytes(IMAGES[:, :0]), "images of 0×28 pixels"),
        (idx_bytes(IMAGES[:0]), "0 images, not 1 to 1,000,000"),
        (b"<!DOCTYPE html><html>log in</html>", "DOCTYPE"),
        (zipped(idx_bytes(IMAGES)) + b"more", "can't be read: Not a gzipped file"),
        (zipped(idx_bytes(IMAGES)) + zipped(b"more"), "trailing bytes"),
    ],
)
def test_images_that_are_not_are_refused(content, words, tmp_path):
    path = write_file(tmp_path, "images", content, packed=False)
    with pytest.raises(DataInvalidError, match=f"images .*{words}.*Replace this file"):
        read_array(path, 3)


def test_the_content_tells_a_packed_file_and_not_its_name(tmp_path):
    unpacked_by_a_browser = tmp_path / "labels.gz"
    unpacked_by_a_browser.write_bytes(idx_bytes(LABELS))
    np.testing.assert_array_equal(read_array(unpacked_by_a_browser, 1), LABELS)
