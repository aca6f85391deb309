import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import audit, audit_page
from fittingroom.auditing import DoubtfulLabels
from tests.auditing.made_up import made_up

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "docs" / "results" / "audit.json"


def test_flipped_labels_are_others_and_as_many_as_asked():
    labels = (np.arange(1000) % 10).astype(np.uint8)
    before = labels.copy()
    chosen = audit.flip(labels, 0.03, 10, np.random.default_rng(0))
    assert len(chosen) == 30
    assert np.flatnonzero(labels != before).tolist() == chosen.tolist()
    assert labels.max() < 10


def test_scores_are_counts_of_what_was_planted():
    # Doubted: test 5 and 2 (45 and 42), training 7; planted: 45, 8 and 7; 42 is doubted anyway.
    clean = made_up(
        doubtful=DoubtfulLabels(
            np.array([42]), np.array([2]), np.array([0]), np.array([0.2]), np.array([0.7])
        )
    )
    scores = audit.score(made_up(), np.array([7, 8, 45]), clean)
    assert (scores["planted"], scores["flagged"]) == (3, 3)
    assert scores["recall"]["value"] == pytest.approx(2 / 3)
    assert scores["recall_by_half"]["training"]["value"] == 0.5
    assert scores["recall_by_half"]["test"]["value"] == 1
    assert scores["precision"]["value"] == pytest.approx(2 / 3)
    assert scores["precision_of_new"]["value"] == 1
    assert scores["precision_of_first"]["value"] == pytest.approx(2 / 3)


def test_altered_pictures_are_what_they_are_called(sample):
    images = sample.open_test().images[:20]
    altered = audit.alterations(images, np.random.default_rng(0))
    assert (altered["exact"] == images).all()
    assert (altered["mirrored"][:, :, ::-1] == images).all()
    assert (altered["moved by 1 pixel"][:, :, 1:] == images[:, :, :-1]).all()
    assert all(each.dtype == np.uint8 for each in altered.values())


@pytest.mark.slow
def test_all_parts_run_on_the_sample(tmp_path):
    arguments = ["--data", "sample", "--recipe", "logreg", "--out", str(tmp_path), "--threads", "1"]
    parts = ["found", "flips", "copies", "mirrored", "time"]
    assert audit.main([*arguments, "--parts", *parts]) == 0
    measured = json.loads((tmp_path / "audit.json").read_text())
    assert measured["copies"]["flagged"]["exact"]["value"] == 1
    assert measured["flips"]["recall"]["value"] > 0.7
    for index, threshold in ((0, "0.98"), (4, "0.995")):
        expected = measured["mirrored"]["as_they_are"][index]
        assert measured["mirrored"]["searched"][threshold] == expected
    assert measured["time"]["audit_search"]["seconds"] > 0
    assert "Time and memory" in (tmp_path / "audit.md").read_text()
    assert (tmp_path / "audit.png").read_bytes().startswith(b"\x89PNG")
    # A part that is measured again leaves the others as they are.
    assert audit.main([*arguments, "--parts", "mirrored"]) == 0
    again = json.loads((tmp_path / "audit.json").read_text())
    assert again["flips"] == measured["flips"]


def test_a_trial_writes_nowhere_else(capsys):
    with pytest.raises(SystemExit):
        audit.main(["--data", "sample"])
    assert "--out of its own" in capsys.readouterr().err


def test_the_committed_pages_are_those_of_the_committed_measurement():
    measured = json.loads(COMMITTED.read_text(encoding="utf-8"))
    page = (ROOT / "docs" / "results" / "audit.md").read_text(encoding="utf-8")
    assert page == audit_page.results_page(measured)
    page = (ROOT / "docs" / "results" / "audit-fashion-mnist.md").read_text(encoding="utf-8")
    assert page == audit_page.findings_page(measured)
    assert measured["found"]["data"] == "fashion-mnist"


def test_the_committed_measurement_found_what_was_planted():
    measured = json.loads(COMMITTED.read_text(encoding="utf-8"))
    assert measured["copies"]["flagged"]["exact"]["value"] == 1
    assert measured["flips"]["recall"]["value"] > 0.9
    assert measured["flips"]["precision_of_first"]["value"] > 0.7


@pytest.mark.parametrize(
    ("searched", "words"), [(7, "7 at 0.995: every one."), (6, "not the same")]
)
def test_a_search_that_misses_a_pair_is_told(searched, words):
    page = audit_page.results_page(
        {
            "environment": {"versions": {"numpy": "2"}, "processor": "a processor"},
            "mirrored": {
                "thresholds": [0.98, 0.995],
                "as_they_are": [90, 7],
                "mirrored": [40, 1],
                "searched": {"0.995": searched},
            },
        }
    )
    assert words in page
    assert "there are 7 pairs of pictures as they are and 1 with one of them mirrored" in page
