"""Each hostile file is answered with one typed error, in words, at once and in little memory."""

from pathlib import Path

import pytest

from tests.hostile.archives import ARCHIVES, OURS, TABLES, WITNESS
from tests.hostile.checkpoints import CHECKPOINTS
from tests.hostile.idx import FOLDERS, IMAGES, LABELS
from tests.hostile.models import MODELS, ODD
from tests.hostile.reading import MOST_MEMORY, MOST_SECONDS, answers
from tests.hostile.runs import RECIPES, RUNS, WEIGHTS

# The reader, the error that it has to raise, and the files.
REFUSED = [
    ("images", "DataInvalidError", IMAGES),
    ("labels", "DataInvalidError", LABELS),
    ("data", "DataInvalidError", FOLDERS),
    ("predictions", "PredictionsError", ARCHIVES + OURS),
    ("external", "PredictionsError", ARCHIVES + TABLES),
    ("model", "ExportError", MODELS),
    ("run", "RunError", RUNS),
    ("checkpoint", "RunChangedError", CHECKPOINTS),
    ("weights", "Refusal", WEIGHTS),
    ("recipe", "FittingRoomError", RECIPES),
]
CASES = [(reader, kind, each) for reader, kind, files in REFUSED for each in files]
CASES += [("model", "", each) for each in ODD]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    files = [(reader, hostile) for reader, _, hostile in CASES]
    return answers(files, tmp_path_factory.mktemp("hostile"))


@pytest.mark.parametrize("number", range(len(CASES)), ids=[f"{r}: {h.name}" for r, _, h in CASES])
def test_a_hostile_file_is_refused_or_does_no_harm(number, found):
    (_, kind, hostile), answer = CASES[number], found[number]
    if kind:
        assert kind in answer.kinds, f"{answer.kinds[:1]}: {answer.message}"
    else:
        assert (answer.kinds, answer.message) == ([], "")
    assert hostile.words in answer.message
    assert "Traceback" not in answer.message
    assert "\x1b" not in answer.message
    assert len(answer.message) < 2000
    assert answer.grown < MOST_MEMORY
    assert answer.seconds < MOST_SECONDS


def test_no_code_in_them_was_executed(found):
    assert found
    assert not Path(WITNESS).exists()
