import json
import sys
from pathlib import Path

import pytest

from fittingroom.data import apt, find_dataset
from fittingroom.data.find import SAMPLE_FOLDER
from fittingroom.data.official import FILE_NAMES, TRAINING, KnownSet
from fittingroom.errors import DataNotFoundError
from fittingroom.safe_io import cache_folder

from .files import write_sample

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="apt runs on Debian and its kin")

# A state.json beside the programs says how they behave; log.jsonl keeps how they were called.
APT_GET = """
import json, os, pathlib, sys
here = pathlib.Path(__file__).parent
state = json.loads((here / "state.json").read_text())
words = [word for word in sys.argv[1:] if not word.startswith("-oAcquire::")]
with (here / "log.jsonl").open("a") as log:
    log.write(json.dumps([*words, os.environ["LC_ALL"]]) + "\\n")
if words == ["update"] and state["network"]:
    state["lists"] = True
    (here / "state.json").write_text(json.dumps(state))
elif words == ["download", "dataset-fashion-mnist"] and state["lists"]:
    pathlib.Path("dataset-fashion-mnist_0_all.deb").write_text("a package")
else:
    sys.exit("W: a warning\\nE: Unable to locate package dataset-fashion-mnist")
"""
DPKG_DEB = """
import json, pathlib, shutil, sys
state = json.loads((pathlib.Path(__file__).parent / "state.json").read_text())
option, package, target = sys.argv[1:]
assert option == "-x" and pathlib.Path(package).read_text() == "a package"
shutil.copytree(state["data"], pathlib.Path(target, "usr/share/datasets/fashion-mnist"))
"""


class Machine:
    """A machine with a false apt-get and dpkg-deb."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        for name, text in (("apt-get", APT_GET), ("dpkg-deb", DPKG_DEB)):
            program = programs / name
            program.write_text(f"#!{sys.executable} -S\n{text}")
            program.chmod(0o755)

    def state(self, *, lists: bool, network: bool = True, data: Path = SAMPLE_FOLDER) -> None:
        state = {"lists": lists, "network": network, "data": str(data)}
        (self._programs / "state.json").write_text(json.dumps(state))

    @property
    def calls(self) -> list[list[str]]:
        log = self._programs / "log.jsonl"
        return [json.loads(line) for line in log.read_text().splitlines()]


@pytest.fixture
def machine(home: Path, tmp_path: Path, sample_is_official: KnownSet) -> Machine:
    return Machine(tmp_path / "programs")


def test_the_package_is_unpacked_into_the_cache_and_not_installed(machine):
    machine.state(lists=True)
    dataset = find_dataset()
    assert dataset.official
    assert dataset.path == cache_folder("fashion-mnist")
    assert machine.calls == [["download", "dataset-fashion-mnist", "C"]]
    assert sorted(path.name for path in dataset.path.iterdir()) == sorted(
        f"{name}.gz" for name in FILE_NAMES
    )


def test_the_lists_are_updated_where_they_are_missing(machine):
    machine.state(lists=False)
    assert find_dataset().official
    assert [call[0] for call in machine.calls] == ["download", "update", "download"]


def test_a_package_that_is_not_there_is_reported(machine):
    machine.state(lists=False, network=False)
    with pytest.raises(DataNotFoundError, match=r"Unable to locate .*`apt-get update` as root"):
        find_dataset()


def test_a_package_with_other_data_is_refused(machine, tmp_path):
    data = write_sample(tmp_path / "data")
    (data / f"{TRAINING.images}.gz").write_bytes(b"rubbish")
    machine.state(lists=True, data=data)
    with pytest.raises(DataNotFoundError, match=r"train-images-idx3-ubyte\.gz in the package"):
        find_dataset()
    assert list(cache_folder("fashion-mnist").iterdir()) == []


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (f"#!{sys.executable} -S\nimport time\ntime.sleep(60)\n", "timed out"),
        ("#!/nowhere/at/all\n", "by apt: .*apt-get"),
    ],
)
def test_a_program_that_hangs_or_cannot_be_started_is_reported(
    program, words, machine, tmp_path, monkeypatch
):
    (tmp_path / "programs" / "apt-get").write_text(program)
    monkeypatch.setattr(apt, "_SECONDS", 0.2)
    with pytest.raises(DataNotFoundError, match=words):
        find_dataset()
