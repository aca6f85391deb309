import json
import os

import pytest

from fittingroom.errors import RunError, UsageError
from fittingroom.runs import add_to_output, open_output, replace_output

WHAT = "a report"


def names(folder):
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return {name for name in found if not name.startswith(".")}


def test_what_an_earlier_call_left_is_removed_and_a_person_s_file_stays(tmp_path):
    open_output(tmp_path, WHAT)
    replace_output(tmp_path, {"audit.html": b"1", "images/a.png": b"1", "index.html": b"1"})
    add_to_output(tmp_path, ["best_model.h5"])
    (tmp_path / "best_model.h5").write_bytes(b"1")
    (tmp_path / "notes.txt").write_text("mine")
    open_output(tmp_path, WHAT)
    replace_output(tmp_path, {"images/b.png": b"2", "index.html": b"2"})
    assert names(tmp_path) == {"images/b.png", "index.html", "notes.txt"}
    assert (tmp_path / "index.html").read_bytes() == b"2"


def test_other_files_and_other_results_are_refused_and_left_as_they_are(tmp_path):
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(UsageError, match=r"holds files that were not made here.*--out"):
        open_output(tmp_path, WHAT)
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]
    folder = open_output(tmp_path / "new", "a search")
    with pytest.raises(UsageError, match="holds a search, which a report could overwrite"):
        open_output(folder, WHAT)


@pytest.mark.parametrize("name", ["../mine.txt", "/etc/hosts", "link/mine.txt"])
def test_a_mark_removes_nothing_outside_its_folder(tmp_path, name):
    folder = open_output(tmp_path / "out", WHAT)
    (tmp_path / "mine.txt").write_text("mine")
    (folder / "link").symlink_to(tmp_path)
    mark = {"made_by": "fittingroom", "holds": WHAT, "files": [name]}
    (folder / ".fittingroom.json").write_text(json.dumps(mark))
    replace_output(folder, {"index.html": b""})
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_a_folder_that_cannot_be_written_is_told_at_once(tmp_path, full_disk):
    (tmp_path / ".DS_Store").write_bytes(b"")  # which a system may leave
    assert open_output(tmp_path, WHAT) == tmp_path
    with pytest.raises(RunError, match=r"can't be written: .*Choose a folder that you may write"):
        open_output(tmp_path / ".DS_Store" / "out", WHAT)
    full_disk()
    with pytest.raises(RunError, match="Free some space"):
        open_output(tmp_path / "deep" / "out", WHAT)


def test_until_all_files_are_written_the_earlier_ones_stay(tmp_path, monkeypatch):
    open_output(tmp_path, WHAT)
    before = {"a.json": b"old", "index.html": b"old"}
    replace_output(tmp_path, before)
    flush, left = os.fsync, iter(range(3))  # of the mark, its folder, and a.json

    def killed(descriptor):
        if next(left, None) is None:
            raise KeyboardInterrupt
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", killed)
    with pytest.raises(KeyboardInterrupt):
        replace_output(tmp_path, dict.fromkeys(before, b"new"))
    assert {name: (tmp_path / name).read_bytes() for name in before} == before
