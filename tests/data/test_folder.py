from pathlib import Path

import numpy as np
import pytest

from fittingroom.classes import GARMENTS
from fittingroom.data import ImageSet, find_dataset, verify
from fittingroom.data.official import (
    FILE_NAMES,
    SAMPLE,
    TEST,
    TRAINING,
    KnownSet,
)
from fittingroom.errors import DataInvalidError, UsageError

from .files import (
    idx_bytes,
    sample_content,
    small_arrays,
    write_arrays,
    write_file,
    write_sample,
)

PACKED = pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])


@PACKED
def test_a_named_folder_is_known_by_its_content(packed: bool, tmp_path: Path) -> None:
    folder = write_sample(tmp_path / "anything", packed=packed)
    dataset = find_dataset(folder)
    assert (dataset.name, dataset.folder, dataset.classes) == ("sample", folder, GARMENTS)
    assert not dataset.official
    assert len(dataset.training()) == 2000


@pytest.mark.parametrize("name", FILE_NAMES)
def test_one_changed_byte_in_any_file_is_refused(
    name: str, tmp_path: Path, sample_is_official: KnownSet
) -> None:
    folder = write_sample(tmp_path)
    content = bytearray(sample_content(name))
    content[-1] ^= 1
    path = write_file(folder, name, bytes(content), packed=True)
    with pytest.raises(DataInvalidError) as caught:
        find_dataset(folder)
    for words in (str(path), SAMPLE.hashes[name][:16], "--allow-unknown-data"):
        assert words in str(caught.value)


def test_unknown_data_is_refused_unless_a_person_allows_it(tmp_path: Path) -> None:
    write_arrays(tmp_path, small_arrays([0, 1, 2] * 5, [0, 1, 2]))
    with pytest.raises(DataInvalidError, match=r"other content.*--allow-unknown-data"):
        find_dataset(tmp_path)
    dataset = find_dataset(tmp_path, allow_unknown=True)
    assert dataset.name.startswith("unknown-")
    assert dataset.classes == ("class 0", "class 1", "class 2")


@PACKED
def test_unknown_data_works_with_its_own_names(packed: bool, tmp_path: Path) -> None:
    arrays = small_arrays([0, 1, 2] * 5, [2, 1])
    folder = write_arrays(tmp_path / "data", arrays, packed=packed)
    names = tmp_path / "names.txt"
    names.write_text("\ufeffcat\nowl \n\nfrog\n", encoding="utf-8")
    dataset = find_dataset(folder, allow_unknown=True, classes=names)
    assert dataset.classes == ("cat", "owl", "frog")
    assert not dataset.official
    assert dataset.name != find_dataset(folder, allow_unknown=True).name  # other class names
    for image_set, files in ((dataset.training(), TRAINING), (dataset.open_test(), TEST)):
        assert isinstance(image_set, ImageSet)
        np.testing.assert_array_equal(image_set.images, arrays[files.images])
        np.testing.assert_array_equal(image_set.labels, arrays[files.labels])
        assert image_set.indices.tolist() == list(range(len(image_set)))


def test_unknown_data_is_named_by_all_of_its_files(tmp_path: Path) -> None:
    def name(training: list[int], test: list[int]) -> str:
        folder = write_arrays(tmp_path, small_arrays(training, test))
        return find_dataset(folder, allow_unknown=True).name

    first = name([0, 1, 1], [0, 1])
    assert len(first) == len("unknown-") + 8
    assert name([0, 1, 1], [0, 1]) == first
    assert name([0, 1, 1], [1, 1]) != first
    assert name([0, 1, 0], [0, 1]) != first


def test_known_data_keeps_its_names(tmp_path: Path) -> None:
    folder = write_sample(tmp_path / "data")
    names = tmp_path / "names.txt"
    names.write_text("\n".join("abcdefghij"))
    with pytest.raises(DataInvalidError, match="class names of its own"):
        find_dataset(folder, allow_unknown=True, classes=names)


@pytest.mark.parametrize(
    ("name", "array", "words"),
    [
        (TRAINING.labels, np.array([0, 1], np.uint8), "2 labels for 3 images"),
        (TRAINING.labels, np.array([0, 1, 10], np.uint8), "label 10 at position 2.* 0 to 9"),
        (TRAINING.labels, np.zeros(3, np.uint8), "two or more"),
        (TEST.labels, np.array([0, 2], np.uint8), "label 2 at position 1.* 0 to 1"),
        (TEST.images, np.zeros((2, 32, 32), np.uint8), "32×32 pixels, not 28×28"),
    ],
)
def test_unknown_data_has_every_structural_check(
    name: str, array: np.ndarray, words: str, tmp_path: Path
) -> None:
    write_arrays(tmp_path, small_arrays([0, 1, 1], [0, 1]))
    path = write_file(tmp_path, name, idx_bytes(array), packed=True)
    with pytest.raises(DataInvalidError, match=words) as caught:
        find_dataset(tmp_path, allow_unknown=True)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "can't be read: .*No such file"),
        (b"one\n", "2 to 1,000 class names"),
        (b"\n".join(b"%d" % number for number in range(11)), "11 class names"),
        (b"cat\nowl\ncat\n", "2 classes have the name 'cat'"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b"cat\nowl", "label 2 at position 2.* 0 to 1"),
    ],
)
def test_bad_files_of_names_are_refused(content: bytes | None, words: str, tmp_path: Path) -> None:
    folder = write_arrays(tmp_path / "data", small_arrays([0, 1, 2], [0, 1]))
    names = tmp_path / "names.txt"
    if content is not None:
        names.write_bytes(content)
    with pytest.raises(DataInvalidError, match=words):
        find_dataset(folder, allow_unknown=True, classes=names)


@pytest.mark.parametrize("data", [None, "sample"])
def test_unknown_data_must_be_named(data: str | None) -> None:
    with pytest.raises(UsageError, match="--data DIR"):
        find_dataset(data, allow_unknown=True)


def test_names_go_with_unknown_data_only(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Add --allow-unknown-data"):
        find_dataset(write_sample(tmp_path), classes=tmp_path / "names.txt")


def test_verify_tells_each_file_by_itself(tmp_path: Path) -> None:
    write_sample(tmp_path, without=(TRAINING.labels,))
    (tmp_path / f"{TEST.labels}.gz").write_bytes(b"rubbish")
    write_file(tmp_path, TEST.images, idx_bytes(np.zeros((3, 28, 28), np.uint8)), packed=True)
    good, missing, unknown, broken = verify(tmp_path)
    expected = (SAMPLE.hashes[TRAINING.images], 16 + 2000 * 784, "sample")
    assert (good.sha256, good.size, good.known_as) == expected
    assert (good.name, good.problem) == (TRAINING.images, None)
    assert good.path == tmp_path / f"{TRAINING.images}.gz"
    assert (missing.name, missing.path, missing.sha256) == (TRAINING.labels, None, None)
    assert "is not in" in str(missing.problem)
    assert (unknown.known_as, unknown.problem, unknown.size) == (None, None, 16 + 3 * 784)
    assert (broken.name, broken.sha256) == (TEST.labels, None)
    assert "begins with" in str(broken.problem)
