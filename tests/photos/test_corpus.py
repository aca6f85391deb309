"""Odd files: each gives a photo or a PhotoError, and nothing else, in bounded memory."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fittingroom.errors import PhotoError
from fittingroom.photos import Photo, read_photo
from tests.photos.corpus import Case, corpus

CASES = corpus()


def test_the_corpus_is_the_same_each_time_and_has_no_case_twice():
    assert len({case.name for case in CASES}) == len(CASES)
    assert [case.content for case in corpus()] == [case.content for case in CASES]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_gives_a_photo_or_a_message(case: Case):
    photo: Photo | None = None
    message = ""
    try:
        photo = read_photo(case.content)
    except PhotoError as error:
        message = str(error)
    if photo is None:
        assert message.endswith(".")
        assert len(message) < 300
    else:
        assert photo.image.shape == (28, 28)
        assert photo.image.dtype == np.uint8
        assert photo.image.max() > 0
        assert all(stage.picture.dtype == np.uint8 for stage in photo.stages)
    if case.expected != "either":
        assert (photo is not None) == (case.expected == "photo")


_PEAK = """
from pathlib import Path
from fittingroom.errors import PhotoError
from fittingroom.photos import read_photo
from tests.photos.corpus import corpus
cases = corpus()
for again in range(2):
    for case in cases:
        try:
            read_photo(case.content)
        except PhotoError:
            pass
    # Of this process alone: what getrusage says counts the one that started it too.
    status = Path("/proc/self/status").read_text()
    print(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux says it")
def test_memory_is_bounded_and_does_not_grow():
    done = subprocess.run(
        [sys.executable, "-c", _PEAK],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    first, second = (int(line) for line in done.stdout.split())  # kB
    assert first < 400_000
    assert second - first < 20_000
