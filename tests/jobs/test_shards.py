"""Pictures classified through Ray Data: the answers of `predict`, whatever was killed."""

import json
import os
import subprocess
import sys
import time

import pytest
from PIL import Image

from fittingroom.cli import run
from fittingroom.errors import UsageError
from fittingroom.jobs.classify import find_pictures
from fittingroom.jobs.cluster.shards import classify_shards

pytestmark = pytest.mark.slow
pytest.importorskip("ray", reason="Ray is not installed")
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
    assert names == {"manifest.json", "model.onnx", "pictures.jsonl"}


def test_other_pictures_are_not_mixed_in(whole, folder):
    with pytest.raises(UsageError, match="other pictures"):
        classify_shards([str(folder / "below")], whole.out, shard=SHARD)
    with pytest.raises(UsageError, match="`top`"):
        classify_shards([str(folder)], whole.out, shard=SHARD, top=1)


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
