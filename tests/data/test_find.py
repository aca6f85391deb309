import shutil
from pathlib import Path

import pytest

from fittingroom.data import find_dataset, survey
from fittingroom.data.find import SAMPLE_FOLDER
from fittingroom.data.official import TRAINING
from fittingroom.errors import DataInvalidError, DataNotFoundError
from fittingroom.safe_io import cache_folder

from .files import write_sample


def folders() -> list[Path]:
    return [found.folder for found in survey()]


def test_places_come_in_the_promised_order(home, tmp_path):
    here = Path.cwd()
    assert folders() == [
        cache_folder("fashion-mnist"),
        home / ".keras" / "datasets" / "fashion-mnist",
        here / "FashionMNIST" / "raw",
        here / "data" / "FashionMNIST" / "raw",
        home / "data" / "FashionMNIST" / "raw",
        tmp_path / "debian",
    ]
    assert home in cache_folder("fashion-mnist").parents
    assert len({found.what for found in survey()}) == 6


def test_the_first_place_with_the_data_wins(sample_is_official):
    everywhere = folders()
    for folder in everywhere:
        write_sample(folder)
    for folder in everywhere:
        assert find_dataset(fetch=False).path == folder
        shutil.rmtree(folder)
    with pytest.raises(DataNotFoundError) as caught:
        find_dataset(fetch=False)
    for found in survey():
        assert f"{found.what}, {found.folder}: no such folder" in str(caught.value)


def test_a_place_with_bad_data_is_passed_over(sample_is_official):
    cache, keras, torchvision, *_ = folders()
    write_sample(cache, without=(TRAINING.labels,))
    write_sample(keras)
    (keras / f"{TRAINING.images}.gz").write_bytes(b"rubbish")
    write_sample(torchvision, packed=False)
    assert find_dataset(fetch=False).path == torchvision
    words = [found.words for found in survey()]
    assert "are missing" in words[0]
    assert "begins with" in words[1]
    assert words[2] == "all four files, verified"
    assert words[3:] == ["no such folder"] * 3
    found_in = [number for number, found in enumerate(survey()) if found.dataset is not None]
    assert found_in == [2]


def test_a_place_must_have_the_official_data():
    write_sample(folders()[0])
    with pytest.raises(DataNotFoundError, match="none of these places"):
        find_dataset(fetch=False)


@pytest.mark.parametrize("by", ["argument", "variable"])
def test_a_named_folder_is_the_only_one_looked_at(by, tmp_path, monkeypatch, sample_is_official):
    write_sample(folders()[0])
    folder = tmp_path / "named"
    if by == "variable":
        monkeypatch.setenv("FITTINGROOM_DATA", str(folder))
    data = folder if by == "argument" else None
    with pytest.raises(DataNotFoundError, match="no such file or folder"):
        find_dataset(data)
    write_sample(folder, without=(TRAINING.images,))
    with pytest.raises(DataNotFoundError, match="lacks train-images-idx3-ubyte"):
        find_dataset(data)
    (folder / TRAINING.images).write_bytes(b"rubbish")
    with pytest.raises(DataInvalidError, match="begins with"):
        find_dataset(data)
    write_sample(folder)
    assert find_dataset(data).path == folder


def test_the_argument_comes_before_the_variable(tmp_path, monkeypatch):
    monkeypatch.setenv("FITTINGROOM_DATA", str(tmp_path / "nowhere"))
    assert find_dataset("sample").path == SAMPLE_FOLDER
    monkeypatch.setenv("FITTINGROOM_DATA", "sample")
    assert find_dataset().path == SAMPLE_FOLDER
    monkeypatch.setenv("FITTINGROOM_DATA", "")
    with pytest.raises(DataNotFoundError, match="none of these places"):
        find_dataset(fetch=False)


def test_a_folder_may_begin_with_a_tilde_and_is_kept_as_an_absolute_one(home):
    write_sample(home / "mine")
    assert find_dataset("~/mine").path == home / "mine"
    write_sample(Path("sample"))
    assert find_dataset("./sample").path == Path.cwd() / "sample"
