import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import fittingroom.data
from fittingroom.data import find_dataset, place, places, survey
from fittingroom.data.find import SAMPLE_FOLDER
from fittingroom.data.official import FILE_NAMES, TRAINING, PinnedSet
from fittingroom.errors import DataInvalidError, DataNotFoundError

from .files import write_sample


def test_places_come_in_the_promised_order(home: Path, tmp_path: Path) -> None:
    here = Path.cwd()
    folders = [found.folder for found in places()]
    assert folders == [
        place.cache_folder(),
        home / ".keras" / "datasets" / "fashion-mnist",
        here / "FashionMNIST" / "raw",
        here / "data" / "FashionMNIST" / "raw",
        home / "data" / "FashionMNIST" / "raw",
        tmp_path / "debian",
    ]
    assert home in folders[0].parents


def test_places_have_names_that_differ() -> None:
    names = [found.what for found in places()]
    assert len(set(names)) == len(names)


def test_the_first_place_with_the_data_wins(sample_is_official: PinnedSet) -> None:
    everywhere = places()
    for found in everywhere:
        write_sample(found.folder)
    for found in everywhere:
        assert find_dataset(fetch=False).folder == found.folder
        shutil.rmtree(found.folder)
    with pytest.raises(DataNotFoundError):
        find_dataset(fetch=False)


def test_a_place_with_bad_data_is_passed_over_and_said(sample_is_official: PinnedSet) -> None:
    cache, keras, torchvision, *_ = places()
    write_sample(cache.folder, without=(TRAINING.labels,))
    write_sample(keras.folder)
    (keras.folder / f"{TRAINING.images}.gz").write_bytes(b"rubbish")
    write_sample(torchvision.folder, packed=False)
    assert find_dataset(fetch=False).folder == torchvision.folder
    words = [status.words for status in survey()]
    assert words[0] == "not complete: train-labels-idx1-ubyte missing"
    assert "magic number" in words[1]
    assert words[2] == "all four files, verified"
    assert words[3:] == ["no such folder"] * 3
    assert [found.status() for found in places()] == words
    assert [status.dataset is not None for status in survey()] == [
        False,
        False,
        True,
        False,
        False,
        False,
    ]


def test_a_place_must_have_the_official_data() -> None:
    write_sample(places()[0].folder)
    with pytest.raises(DataNotFoundError, match="60,000 pictures"):
        find_dataset(fetch=False)


def test_keras_own_variable_is_respected(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    assert places()[1].folder == tmp_path / "keras" / "datasets" / "fashion-mnist"


def test_without_platformdirs_the_other_places_remain(monkeypatch: pytest.MonkeyPatch) -> None:
    before = places()
    monkeypatch.setitem(sys.modules, "platformdirs", None)
    assert places() == before[1:]


def test_nothing_found_names_each_place_and_what_to_do() -> None:
    with pytest.raises(DataNotFoundError) as caught:
        find_dataset(fetch=False)
    message = str(caught.value)
    for found in places():
        assert f"{found.what}, {found.folder}: no such folder" in message
    for name in FILE_NAMES:
        assert f"{name}.gz" in message
    assert "fittingroom data fetch" in message
    assert "--data sample" in message


@pytest.mark.parametrize("by", ["argument", "variable"])
def test_a_named_folder_is_the_only_one_looked_at(
    by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sample_is_official: PinnedSet
) -> None:
    write_sample(places()[0].folder)
    folder = tmp_path / "named"
    if by == "variable":
        monkeypatch.setenv("FITTINGROOM_DATA", str(folder))
    data = folder if by == "argument" else None
    with pytest.raises(DataNotFoundError, match="there is no such folder"):
        find_dataset(data)
    folder.mkdir()
    with pytest.raises(DataNotFoundError, match="Received 0 of them"):
        find_dataset(data)
    write_sample(folder, without=(TRAINING.images,))
    with pytest.raises(DataNotFoundError, match="not there: train-images-idx3-ubyte"):
        find_dataset(data)
    (folder / TRAINING.images).write_bytes(b"rubbish")
    with pytest.raises(DataInvalidError, match="magic number"):
        find_dataset(data)
    (folder / TRAINING.images).unlink()
    write_sample(folder)
    assert find_dataset(data).folder == folder


def test_the_argument_comes_before_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FITTINGROOM_DATA", str(tmp_path / "nowhere"))
    assert find_dataset("sample").folder == SAMPLE_FOLDER
    monkeypatch.setenv("FITTINGROOM_DATA", "sample")
    assert find_dataset().folder == SAMPLE_FOLDER
    monkeypatch.setenv("FITTINGROOM_DATA", "")
    with pytest.raises(DataNotFoundError, match="in one of these places"):
        find_dataset(fetch=False)


def test_the_persons_home_may_be_a_tilde(home: Path) -> None:
    write_sample(home / "mine")
    assert find_dataset("~/mine").folder == home / "mine"


def test_a_relative_folder_is_kept_as_an_absolute_one() -> None:
    write_sample(Path("sample"))
    assert find_dataset("./sample").folder == Path.cwd() / "sample"


def test_public_names_exist() -> None:
    for name in fittingroom.data.__all__:
        assert callable(getattr(fittingroom.data, name))


def test_importing_data_is_cheap() -> None:
    code = "import sys, fittingroom.data; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"urllib.request", "ssl", "subprocess", "rich", "platformdirs", "PIL", "scipy", "torch"}
    assert not heavy & set(done.stdout.split())
