"""Images classified on a Ray cluster: the answers of `predict`, whatever was killed."""

import contextlib
import json
import os
import shutil
import threading

import psutil
import pytest
from PIL import Image

from fittingroom.cli import run
from fittingroom.errors import ClusterError, RunBusyError, RunError, UsageError
from fittingroom.jobs.classify import PredictOptions
from fittingroom.jobs.cluster.shards import classify_shards
from fittingroom.runs import only_here

pytest.importorskip("ray", reason="Ray is not installed")
parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")

SHARD = 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory, sample):
    """Seven photos, and a file that isn't one."""
    folder = tmp_path_factory.mktemp("photos")
    (folder / "below").mkdir()
    images = sample.open_test().images
    for number in range(7):
        photo = Image.fromarray(255 - images[number]).resize((200, 200))
        photo.save(folder / ("below" if number % 2 else "") / f"{number:02d}.jpg")
    (folder / "broken.png").write_bytes(b"no image")
    return folder


@pytest.fixture(scope="module")
def whole(ray, folder, tmp_path_factory):
    """The answers for all of them, in one go."""
    return classify_shards([str(folder)], tmp_path_factory.mktemp("answers") / "whole", shard=SHARD)


@pytest.fixture
def copied(whole, tmp_path):
    """The same answers, which a test may harm."""
    shutil.copytree(whole.out, tmp_path / "copied")
    return tmp_path / "copied"


def shards(out):
    return {path.name: path.read_bytes() for path in sorted(out.glob("shard-*.parquet"))}


def test_rows_are_what_predict_says(whole, folder, capsys):
    assert (whole.images, whole.broken, whole.shards, whole.reused) == (8, 1, 4, 0)
    assert run(["predict", str(folder), "--json"]) == 1
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    rows = [
        row
        for name in shards(whole.out)
        for row in parquet.read_table(whole.out / name).to_pylist()
    ]
    assert len(rows) == len(said) == 8
    for row, expected in zip(rows, said, strict=True):
        names = ("file", "class", "label", "probability", "abstain", "model", "top", "error")
        assert list(row) == list(names)
        assert row == {name: expected.get(name) for name in names}


def test_finished_shards_are_kept_and_missing_ones_are_made(whole, folder, copied):
    (copied / "shard-000001.parquet").unlink()
    before = {path: path.stat().st_mtime_ns for path in copied.glob("*.parquet")}
    again = classify_shards([str(folder)], copied, shard=SHARD)
    assert (again.images, again.broken, again.shards, again.reused) == (8, 1, 4, 3)
    assert shards(copied) == shards(whole.out)
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_worker_that_is_killed_costs_no_shard(ray, whole, folder, tmp_path):
    def kill():
        while not killed and not ended.is_set():
            for process in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.Error, IndexError):
                    if process.cmdline()[0].startswith("ray::_classify") and not killed:
                        process.kill()
                        killed.append(process.pid)

    killed: list[int] = []
    ended = threading.Event()
    killer = threading.Thread(target=kill)
    killer.start()
    classify_shards([str(folder)], tmp_path / "lost", shard=SHARD)
    ended.set()
    killer.join()
    assert killed
    assert shards(tmp_path / "lost") == shards(whole.out)


@pytest.mark.slow
def test_an_image_that_ends_every_worker_is_told(ray, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "fittingroom.jobs.cluster.shards._classify", lambda *given: __import__("os")._exit(1)
    )
    with pytest.raises(ClusterError, match=r"shard-000000\.parquet was not written: 6 workers"):
        classify_shards([str(folder)], tmp_path / "out", shard=100)


@pytest.mark.parametrize(
    ("below", "options"),
    [("below", {}), ("", {"options": PredictOptions(top=1)}), ("", {"shard": 100})],
)
def test_other_answers_are_not_mixed_in(whole, folder, below, options):
    with pytest.raises(UsageError, match=r"shard-00000.\.parquet holds answers for other images"):
        classify_shards([str(folder / below)], whole.out, **{"shard": SHARD, **options})


def test_another_model_is_used_where_workers_still_hold_one(ray, whole, trained, folder, tmp_path):
    classify_shards([str(folder)], tmp_path / "out", model=trained.folder, shard=SHARD)
    assert shards(tmp_path / "out") != shards(whole.out)


def test_a_file_that_is_not_ours_or_damaged_is_refused_before_anything_is_done(
    whole, folder, copied
):
    (copied / "shard-000003.parquet").unlink()
    for content in (b"", (whole.out / "shard-000001.parquet").read_bytes()[:-9]):
        (copied / "shard-000001.parquet").write_bytes(content)
        with pytest.raises(RunError, match=r"shard-000001\.parquet is damaged.*Remove it"):
            classify_shards([str(folder)], copied, shard=SHARD)
    assert not (copied / "shard-000003.parquet").exists()
    import pyarrow

    parquet.write_table(pyarrow.table({"other": [1, 2]}), copied / "shard-000001.parquet")
    with pytest.raises(UsageError, match=r"holds answers for other images"):
        classify_shards([str(folder)], copied, shard=SHARD)


def test_without_images_nothing_is_left(tmp_path):
    (tmp_path / "empty").mkdir()
    for sources in ([str(tmp_path / "empty")], []):
        with pytest.raises(UsageError):
            classify_shards(sources, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_second_command_says_that_there_is_a_first(whole, folder):
    with only_here(whole.out, "answers"), pytest.raises(RunBusyError):
        classify_shards([str(folder)], whole.out, shard=SHARD)


def test_names_that_are_not_text_and_files_that_are_not_images(ray, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    names = [b"line\nbreak.png", b"no text \xff.png", "Käse 100%?#.png".encode()]
    for name in names:
        (photos / os.fsdecode(name)).write_bytes(b"no image")
    missing = str(photos / os.fsdecode(b"not there \xff"))
    left = classify_shards([str(photos), missing, "a" * 5000], tmp_path / "out")
    assert (left.images, left.broken) == (5, 5)
    rows = parquet.read_table(tmp_path / "out" / "shard-000000.parquet").to_pylist()
    assert sorted(os.path.basename(row["file"]) for row in rows[:3]) == [  # noqa: PTH119
        "Käse 100%?#.png",
        "line\nbreak.png",
        "no text \\xff.png",
    ]
    assert all(row["error"] for row in rows)


def test_the_command_needs_a_folder_for_answers(folder, tmp_path, whole, capsys):
    assert run(["predict", str(folder), "--on", "ray"]) == 2
    assert run(["predict", str(folder), "--out", str(tmp_path)]) == 2
    assert "--on ray" in capsys.readouterr().err
