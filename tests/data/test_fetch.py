import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from fittingroom.data import download, fetch_dataset, find_dataset, place, places
from fittingroom.data.official import FILE_NAMES, TEST, TRAINING
from fittingroom.errors import DataError, DataNotFoundError

from .files import write_sample
from .mirror import Mirror

Start = Callable[..., list[Mirror]]
PACKED_NAMES = [f"{name}.gz" for name in FILE_NAMES]


def names_in(folder: Path) -> list[str]:
    """Everything in a folder, passing names included."""
    return sorted(path.name for path in folder.iterdir())


def test_data_that_is_nowhere_is_downloaded_into_the_cache(mirrors: Start) -> None:
    (mirror,) = mirrors("good")
    dataset = find_dataset()
    assert dataset.official
    assert dataset.folder == place.cache_folder()
    assert names_in(dataset.folder) == sorted(PACKED_NAMES)
    assert sorted(mirror.requested) == sorted(PACKED_NAMES)


def test_nothing_is_fetched_twice(mirrors: Start) -> None:
    (mirror,) = mirrors("good")
    first = fetch_dataset()
    asked = len(mirror.requests)
    assert fetch_dataset().folder == find_dataset().folder == first.folder
    assert len(mirror.requests) == asked


def test_data_that_is_somewhere_is_not_fetched(mirrors: Start) -> None:
    (mirror,) = mirrors("good")
    keras = places()[1].folder
    write_sample(keras)
    assert fetch_dataset().folder == keras
    assert not mirror.requests


def test_a_folder_that_is_named_gets_the_files_in_any_case(mirrors: Start, tmp_path: Path) -> None:
    mirrors("good")
    write_sample(places()[0].folder)
    assert fetch_dataset(tmp_path / "a" / "b").folder == tmp_path / "a" / "b"
    assert names_in(tmp_path / "a" / "b") == sorted(PACKED_NAMES)


def test_only_missing_and_damaged_files_are_downloaded(mirrors: Start) -> None:
    (mirror,) = mirrors("good")
    cache = place.cache_folder()
    write_sample(cache, without=(TRAINING.labels,))
    damaged = cache / f"{TEST.images}.gz"
    damaged.write_bytes(damaged.read_bytes()[:-9])
    assert fetch_dataset().folder == cache
    assert sorted(mirror.requested) == sorted([f"{TRAINING.labels}.gz", damaged.name])


@pytest.mark.parametrize(
    "behaviour", ["missing", "truncated", "portal", "other", "damaged", "endless"]
)
def test_a_bad_mirror_is_followed_by_the_next(behaviour: str, mirrors: Start) -> None:
    bad, good = mirrors(behaviour, "good")
    dataset = fetch_dataset()
    assert dataset.official
    assert names_in(dataset.folder) == sorted(PACKED_NAMES)
    # Once a mirror gave a file, it is the first to be asked for the others.
    assert len(bad.requests) == 1
    assert len(good.requests) == 4


def test_a_dead_mirror_is_followed_by_the_next(
    mirrors: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead, _ = mirrors("good", "good")
    dead.stop()
    assert fetch_dataset().official


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        ("missing", "HTTP 404 Not Found"),
        ("truncated", "the connection ended after "),
        ("portal", "looks like a web page"),
        ("other", "received 2"),
        ("damaged", "damaged"),
        ("endless", "sent more than 1,568,016 bytes"),
    ],
)
def test_what_fails_everywhere_is_said_and_leaves_nothing(
    behaviour: str, words: str, mirrors: Start
) -> None:
    (mirror,) = mirrors(behaviour)
    with pytest.raises(DataNotFoundError) as caught:
        find_dataset()
    message = str(caught.value)
    line = next(line for line in message.splitlines() if mirror.address in line)
    assert words in line
    assert f"{mirror.address}{TRAINING.images}.gz" in line
    assert (
        "the Debian package dataset-fashion-mnist, by apt: this machine has no apt-get" in message
    )
    for found in places():
        assert str(found.folder) in message
    assert names_in(place.cache_folder()) == []


def test_no_network_names_every_mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = ("https://one.invalid/a/", "http://two.invalid/b/")
    monkeypatch.setattr(download, "MIRRORS", addresses)
    with pytest.raises(DataNotFoundError) as caught:
        find_dataset()
    for address in addresses:
        assert f"{address}{TRAINING.images}.gz: no network in tests" in str(caught.value)


@contextmanager
def interrupting_progress() -> Iterator[Callable[[str], download.Advance]]:
    """Press Ctrl-C in the middle of the second file."""
    names: list[str] = []

    def track(name: str) -> download.Advance:
        names.append(name)

        def advance(received: int, length: int | None) -> None:
            if len(names) == 2:
                raise KeyboardInterrupt

        return advance

    yield track


def test_an_interruption_leaves_what_was_finished_and_nothing_else(
    mirrors: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    (mirror,) = mirrors("good")
    with monkeypatch.context() as patch:
        patch.setattr(download, "_progress", interrupting_progress)
        with pytest.raises(KeyboardInterrupt):
            fetch_dataset()
    cache = place.cache_folder()
    assert names_in(cache) == [PACKED_NAMES[0]]
    assert fetch_dataset().folder == cache
    assert mirror.requested.count(PACKED_NAMES[0]) == 1


def test_what_a_killed_download_left_is_removed_once_it_is_old(mirrors: Start) -> None:
    mirrors("good")
    cache = place.cache_folder()
    cache.mkdir(parents=True)
    old, new = cache / ".a.0000.part", cache / ".b.0000.part"
    for part in (old, new):
        part.write_bytes(b"half a file")
    two_days_ago = time.time() - 2 * 24 * 60 * 60
    os.utime(old, (two_days_ago, two_days_ago))
    fetch_dataset()
    assert names_in(cache) == sorted([new.name, *PACKED_NAMES])  # another process may write it


def test_two_at_once_do_not_harm_each_other(mirrors: Start) -> None:
    mirrors("good")
    cache = place.cache_folder()
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(download.download_missing, [cache] * 4))
    assert results == [[]] * 4
    assert names_in(cache) == sorted(PACKED_NAMES)
    assert find_dataset(fetch=False).folder == cache


def test_a_folder_that_cannot_be_made_is_said(mirrors: Start, tmp_path: Path) -> None:
    mirrors("good")
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="Expected to write the data to") as caught:
        fetch_dataset(tmp_path / "file" / "below")
    assert not isinstance(caught.value, DataNotFoundError)


def test_a_full_disk_is_said_and_no_other_mirror_is_tried(
    mirrors: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = mirrors("good", "good")
    opened = Path.open

    class Full:
        def write(self, piece: bytes) -> int:
            raise OSError(28, "No space left on device")

        def close(self) -> None:
            pass

    def full(self: Path, mode: str = "r", *rest: object) -> object:
        return Full() if mode == "xb" else opened(self, mode, *rest)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(DataError, match="No space left on device"):
        fetch_dataset()
    assert (len(first.requests), len(second.requests)) == (1, 0)


def test_the_environments_proxy_is_used(mirrors: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    (proxy,) = mirrors("good")
    monkeypatch.setattr(download, "MIRRORS", ("http://mirror.invalid/data/",))
    monkeypatch.setenv("http_proxy", proxy.address.removesuffix("/data/"))
    assert fetch_dataset().official
    assert proxy.requests[0] == f"http://mirror.invalid/data/{PACKED_NAMES[0]}"


def test_there_is_no_bar_where_there_is_no_terminal(
    mirrors: Start, capfd: pytest.CaptureFixture[str]
) -> None:
    mirrors("good")
    fetch_dataset()
    assert capfd.readouterr() == ("", "")


def test_there_is_a_bar_on_a_terminal(
    mirrors: Start, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    mirrors("good")
    fetch_dataset()
    out, err = capfd.readouterr()
    assert out == ""
    assert TRAINING.images in err
