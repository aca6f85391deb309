"""Pictures classified through Ray Data: the answers of `predict`, whatever was killed."""

import contextlib
import io
import json
import logging
import os
import shutil
import subprocess
import sys
import threading
import time

import psutil
import pytest
from filelock import FileLock
from PIL import Image

from fittingroom.cli import run
from fittingroom.errors import ClusterError, RunBusyError, RunError, UsageError
from fittingroom.jobs.classify import find_pictures
from fittingroom.jobs.cluster.shards import Shard, _go_through, classify_shards
from fittingroom.jobs.progress import Silence

pytestmark = pytest.mark.slow
pytest.importorskip("ray", reason="Ray is not installed")
pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")

SHARD = 2
KILLED = """
import sys
from pathlib import Path
from fittingroom.jobs.cluster.shards import classify_shards
classify_shards([sys.argv[1]], Path(sys.argv[2]), shard=2)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory, sample):
    """Fifteen photos large enough to take a while, and a file that is none."""
    folder = tmp_path_factory.mktemp("photos")
    (folder / "below").mkdir()
    images = sample.open_test().images
    for number in range(15):
        photo = Image.fromarray(255 - images[number]).resize((1500, 1500))
        photo.save(folder / ("below" if number % 2 else "") / f"{number:02d}.jpg")
    (folder / "broken.png").write_bytes(b"no picture")
    return folder


@pytest.fixture(scope="module")
def whole(ray, folder, tmp_path_factory):
    """The answers for all of them, in one go."""
    return classify_shards([str(folder)], tmp_path_factory.mktemp("answers") / "whole", shard=SHARD)


def shards(out):
    return {path.name: path.read_bytes() for path in sorted(out.glob("shard-*.parquet"))}


def test_rows_are_what_predict_says(whole, folder, capsys):
    assert (whole.pictures, whole.broken, whole.shards, whole.reused) == (16, 1, 8, 0)
    assert run(["predict", str(folder), "--json"]) == 1
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    rows = [
        row
        for name in shards(whole.out)
        for row in parquet.read_table(whole.out / name).to_pylist()
    ]
    assert len(rows) == len(said) == 16
    for row, expected in zip(rows, said, strict=True):
        names = ("file", "class", "label", "probability", "abstain", "top", "error")
        assert list(row) == list(names)
        assert row == {name: expected.get(name) for name in names}


def test_killed_in_the_middle_it_goes_on_with_what_is_missing(whole, folder, tmp_path):
    out = tmp_path / "killed"
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(folder), str(out)])
    while not shards(out):
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    time.sleep(1)  # its workers hear of it, and end
    before = {path: path.stat() for path in out.glob("shard-*.parquet")}
    assert 0 < len(before) < whole.shards
    again = classify_shards([str(folder)], out, shard=SHARD)
    assert again.reused == len(before)
    assert (again.pictures, again.broken, again.shards) == (16, 1, whole.shards)
    assert shards(out) == shards(whole.out)
    for path, stat in before.items():
        assert (path.stat().st_ino, path.stat().st_mtime_ns) == (stat.st_ino, stat.st_mtime_ns)
    names = {path.name for path in out.iterdir() if not path.name.startswith((".ray-", "shard-"))}
    assert names == {".lock", "manifest.json", "model.onnx", "pictures.jsonl"}


def test_a_worker_that_is_killed_costs_no_shard(ray, whole, folder, tmp_path):
    out = tmp_path / "lost"

    def kill():
        while not killed and not ended.is_set():
            for process in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.Error, IndexError):
                    if process.cmdline()[0].startswith("ray::Map") and not killed:
                        process.kill()
                        killed.append(process.pid)

    killed: list[int] = []
    ended = threading.Event()
    killer = threading.Thread(target=kill)
    killer.start()
    left = classify_shards([str(folder)], out, shard=SHARD)
    ended.set()
    killer.join()
    assert killed
    assert (left.pictures, left.broken, left.shards) == (16, 1, whole.shards)
    assert shards(out) == shards(whole.out)


def test_a_picture_that_ends_every_worker_is_told(ray, folder, tmp_path, monkeypatch):
    def dies(row, **work):
        from fittingroom.jobs.cluster import shards  # the worker's, as it is

        vars(shards)["classify"] = lambda *given: os._exit(1)
        return shards._classify(row, **work)

    with monkeypatch.context() as patch:
        patch.setattr("fittingroom.jobs.cluster.shards._classify", dies)
        with pytest.raises(ClusterError, match=r"shard-000000\.parquet .* no word from 6 workers"):
            classify_shards([str(folder)], tmp_path / "out", shard=100)
    # Asked again, it is tried anew.
    assert classify_shards([str(folder)], tmp_path / "out", shard=100).shards == 1
    assert not list((tmp_path / "out").glob(".tries-*"))


def test_what_another_left_half_written_is_left_alone(whole, folder, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(whole.out, out)
    theirs, ours = out / ".letter.txt.0123abcd", out / ".shard-000001.parquet.0123abcd"
    for path in (theirs, ours):
        path.write_bytes(b"half")
    classify_shards([str(folder)], out, shard=SHARD)
    assert theirs.exists()
    assert not ours.exists()


def test_other_pictures_are_not_mixed_in(whole, folder):
    with pytest.raises(UsageError, match="other pictures"):
        classify_shards([str(folder / "below")], whole.out, shard=SHARD)
    with pytest.raises(UsageError, match="`top`"):
        classify_shards([str(folder)], whole.out, shard=SHARD, top=1)


def test_a_folder_that_has_something_else_is_left_as_it_is(folder, tmp_path):
    for name in ("model.onnx", "shard-000000.parquet"):
        out = tmp_path / name
        out.mkdir()
        (out / name).write_bytes(b"mine")
        with pytest.raises(UsageError, match=f"Received {name} without one"):
            classify_shards([str(folder)], out)
        assert (out / name).read_bytes() == b"mine"
        assert not (out / "manifest.json").exists()


def test_a_folder_without_pictures_leaves_nothing(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no images in"):
        classify_shards([str(tmp_path / "empty")], tmp_path / "out")
    with pytest.raises(UsageError, match="Received none"):
        classify_shards([], tmp_path / "out")
    with pytest.raises(UsageError, match="Received 0"):
        classify_shards([str(tmp_path)], tmp_path / "out", shard=0)
    assert not (tmp_path / "out").exists()


def test_a_second_command_says_that_there_is_a_first(whole, folder):
    with FileLock(whole.out / ".lock"), pytest.raises(RunBusyError, match="another process"):
        classify_shards([str(folder)], whole.out, shard=SHARD)


def test_what_was_harmed_since_is_told_or_made_again(ray, whole, folder, tmp_path):
    out = tmp_path / "harmed"
    shutil.copytree(whole.out, out)
    (out / "shard-000003.parquet").unlink()
    (out / "pictures.jsonl").write_bytes(b"")
    (out / "model.onnx").write_bytes(b"no model")
    (out / ".shard-000003.parquet.0123abcd").write_bytes(b"half of it")
    assert classify_shards([str(folder)], out, shard=SHARD).reused == whole.shards - 1
    assert shards(out) == shards(whole.out)
    assert not (out / ".shard-000003.parquet.0123abcd").exists()
    half = (out / "shard-000001.parquet").read_bytes()[:-9]
    other = io.BytesIO()
    parquet.write_table(pyarrow.table({"other": [1, 2]}), other)
    for content in (b"", half, other.getvalue()):
        (out / "shard-000001.parquet").write_bytes(content)
        (out / "shard-000005.parquet").unlink(missing_ok=True)
        with pytest.raises(RunError, match=r"shard-000001\.parquet.*Remove the file"):
            classify_shards([str(folder)], out, shard=SHARD)
        # Told before the others are done, which may take hours.
        assert not (out / "shard-000005.parquet").exists()


def test_another_model_answers_in_the_place_of_one_that_was_there(
    ray, whole, trained, folder, tmp_path
):
    """Workers keep their model, and may be those of before."""
    out = tmp_path / "answers"
    classify_shards([str(folder)], out, shard=SHARD)
    shutil.rmtree(out)
    classify_shards([str(folder)], out, model=trained.folder, shard=SHARD)
    elsewhere = classify_shards([str(folder)], tmp_path / "else", model=trained.folder, shard=SHARD)
    assert shards(out) == shards(elsewhere.out) != shards(whole.out)


def test_what_goes_wrong_in_a_worker_is_said_as_it_would_be_here(
    ray, whole, folder, tmp_path, capfd
):
    work = {"out": whole.out, "folder": folder, "model": "", "top": 3, "threads": 1}
    marker = tmp_path / "elsewhere" / ".ray-0"
    with pytest.raises(ClusterError, match=r"to see .*elsewhere\."):
        _go_through(ray, [Shard(0, 0, 1, 1)], work | {"marker": marker}, 1, Silence())
    assert "Traceback" not in capfd.readouterr().err


def test_settings_of_ray_data_are_put_back(whole, folder, tmp_path):
    from ray.data import DataContext

    context = DataContext.get_current()
    before = (context.enable_progress_bars, context.raise_original_map_exception)
    level = logging.getLogger("ray.data").level
    classify_shards([str(folder / "00.jpg")], tmp_path / "one")
    assert (context.enable_progress_bars, context.raise_original_map_exception) == before
    assert logging.getLogger("ray.data").level == level


def test_names_that_are_no_text_and_pictures_that_are_none(ray, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    names = [b"line\nbreak.png", b"no text \xff.png", "Käse 100%?#.png".encode()]
    for name in names:
        (photos / os.fsdecode(name)).write_bytes(b"no picture")
    missing = str(photos / os.fsdecode(b"not there \xff"))
    left = classify_shards([str(photos), missing, "a" * 5000], tmp_path / "out")
    assert (left.pictures, left.broken) == (5, 5)
    rows = parquet.read_table(tmp_path / "out" / "shard-000000.parquet").to_pylist()
    assert sorted(os.path.basename(row["file"]) for row in rows[:3]) == [  # noqa: PTH119
        "Käse 100%?#.png",
        "line\nbreak.png",
        "no text �.png",
    ]
    assert all(row["error"] for row in rows)


def test_the_command_needs_a_folder_for_answers(folder, tmp_path, whole, capsys):
    assert run(["predict", str(folder), "--on", "ray"]) == 2
    assert run(["predict", str(folder), "--out", str(tmp_path)]) == 2
    assert "--on ray" in capsys.readouterr().err


def test_pictures_are_found_in_the_order_of_their_names(folder, tmp_path):
    for name in ("a.png", "a/b.png", "a-b/c.png", "a/b/d.png", "B.PNG", "a.d/e.webp", ".h.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "loop").symlink_to(tmp_path)
    found = [each.name for each in find_pictures([str(tmp_path)])]
    assert found == sorted(found)
    assert {os.path.relpath(name, tmp_path) for name in found} == {
        "a.png",
        "a/b.png",
        "a-b/c.png",
        "a/b/d.png",
        "B.PNG",
        "a.d/e.webp",
    }
