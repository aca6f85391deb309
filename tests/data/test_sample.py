import gzip
import hashlib
import importlib.util
import zlib
from pathlib import Path

import numpy as np
import pytest

from fittingroom.classes import GARMENTS
from fittingroom.data import Dataset, find_dataset
from fittingroom.data.find import SAMPLE_FOLDER
from fittingroom.data.official import FILE_NAMES, SAMPLE
from fittingroom.errors import DataInvalidError

from .files import write_sample

# Another version may pack the same content into other bytes.
MADE_WITH_ZLIB = "1.2.13"


def test_the_sample_is_balanced() -> None:
    dataset = find_dataset("sample")
    assert (dataset.name, dataset.official, dataset.classes) == ("sample", False, GARMENTS)
    assert np.bincount(dataset.training().labels).tolist() == [200] * 10
    assert np.bincount(dataset.open_test().labels).tolist() == [50] * 10


@pytest.mark.parametrize("name", FILE_NAMES)
def test_the_samples_files_are_the_pinned_ones(name: str) -> None:
    content = gzip.decompress((SAMPLE_FOLDER / f"{name}.gz").read_bytes())
    payload = SAMPLE.payloads[name]
    assert hashlib.sha256(content).hexdigest() == payload.sha256
    assert len(content) == payload.size


@pytest.mark.parametrize("name", FILE_NAMES)
def test_the_samples_files_hold_no_time_and_no_name(name: str) -> None:
    header = (SAMPLE_FOLDER / f"{name}.gz").read_bytes()[:10]
    assert header[3:8] == bytes(5)  # flags and time of RFC 1952, section 2.3


def test_the_sample_is_small_and_says_whose_it_is() -> None:
    assert sum(path.stat().st_size for path in SAMPLE_FOLDER.iterdir()) < 1.2e6
    licence = (SAMPLE_FOLDER / "LICENSE.txt").read_text(encoding="utf-8")
    assert "Zalando SE" in licence
    assert "MIT License" in licence


def test_a_damaged_sample_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_sample(tmp_path)
    damaged = tmp_path / f"{FILE_NAMES[0]}.gz"
    damaged.write_bytes(damaged.read_bytes()[:-100])
    monkeypatch.setattr("fittingroom.data.find.SAMPLE_FOLDER", tmp_path)
    with pytest.raises(DataInvalidError, match="truncated"):
        find_dataset("sample")


@pytest.mark.slow
@pytest.mark.real_data
def test_the_sample_is_made_again_from_the_real_data(real: Dataset, tmp_path: Path) -> None:
    path = Path(__file__).parents[2] / "tools" / "make_sample.py"
    spec = importlib.util.spec_from_file_location("make_sample", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.make_sample(tmp_path, real.folder)
    assert find_dataset(tmp_path).name == "sample"
    if zlib.ZLIB_RUNTIME_VERSION == MADE_WITH_ZLIB:
        for name in FILE_NAMES:
            made, embedded = tmp_path / f"{name}.gz", SAMPLE_FOLDER / f"{name}.gz"
            assert made.read_bytes() == embedded.read_bytes()
