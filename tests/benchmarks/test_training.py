import io
import itertools
import json
import sys
from typing import Any

import numpy as np
import pytest
from matplotlib.text import Annotation
from PIL import Image
from scipy import stats

from benchmarks import table, training, training_page
from benchmarks.frontier import Point, frontier
from benchmarks.measure import RESULTS
from benchmarks.table import correct_of
from fittingroom.comparison import SeedScores, accuracy_interval

IMAGES = 400
TWO = ("--recipes", "ann", "cnn", "--seeds", "2", "--tensorflow-python", sys.executable)
# No peers, and no TensorFlow whatever there is in this folder.
ALONE = ("--no-peers", "--tensorflow-python", "none")


class Trainings:
    """Stands in for :func:`benchmarks.measure.in_process`: results without training anything.

    Attributes:
        asked: recipe and seed of each training so far; of the predecessor, the backend.
        stopped_at: the recipe and seed at which somebody presses Ctrl-C.
        failing: the recipe and seed whose training fails.
        others: the share of the processors that others take, by seed; `others_then`, during the
            predecessor's epochs.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, object]] = []
        self.stopped_at: tuple[str, int] | None = None
        self.failing: tuple[str, int] | None = None
        self.others: dict[int, float] = {}
        self.others_then = 0.0
        self.predecessors = itertools.count()

    def __call__(self, function: str, *, variables: Any, seed: int, **work: Any) -> dict[str, Any]:
        name = work.get("recipe", "tutorial")
        if not work.get("score", True):
            self.asked.append((name, variables["KERAS_BACKEND"]))
            # No two sittings are alike: the fastest epoch takes 40 s, 44 s or 48.4 s.
            slower = 1.1 ** (next(self.predecessors) % 3)
            ends = [slower * end for end in (50.0, 90.0, 135.0)]
            return {**self._trained(seed, ends), "others_share": self.others_then}
        if (name, seed) == self.stopped_at:
            raise KeyboardInterrupt
        self.asked.append((name, seed))
        if (name, seed) == self.failing:
            return {"failure": "the loss is no number", "backend": ""}
        share = {"ann": 0.1, "cnn": 0.05}.get(name, 0.15)
        wrong = np.random.default_rng(seed).random(IMAGES) < share
        return {
            **self._trained(seed, [4.0, 8.0]),
            "test_accuracy": float(1 - wrong.mean()),
            "test_images": IMAGES,
            "mistakes": " ".join(str(place) for place in np.flatnonzero(wrong)),
        }

    def _trained(self, seed: int, ends: list[float]) -> dict[str, Any]:
        return {
            "versions": {"torch": "2.13.0"},
            "training_images": 55_000,
            "before_training_seconds": 2.0,
            "seconds": ends[-1] + seed,
            "others_share": self.others.get(seed),
            "peak_memory_mb": 500.0,
            "best_epoch": 2,
            "validation_accuracy": 0.92,
            "parameters": 1000,
            "operations": 2000,
            "history": [{"seconds": end} for end in ends],
        }


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> Trainings:
    stand_in = Trainings()
    monkeypatch.setattr(training, "in_process", stand_in)
    monkeypatch.setattr(training, "verified", lambda: {"epochs": 20, "accuracy": 0.925})
    monkeypatch.setattr(training, "image", lambda measured: b"")
    return stand_in


@pytest.fixture
def bench(tmp_path, trainings):
    """Call the benchmark on made-up trainings; what its file then holds."""

    def call(*arguments: str, code: int = 0):
        assert training.main([*arguments, "--out", str(tmp_path)]) == code
        return json.loads((tmp_path / "training.json").read_text())

    return call


def test_seeds_take_turns_and_times_are_in_the_predecessor_s_epochs(trainings, bench, monkeypatch):
    bench(*TWO)
    rows = [("ann", 0), ("cnn", 0), ("ann", 1), ("cnn", 1)]
    peers = [("keras-cnn", "tensorflow"), ("keras-cnn", "torch"), ("tutorial", 0)]
    assert trainings.asked == [*peers, *rows]
    # When it is no longer fresh, the predecessor comes between the recipes.
    trainings.asked.clear()
    monkeypatch.setattr(training, "FRESH", -1)
    cnn, ann = (bench(*TWO, "--threads", "1")["recipes"][name] for name in ("cnn", "ann"))
    assert trainings.asked == [peers[0], peers[2], *(x for row in rows for x in (peers[0], row))]
    # Seeds 0 and 1 take 8 s and 9 s; the fastest of three epochs takes 44 s and 40 s beside them.
    epochs = (8 / 44 + 9 / 40) / 2
    assert cnn["predecessor_epochs"]["value"] == pytest.approx(epochs)
    assert cnn["factor"]["value"] == pytest.approx(20 / epochs)
    assert ann["factor"] is None  # it is less accurate


def test_times_have_an_interval_over_seeds_and_sittings():
    sittings = [
        {"environment": {"processor": "a"}, "predecessor": {"tensorflow": {"epoch_seconds": each}}}
        for each in (40.0, 44.0, 40.0)
    ]
    rows = [{"sitting": place, "seconds": 80.0} for place in range(3)]
    apart = table.between_sittings(rows, sittings)
    assert apart is not None
    alone = stats.t.ppf(0.975, 2) * np.log([40, 44, 40]).std(ddof=1)
    for some, half in (
        (rows[:1], alone),
        (rows, alone / np.sqrt(3)),
        ([rows[0]] * 3, alone),  # they share the predecessor's epoch
    ):
        found = table.in_epochs(some, sittings, apart)
        assert found is not None
        assert np.log([found.high / found.value, found.value / found.low]) == pytest.approx(half)
    assert table.between_sittings(rows[:1], sittings) is None  # one sitting shows no variation


@pytest.mark.parametrize(("share", "bounded"), [(0.01, True), (0.3, False)])
def test_a_bound_needs_a_quiet_epoch_of_the_predecessor(
    trainings, bench, monkeypatch, share, bounded
):
    monkeypatch.setattr(training, "FRESH", -1)
    trainings.others, trainings.others_then = {0: 0.2, 1: 0.2}, share
    assert (bench(*TWO)["recipes"]["cnn"]["predecessor_epochs"] is not None) == bounded


def test_the_interval_is_that_of_the_comparison_over_seeds_and_images(bench):
    measured = bench(*TWO)
    rows = [row for row in measured["rows"] if row["recipe"] == "cnn"]
    correct = correct_of(rows)
    assert correct.mean(axis=1).tolist() == [row["test_accuracy"] for row in rows]
    expected = accuracy_interval(SeedScores.of(correct))
    assert measured["recipes"]["cnn"]["interval"] == [expected.low, expected.high]
    (verdict,) = measured["verdicts"]
    assert verdict.startswith("Of these trained models, cnn is better than ann")


@pytest.mark.parametrize(
    ("shares", "expected", "quiet"), [((0.0, 0.04, 0.3), 8.5, True), ((0.2, 0.1, 0.3), 9.0, False)]
)
def test_seconds_are_those_of_a_quiet_machine_if_there_are_any(
    trainings, bench, shares, expected, quiet
):
    trainings.others = dict(enumerate(shares))
    ann = bench(*ALONE, "--recipes", "ann", "--seeds", "3")["recipes"]["ann"]
    assert ann["seconds"] == pytest.approx(expected)
    assert (ann["quiet"], ann["seeds"]) == (quiet, [0, 1, 2])


def test_stopped_it_keeps_what_is_finished_and_continues_in_a_new_sitting(trainings, bench):
    trainings.stopped_at = ("cnn", 0)
    first = bench(*TWO, code=130)
    assert [row["recipe"] for row in first["rows"]] == ["tutorial", "ann"]
    trainings.stopped_at = None
    trainings.asked.clear()
    second = bench(*TWO)
    # The predecessor's epoch again; on PyTorch only once on one machine.
    assert trainings.asked == [("keras-cnn", "tensorflow"), ("cnn", 0), ("ann", 1), ("cnn", 1)]
    assert second["rows"][:2] == first["rows"]
    assert [row["sitting"] for row in second["rows"]] == [0, 0, 1, 1, 1]
    trainings.asked.clear()
    assert bench(*TWO)["rows"] == second["rows"]
    assert trainings.asked == []


def test_rows_of_another_recipe_or_other_threads_do_not_count(trainings, bench, monkeypatch):
    one = ("--recipes", "ann", "cnn", "--seeds", "1", *ALONE, "--threads")
    bench(*one, "1")
    measured = bench("--recipes", "ann", "--seeds", "1", *ALONE, "--threads", "2")
    assert [row["recipe"] for row in measured["rows"]] == ["cnn", "ann"]
    assert list(measured["recipes"]) == ["ann"]
    trainings.asked.clear()
    for module in (training, table):
        monkeypatch.setattr(module, "key_of", lambda name: "another")
    bench(*one, "2")
    assert trainings.asked == [("ann", 0), ("cnn", 0)]


def test_a_training_that_fails_is_told_and_not_tried_again(trainings, bench, tmp_path):
    trainings.failing = ("ann", 1)
    assert bench(*TWO)["recipes"]["ann"]["seeds"] == [0]
    assert "the loss is no number" in (tmp_path / "training.md").read_text()
    trainings.asked.clear()
    bench(*TWO)
    assert trainings.asked == []


def test_the_committed_measurement_is_drawn():
    measured = json.loads((RESULTS / "training.json").read_text(encoding="utf-8"))
    with Image.open(io.BytesIO(training_page.image(measured))) as image:
        assert image.size > (1000, 600)


def test_labels_of_the_figure_do_not_overlap():
    crowd = [
        Point(f"recipe-{place}", "dense", 10 * 1.15**place, 0.91 + 0.001 * place, (0.905, 0.925))
        for place in range(9)
    ]
    (axes,) = frontier(crowd, 40.0).axes
    labels = [text.get_window_extent() for text in axes.texts if isinstance(text, Annotation)]
    assert len(labels) == 9
    for place, one in enumerate(labels):
        assert not any(one.overlaps(other) for other in labels[:place])
