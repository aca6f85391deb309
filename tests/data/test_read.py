from dataclasses import replace

import numpy as np
import pytest

from fittingroom.classes import GARMENTS
from fittingroom.data import ImageSet, Source, SplitRule, find_dataset
from fittingroom.data.content import Content, Part
from fittingroom.data.official import FILE_NAMES, TEST, TRAINING
from fittingroom.data.read import make_dataset
from fittingroom.data.readers import READERS
from fittingroom.errors import DataInvalidError, DataNotFoundError, UsageError

from .files import idx_bytes, sample_content, small_arrays, write_arrays, write_file, write_sample


def test_a_named_folder_is_known_by_its_content(tmp_path):
    folder = write_sample(tmp_path / "anything", packed=False)
    dataset = find_dataset(folder)
    assert (dataset.name, dataset.path, dataset.classes) == ("sample", folder, GARMENTS)
    assert not dataset.official
    assert len(dataset.training()) == 2000


@pytest.mark.parametrize(
    "spelled",
    [
        lambda name: name.replace("-idx", ".idx"),
        str.upper,
        lambda name: f"{name}/{name}",  # unpacked into a folder of its name
        lambda name: f"mine-{name}",
        lambda name: name.replace("t10k", "test"),
    ],
)
def test_other_spellings_of_the_files_names(spelled, tmp_path):
    for name in FILE_NAMES:
        path = tmp_path / "data" / spelled(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(sample_content(name))
    assert find_dataset(tmp_path / "data").name == "sample"


def test_emnist_is_transposed_back_and_named_by_its_mapping(tmp_path):
    arrays = small_arrays([1, 2, 3] * 2, [3, 1])
    for kind in ("emnist-letters", "emnist-digits"):
        for name, array in arrays.items():
            file = f"{kind}-{name.replace('t10k', 'test')}"
            write_file(tmp_path, file, idx_bytes(array), packed=True)
    (tmp_path / "emnist-letters-mapping.txt").write_text("1 65 97\n2 66 98\n3 67 99\n")
    with pytest.raises(DataInvalidError, match=r"2 data sets: emnist-digits-, emnist-letters-"):
        find_dataset(tmp_path)
    dataset = find_dataset(tmp_path / "emnist-letters-train-images-idx3-ubyte.gz")
    assert dataset.classes == ("A/a", "B/b", "C/c")
    assert any("transposed back" in note for note in dataset.notes)
    images = dataset.training().images
    np.testing.assert_array_equal(images, arrays[TRAINING.images].transpose(0, 2, 1))


def test_emnist_as_tables_is_transposed_back_too(tmp_path):
    arrays = small_arrays([1, 2, 3] * 2, [3, 1])
    for part, names in (("train", TRAINING), ("test", TEST)):
        rows = np.c_[arrays[names.labels], arrays[names.images].reshape(-1, 28 * 28)]
        header = ",".join(["label", *map(str, range(28 * 28))])
        path = tmp_path / f"emnist-letters-{part}.csv"
        np.savetxt(path, rows, "%d", ",", header=header, comments="")
    (tmp_path / "emnist-letters-mapping.txt").write_text("1 65 97\n2 66 98\n3 67 99\n")
    dataset = find_dataset(tmp_path)
    assert dataset.classes == ("A/a", "B/b", "C/c")
    test = arrays[TEST.images].transpose(0, 2, 1)
    np.testing.assert_array_equal(dataset.open_test().images, test)


def test_a_validation_set_of_its_own_takes_the_place_of_the_rule(tmp_path):
    images = np.random.default_rng(0).integers(0, 99, (9, 28, 28), np.uint8)
    labels = np.array([0, 1, 0, 1, 0, 1, 0, 1, 0])
    parts = [Part(images[at], labels[at]) for at in (slice(5), slice(5, 7), slice(7, 9))]
    content = Content(parts[0], parts[1], parts[2])
    dataset = make_dataset(content, Source(None))
    split = dataset.split(SplitRule("stratified", "1/12"))
    np.testing.assert_array_equal(split.training.images, images[:5])
    np.testing.assert_array_equal(split.validation.images, images[7:9])
    np.testing.assert_array_equal(dataset.open_test().images, images[5:7])
    without = replace(dataset, own_validation=0)
    assert dataset.key != without.key


def test_a_folder_of_something_else_says_what_is_there_and_what_is_needed(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "notes.txt").touch()
    with pytest.raises(DataNotFoundError, match=r"holds notes\.txt\. That is no data set") as told:
        find_dataset(tmp_path / "data")
    for name in READERS:
        assert name in str(told.value)


def test_a_single_image_is_no_data_set(tmp_path):
    (tmp_path / "a.PNG").touch()
    with pytest.raises(DataNotFoundError, match=r"single image.* `fittingroom predict .*a\.PNG`"):
        find_dataset(tmp_path / "a.PNG")


def test_what_another_reader_would_read_is_named(tmp_path):
    write_arrays(tmp_path, small_arrays([0, 0, 1, 1], [0, 1]))
    (tmp_path / "b.npz").touch()
    (tmp_path / "cat").mkdir()
    for name in ("cat/1.png", "preview.png", "broken.csv.gz", "notes.txt"):
        (tmp_path / name).write_bytes(b"\x1f\x8b")
    notes = [note for note in find_dataset(tmp_path).notes if "Passed over" in note]
    assert [note.partition(". ")[0] for note in notes] == [
        "Passed over: b.npz (an NPZ file)",
        "Passed over: cat (folders of images)",
    ]
    beside = find_dataset(tmp_path / f"{TRAINING.labels}.gz").notes
    assert beside[1:] == ("The test set beside it is t10k-images-idx3-ubyte.gz.",)


def test_unknown_data_works_with_its_own_names(tmp_path):
    arrays = small_arrays([0, 1, 2] * 5, [2, 1])
    folder = write_arrays(tmp_path / "data", arrays)
    names = tmp_path / "names.txt"
    names.write_text("\ufeffcat\nowl \n\nfrog\n", encoding="utf-8")
    dataset = find_dataset(folder, classes=names)
    assert dataset.classes == ("cat", "owl", "frog")
    assert not dataset.official
    assert dataset.name != find_dataset(folder).name  # other class names
    for image_set, files in ((dataset.training(), TRAINING), (dataset.open_test(), TEST)):
        assert isinstance(image_set, ImageSet)
        np.testing.assert_array_equal(image_set.images, arrays[files.images])
        np.testing.assert_array_equal(image_set.labels, arrays[files.labels])
        assert image_set.indices.tolist() == list(range(len(image_set)))


def test_unknown_data_is_named_by_all_of_its_files(tmp_path):
    def name(training: list[int], test: list[int]) -> str:
        folder = write_arrays(tmp_path, small_arrays(training, test))
        return find_dataset(folder).name

    first = name([0, 0, 1, 1], [0, 1])
    assert len(first) == len("unknown-") + 8
    assert name([0, 0, 1, 1], [0, 1]) == first
    assert name([0, 0, 1, 1], [1, 1]) != first
    assert name([0, 1, 0, 1], [0, 1]) != first


def test_known_data_keeps_its_names(tmp_path):
    folder = write_sample(tmp_path / "data")
    names = tmp_path / "names.txt"
    names.write_text("\n".join("abcdefghij"))
    with pytest.raises(DataInvalidError, match="class names of its own"):
        find_dataset(folder, classes=names)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "can't be read: .*No such file"),
        (b"one\n", "2 to 1,000 classes"),
        (b"\xff\xfe\x00", "UTF-8"),
    ],
)
def test_bad_files_of_names_are_refused(content, words, tmp_path):
    folder = write_arrays(tmp_path / "data", small_arrays([0, 1, 2] * 2, [0, 1]))
    names = tmp_path / "names.txt"
    if content is not None:
        names.write_bytes(content)
    with pytest.raises(DataInvalidError, match=words):
        find_dataset(folder, classes=names)


def test_names_and_a_test_set_go_with_data():
    with pytest.raises(UsageError, match="go with --data"):
        find_dataset(classes=("a", "b"))
