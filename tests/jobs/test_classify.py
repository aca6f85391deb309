"""Odd and large files, all in one process: an answer or a sentence for each, in bounded memory."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.photos.corpus import corpus, encoded, garment_photo

MOST_MEMORY = 1024 * 2**20
_CODE = """
import sys
from pathlib import Path
from fittingroom.cli import run
code = run(["predict", *sys.argv[1:], "--json", "--threads", "1"])
(line,) = [each for each in open("/proc/self/status") if each.startswith("VmHWM")]
print(line.split()[1], code, file=sys.stderr)
"""

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux says it")


def predicted(folder: Path, *names: str):
    """Each line of JSON, what else was printed, the exit code, and the peak of the memory."""
    done = subprocess.run(
        [sys.executable, "-c", _CODE, *names],
        capture_output=True,
        text=True,
        cwd=folder,
        check=True,
    )
    *printed, last = done.stderr.splitlines()
    peak, code = map(int, last.split())
    return list(map(json.loads, done.stdout.splitlines())), printed, code, peak * 1024


def test_each_odd_file_gets_an_answer_or_a_sentence(tmp_path):
    cases = corpus()
    assert len(cases) >= 260
    for case in cases:
        (tmp_path / case.name).write_bytes(case.content)
    rows, printed, code, peak = predicted(tmp_path, *(case.name for case in cases))
    for case, row in zip(cases, rows, strict=True):
        assert row["file"] == case.name
        if case.expected != "either":
            assert ("error" in row) == (case.expected == "error"), (case.name, row)
        if "error" in row:
            assert case.name in row["error"]
            assert row["error"].endswith(".")
            assert len(row["error"]) < 350
    broken = sum("error" in row for row in rows)
    assert code == 1
    expected = (f"{broken} of {len(cases)} images", f"of {len(cases)} images are unknown")
    assert [line for line in printed if not any(each in line for each in expected)] == []
    assert peak < MOST_MEMORY


def test_photos_of_48_megapixels_among_others_need_bounded_memory(tmp_path):
    large = Image.linear_gradient("L").resize((8000, 6000))
    colour = large.convert("RGB")
    deep = Image.fromarray(np.asarray(large).astype(np.uint16) * 257)
    (tmp_path / "10.jpg").write_bytes(encoded(colour, "JPEG"))
    (tmp_path / "20.jpg").write_bytes(encoded(colour, "JPEG", progressive=True))
    (tmp_path / "30.png").write_bytes(encoded(deep, compress_level=1))
    for number in {*range(40)} - {10, 20, 30}:
        (tmp_path / f"{number}.jpg").write_bytes(encoded(garment_photo(), "JPEG"))
    rows, printed, code, peak = predicted(tmp_path, ".")
    assert (len(rows), code) == (40, 0)
    (line,) = printed
    assert line.startswith("40 of 40 images are unknown")
    assert peak < MOST_MEMORY
