"""Downloads from mirrors on this machine that behave as they are told to."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pooch
import pytest

from fittingroom.data import fetch_dataset, find, find_dataset, survey
from fittingroom.data.official import FILE_NAMES, TEST, TRAINING, KnownSet
from fittingroom.errors import DataError, DataNotFoundError
from fittingroom.safe_io import cache_folder

from .files import idx_bytes, small_arrays, write_file, write_sample
from .mirror import Mirror

Start = Callable[..., list[Mirror]]
PACKED_NAMES = sorted(f"{name}.gz" for name in FILE_NAMES)


def names_in(folder: Path) -> list[str]:
    """Everything in a folder, temporary names included."""
    return sorted(path.name for path in folder.iterdir())


def test_missing_data_is_downloaded_once_and_in_silence(mirrors, capfd):
    (mirror,) = mirrors("good")
    dataset = find_dataset()
    assert dataset.official
    assert dataset.path == cache_folder("fashion-mnist")
    assert names_in(dataset.path) == sorted(mirror.requested) == PACKED_NAMES
    assert fetch_dataset().path == find_dataset().path == dataset.path
    assert len(mirror.requests) == 4
    assert capfd.readouterr() == ("", "")


def test_a_named_folder_gets_the_files_in_any_case(mirrors, tmp_path):
    mirrors("good")
    write_sample(cache_folder("fashion-mnist"))
    assert fetch_dataset(tmp_path / "a" / "b").path == tmp_path / "a" / "b"
    assert names_in(tmp_path / "a" / "b") == PACKED_NAMES


def test_only_missing_and_damaged_files_are_downloaded(mirrors):
    (mirror,) = mirrors("good")
    cache = cache_folder("fashion-mnist")
    write_sample(cache, without=(TRAINING.labels,))
    damaged = cache / f"{TEST.images}.gz"
    damaged.write_bytes(damaged.read_bytes()[:-9])
    assert fetch_dataset().path == cache
    assert sorted(mirror.requested) == sorted([f"{TRAINING.labels}.gz", damaged.name])


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        ("missing", "404"),
        ("truncated", ""),
        ("portal", "DOCTYPE"),
        ("other", "other content"),
    ],
)
def test_a_bad_mirror_is_followed_by_the_next(behaviour, words, mirrors):
    (bad,) = mirrors(behaviour)
    with pytest.raises(DataNotFoundError) as caught:
        find_dataset()
    message = str(caught.value)
    url = f"{bad.address}{TRAINING.images}.gz"
    assert words in next(line for line in message.splitlines() if url in line)
    assert "by apt: " in message
    for found in survey():
        assert str(found.folder) in message
    assert names_in(cache_folder("fashion-mnist")) == []

    _, good = mirrors("good")
    assert names_in(fetch_dataset().path) == PACKED_NAMES
    # Once a mirror gave a file, it is the first to be asked for the others.
    assert (len(bad.requests), len(good.requests)) == (2, 4)


def test_an_interruption_leaves_what_was_finished_and_nothing_else(mirrors, monkeypatch):
    (mirror,) = mirrors("good")
    fetch = pooch.HTTPDownloader.__call__

    def interrupted(self: object, url: str, file: str, pup: None) -> None:
        fetch(self, url, file, pup)
        if len(mirror.requests) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(pooch.HTTPDownloader, "__call__", interrupted)
        with pytest.raises(KeyboardInterrupt):
            fetch_dataset()
    cache = cache_folder("fashion-mnist")
    assert names_in(cache) == [f"{TRAINING.images}.gz"]
    assert fetch_dataset().path == cache
    assert mirror.requested.count(f"{TRAINING.images}.gz") == 1


def test_a_folder_that_cannot_be_made_is_named(mirrors, tmp_path):
    mirrors("good")
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="can't be written to") as caught:
        fetch_dataset(tmp_path / "file" / "below")
    assert not isinstance(caught.value, DataNotFoundError)


@pytest.fixture(params=["mnist", "kmnist"])
def other(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> KnownSet:
    """A set that is fetched by its name, whose files are small and in the folder "served"."""
    known = find.FETCHED[request.param]
    hashes = {}
    for name, array in small_arrays([*range(10)] * 2, range(10)).items():
        content = idx_bytes(array)
        path = write_file(tmp_path / "served", name, content, packed=True)
        stored = path.read_bytes() if known.packed else content
        hashes[name] = hashlib.sha256(stored).hexdigest()
    known = replace(known, hashes=hashes)
    monkeypatch.setitem(find.FETCHED, known.name, known)
    return known


def test_mnist_and_kmnist_are_fetched_by_name(other, mirrors, tmp_path):
    with pytest.raises(DataNotFoundError, match="some files are missing"):
        find_dataset(other.name, fetch=False)
    (mirror,) = mirrors("good")  # whose files are Fashion-MNIST's
    with pytest.raises(DataNotFoundError, match="other content"):
        find_dataset(other.name)
    assert names_in(cache_folder(other.name)) == []
    mirror.folder, mirror.requests[:] = tmp_path / "served", []
    dataset = find_dataset(other.name)
    assert dataset.path == cache_folder(other.name)
    assert dataset.path.parent == cache_folder("fashion-mnist").parent
    assert (dataset.name, dataset.official, dataset.warnings) == (other.name, False, ())
    assert dataset.classes == other.classes
    assert f"those of {other.title} alone" in dataset.description
    assert find_dataset(other.name, fetch=False).key == dataset.key
    assert len(mirror.requests) == 4


def test_a_folder_may_be_called_mnist(sample):
    write_sample(Path("mnist"))
    assert find_dataset("./mnist").key == sample.key
