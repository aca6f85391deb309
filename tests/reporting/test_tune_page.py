"""The page of a search, and its sentences."""

import re
from pathlib import Path

import numpy as np

from fittingroom.recipes import recipe_of
from fittingroom.reporting.tune_page import (
    caution,
    headline,
    results_table,
    train_command,
    trials_table,
    tune_page,
)
from fittingroom.tuning import Retrained
from tests.tuning.made_up import ENDED, made_up


def page_of(search):
    return tune_page(search).decode()


def test_it_shows_the_gain_with_other_seeds_and_what_to_train():
    search = made_up()
    page = page_of(search)
    assert "The best of 6 trials reaches 90.00% (87.06–92.33%) validation accuracy" in page
    assert "3 other seeds" in page
    assert "too optimistic" in page
    assert "fittingroom train found/tuned.json" in page
    assert "The test set is still closed" in page
    table = results_table(search)
    assert table.columns[1:3] == ("original recipe", "best: trial 3")
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["accuracy"][:2] == ("80.00% (76.27–83.27%)", "90.00% (87.06–92.33%)")
    assert len(rows["mean of seeds 1, 2 and 3"]) == 3
    assert rows["batch_size"] == ("50", "80", "16 to 200, logarithmic")
    assert rows["augmentation.flip"] == ("yes", "no", "no to yes")


def test_its_figures_need_no_backend(monkeypatch):
    monkeypatch.setattr("matplotlib.pyplot.figure", None)
    accuracies = [(0.8 + number / 100, 1.0) for number in range(9)]
    for trials, figures in ((ENDED[:1], 2), (accuracies, 3)):
        assert page_of(made_up(trials)).count('<svg role="img"') == figures


def test_a_gain_is_shown_or_not_as_its_interval_says():
    rows = [np.random.default_rng(seed).random((3, 500)) for seed in (3, 4, 5)]
    start, same, worse = rows[0] < 0.8, rows[1] < 0.8, rows[2] < 0.6
    assert headline(made_up()).endswith("points: an improvement.")
    for best, words in ((same, "no difference shown."), (worse, "worse.")):
        search = made_up(retrained=Retrained.of((1, 2, 3), start, best))
        assert headline(search).endswith(f"points: {words}")


def test_an_original_recipe_that_is_the_best_or_that_failed_is_told():
    kept = made_up([(0.95, 1.0), *ENDED[1:]], retrained=None)
    assert headline(kept).startswith("None of 6 trials has a higher validation accuracy than tiny")
    assert results_table(kept).rows[0][1] == results_table(kept).rows[0][2]
    page_of(kept)
    failed = made_up(["It broke.", *ENDED[1:]], retrained=None)
    assert "The training of tiny itself failed" in headline(failed)
    assert "may be chance" in caution(failed)
    assert "Trial 0 failed. It broke." in page_of(failed)


def test_it_needs_nothing_but_itself_and_escapes_what_it_shows():
    page = page_of(made_up(data="<i>data"))
    assert "<i>data" not in page
    assert "<b>is</b>" not in page
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert all(source.startswith(("data:", "#")) for source in sources)
    assert "<script" not in page


def test_enough_trials_show_which_settings_matter():
    trials = [(0.8 + 0.01 * (number % 5), 1.0) for number in range(8)]
    assert "Which settings matter" in page_of(made_up(trials))


def test_every_trial_is_listed_the_most_accurate_first():
    rows = trials_table(made_up()).rows
    assert [row[0] for row in rows] == ["3", "4", "0", "1", "5", "2"]
    assert [row[1] for row in rows[-2:]] == ["failed", "ended early"]


def test_a_custom_model_is_named_with_its_settings():
    own = recipe_of(f"{Path(__file__).parents[2]}/docs/examples/own_torch.py:build")
    assert train_command(made_up(recipe=own)) == (
        "fittingroom train own_torch.py:build --set learning_rate=0.032 --set batch_size=80 "
        "--set augmentation.flip=False"
    )
