"""Figures: what is drawn is what was given, and matplotlib is left as it was found."""

import io
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import matplotlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from PIL import Image

from fittingroom import plots
from fittingroom.comparison import ClassGain, Comparison, Entrant, ModelResult, compare_models
from fittingroom.metrics import Estimate, Reliability, RiskCoverage, risk_coverage
from fittingroom.plots.style import spread
from fittingroom.predictions import Predictions
from fittingroom.runs import Epoch

BLUE, ORANGE = plots.model_colour(0), plots.model_colour(1)
COLOURS = {"ann": BLUE, "cnn": ORANGE}
CLASSES = ("Bag", "Coat", "T-shirt/top")
CONFUSION = np.array([[90, 10, 0], [3, 1095, 2], [0, 0, 0]])
ESTIMATE = Estimate(0.9, 0.88, 0.92)
IMAGE = np.full((28, 28), 200, np.uint8)
WRONG = plots.Tile(IMAGE, "Bag", "Coat", False, "51%")
SURE = Reliability(*(np.array([each]) for each in (0.9, 1.0, 12, 0.95, 11)))
SEEDS = ModelResult("ann", "ann", (0, 1), ESTIMATE, (0.89, 0.91), 0.01)


def words(figure: Figure) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", plots.svg(figure, "x", "a figure"))


def curve(epochs: int = 3) -> list[Epoch]:
    return [
        Epoch(e, float(e), 0.5 / e, 0.9 - 0.1 / e, 0.6 / e, 0.91 - 0.1 / e, 0.1)
        for e in range(1, epochs + 1)
    ]


def three_compared() -> Comparison:
    """Of three models c is better than a, and b and a are equal."""
    labels = np.zeros(400, np.uint8)
    entrants = []
    for name, wrong in (("a", 60), ("b", 60), ("c", 20)):
        predicted = labels + (np.arange(400) < wrong).astype(np.uint8)
        said = Predictions(labels, predicted, None, np.arange(400), CLASSES)
        entrants.append(Entrant(name, name, (0,), (said,)))
    return compare_models(entrants, margin=0.02)


def risk(images: int = 3) -> RiskCoverage:
    sure = np.linspace(0.9, 0.6, images)
    wrong = np.arange(images) % 2
    return risk_coverage(wrong, np.zeros(images, int), np.stack([sure, 1 - sure], axis=1))


def gains() -> Figure:
    given = [
        ClassGain("few", Estimate(0.001, -0.01, 0.012), 1.0),
        ClassGain("many", Estimate(0.05, 0.04, 0.06), 0.001),
        ClassGain("fewer", Estimate(-0.05, -0.06, -0.04), 0.001),
    ]
    return plots.class_gains(given, ("ann", "cnn"), (0, 1))


FIGURES: dict[str, Callable[[], Figure]] = {
    "learning": lambda: plots.learning_curves(
        [
            plots.Course("ann", 0, curve(), [(curve(), 2)], 500),
            plots.Course("cnn", 1, curve()[:2], [(curve(), 3), (curve()[:2], 2)]),
        ]
    ),
    "confusion": lambda: plots.confusion_matrix(CONFUSION, CLASSES, BLUE),
    "recalls": lambda: plots.recalls(CLASSES, [("ann", 0, [ESTIMATE] * 3)]),
    "gains": gains,
    "accuracies": lambda: plots.accuracies([SEEDS], []),
    "calibration": lambda: plots.calibration_curves([("ann", 0, SURE)]),
    "risk": lambda: plots.risk_coverage([("ann", 0, risk())]),
    "tiles": lambda: plots.tile_sheet({"Some": (WRONG, WRONG)}),
    "samples": lambda: plots.sample_sheet([plots.SampleRow("Bag", IMAGE[None])]),
    "confused": lambda: plots.sample_sheet([plots.SampleRow("Bag → Coat", IMAGE[None], 3, "1%")]),
}


@pytest.mark.parametrize("name", FIGURES)
def test_each_figure_becomes_a_png_and_markup(name: str) -> None:
    before = dict(matplotlib.rcParams)
    figure = FIGURES[name]()
    with Image.open(io.BytesIO(plots.png(figure, "A title"))) as image:
        assert image.mode == "P"
        assert image.width > 150
        assert np.asarray(image.convert("L")).std() > 3
    markup = plots.svg(figure, name, 'says "this" & <that>')
    assert markup.startswith(
        '<svg role="img" aria-label="says &quot;this&quot; &amp; &lt;that&gt;"'
    )
    assert "font-family" not in markup
    assert "A title" not in markup  # it belongs to the file alone
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("learning", {"accuracy", "loss", "ann 87.7%", "ann 0.200", "cnn 86.0%", "cnn 0.300"}),
        ("confusion", {"90", "10", "1,095", "3", *CLASSES}),
        ("risk", {"ann 33.3%"}),
        ("gains", {"−5.0  (−6.0 to −4.0)", "← ann better", "cnn better →"}),
        ("confused", {"Bag → Coat", "3  1%"}),
        ("tiles", {"Some", "Bag", "✗ Coat 51%"}),
    ],
)
def test_numbers_and_names_are_written(name: str, expected: set[str]) -> None:
    assert expected <= set(words(FIGURES[name]()))


@pytest.mark.parametrize("kinds", [26, 100, 1000])
def test_figures_of_many_classes_name_thirty_and_stay_small(kinds: int) -> None:
    classes = [f"kind {number}" for number in range(kinds)]
    confusion = np.eye(kinds, dtype=int) * 5
    confusion[2, 1], confusion[0, kinds - 1] = 9, 3
    gains = [ClassGain(name, Estimate(0.01 * at, 0, 1), 1.0) for at, name in enumerate(classes)]
    recalls = [Estimate(at / kinds, 0, 1) for at in range(kinds)]
    figures = {
        "matrix": plots.confusion_matrix(confusion, classes, BLUE),
        "difference": plots.confusion_difference(confusion, confusion.T, classes, COLOURS),
        "gains": plots.class_gains(gains, ("ann", "cnn"), (0, 1)),
        "recalls": plots.recalls(classes, [("ann", 0, recalls)]),
    }
    for name, figure in figures.items():
        named = [word for word in words(figure) if word.startswith("kind")]
        assert min(kinds, 25) <= len(set(named)) <= 30, name
        assert max(figure.get_size_inches()) < 12
        assert len(plots.svg(figure, "x", "a figure")) < 200_000
    assert "9" not in words(figures["matrix"])
    (drawn,) = figures["matrix"].axes[0].images
    tints = np.asarray(drawn.get_array())[..., 3]
    assert tints[2, 1] > tints[0, kinds - 1] > tints[0, 1] == 0
    assert "kind 0" in words(figures["recalls"])
    assert {"kind 0", f"kind {kinds - 1}"} <= set(words(figures["gains"]))


@pytest.mark.parametrize("images", [1, 2, 5000])
def test_a_risk_coverage_curve_ends_at_the_share_of_mistakes_of_all(images: int) -> None:
    curve = risk(images)
    figure = plots.risk_coverage([("ann", 0, curve)])
    line, last = (np.asarray(each.get_xydata()) for each in figure.axes[0].lines)
    assert tuple(line[-1]) == tuple(last[0]) == (100, 100 * curve.risk[-1])
    assert len(line) <= 152


def test_squares_of_calibration_have_the_same_axes() -> None:
    columns = ([0.2, 0.9], [0.3, 1.0], [9, 12], [0.25, 0.95], [2, 11])
    unsure = Reliability(*map(np.array, columns))
    figure = plots.calibration_curves([("a", 0, SURE), ("b", 1, unsure)])
    squares = [axes for axes in figure.axes if axes.get_title(loc="left")]
    assert len({(*axes.get_xlim(), *axes.get_ylim()) for axes in squares}) == 1


def test_seeds_are_dots_beneath_the_interval() -> None:
    figure = plots.accuracies([SEEDS], [])
    drawn = [np.asarray(line.get_xydata()) for line in figure.axes[0].lines]
    dots = next(points for points in drawn if list(points[:, 0]) == [89, 91])
    assert (dots[:, 1] > 0).all()  # the interval lies at 0, and rows go downwards


@pytest.mark.parametrize("margin", [0.0, 0.005, 0.99])
def test_the_margin_is_shaded_and_never_hides_the_differences(margin: float) -> None:
    found = three_compared()
    pairs = [replace(pair, margin=margin) for pair in found.pairs]
    figure = plots.accuracies(found.models, pairs)
    low, high = figure.axes[1].get_xlim()
    ends = [100 * end for pair in pairs for end in (pair.difference.low, pair.difference.high)]
    assert low < min(ends) < max(ends) < high
    assert high - low < 10 * max(abs(end) for end in ends)
    said = [word for word in words(figure) if word.startswith("shaded")]
    assert said == ([f"shaded: within ±{100 * margin:g} points"] if margin else [])


def test_a_model_has_the_colour_of_its_name_unless_it_is_taken() -> None:
    names = ("forest", "cnn", "ann", "logreg", "keras-ann", "ann-fast", "one-more")
    first, second = plots.model_places(names), plots.model_places(["cnn", "ann"])
    assert second == {"cnn": 1, "ann": 0} == {name: first[name] for name in second}
    assert set(first.values()) == set(range(6))
    same = [f"m{number}" for number in range(6)]
    assert sorted(plots.model_places(same).values()) == list(range(6))


def test_confusion_difference_is_signed_and_in_the_colour_of_the_better() -> None:
    after = CONFUSION + np.array([[4, -4, 0], [2, -2, 0], [0, 0, 0]])
    figure = plots.confusion_difference(CONFUSION, after, CLASSES, COLOURS)
    said = words(figure)
    assert [said.count(word) for word in ("+4", "−4", "+2", "−2")] == [1, 1, 1, 1]
    assert "■ cnn makes fewer of these mistakes" in said
    markup = plots.svg(figure, "x", "y")
    assert markup.count("fill: var(--model-1)") == 2  # the legend, and four mistakes fewer by b
    assert markup.count("fill: var(--model-0)") == 2  # two more


def test_a_name_is_never_read_as_mathematics_or_markup() -> None:
    names = ("$x^2$", "<b>", "鞋")
    figure = plots.confusion_matrix(np.eye(3, dtype=np.int64), names, "#0067a6")
    markup = plots.svg(figure, "x", "y")
    assert "$x^2$" in markup
    assert "&lt;b&gt;" in markup
    assert "鞋" in markup
    assert plots.png(figure)


def test_ids_of_two_charts_do_not_meet() -> None:
    figure = FIGURES["learning"]()
    one, other = (
        set(re.findall(r' id="([^"]+)"', plots.svg(figure, name, ""))) for name in ("a", "b")
    )
    assert one
    assert not one & other


def test_figures_are_the_same_whatever_a_person_s_own_settings_are() -> None:
    figure = FIGURES["learning"]()
    expected = plots.png(figure), plots.svg(figure, "a", "b")
    theirs: Any = {"text.usetex": True, "lines.linewidth": 9, "svg.fonttype": "path"}
    with matplotlib.rc_context(theirs):
        figure = FIGURES["learning"]()
        assert (plots.png(figure), plots.svg(figure, "a", "b")) == expected
        assert matplotlib.rcParams["lines.linewidth"] == 9


def test_a_backend_that_is_not_there_changes_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fittingroom", "report", "none"],
        env=os.environ | {"MPLBACKEND": "Qt4Agg"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert (done.returncode, "There is no run folder none" in done.stderr) == (1, True)


def test_no_windows_and_no_global_figures() -> None:
    code = "import fittingroom.plots, sys; assert 'matplotlib.pyplot' not in sys.modules"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=600)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=4), st.floats(0.1, 10))
def test_labels_are_spread_and_keep_their_order(places: list[float], gap: float) -> None:
    moved = spread(places, gap)
    order = sorted(range(len(places)), key=lambda item: places[item])
    for below, above in pairwise(order):
        assert moved[above] - moved[below] >= 0.95 * gap
    assert np.mean(moved) == pytest.approx(np.mean(places), abs=1e-6)
