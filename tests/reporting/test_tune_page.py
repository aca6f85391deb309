"""The page of a search."""

import html
import re
from typing import Any

import numpy as np
import pytest

from fittingroom.reporting.tune_page import (
    caution,
    headline,
    results_table,
    settings_table,
    train_command,
    trials_table,
    tune_page,
)
from fittingroom.tuning import Retrained
from tests.tuning.made_up import made_up


def page_of(search, recipe: str | None = "tuned.json") -> str:
    return tune_page(search, recipe).decode()


def told(page: str) -> str:
    body = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", body)).split())


def test_it_says_the_best_the_start_and_the_winner_s_curse():
    words = told(page_of(made_up()))
    assert "The best of 6 trials is trial 3: 90.00% (87.06–92.33%)" in words
    assert "against 80.00% (76.27–83.27%) as it was" in words
    assert "the best of 4 complete trials is the luckiest too" in words
    assert "Trained anew with seeds 1, 2 and 3" in words
    assert "Another seed alone moves the accuracy by" in words
    assert "The test half was not opened" in words
    assert "fittingroom train tuned.json" in words
    assert "6 trials: 4 complete, 1 ended early and 1 broke down." in words
    assert "This is sample, not the whole of the official" in words


def test_a_gain_is_shown_or_not_as_its_interval_says():
    assert "percentage points: shown on these pictures" in headline(made_up())
    same = np.random.default_rng(3).random((3, 500)) < 0.8
    other = np.random.default_rng(4).random((3, 500)) < 0.8
    assert ": not shown on these" in headline(
        made_up(retrained=Retrained.of((1, 2, 3), same, other))
    )
    worse = np.random.default_rng(5).random((3, 500)) < 0.6
    assert ": shown to be a loss" in headline(
        made_up(retrained=Retrained.of((1, 2, 3), same, worse))
    )


def test_a_start_that_is_the_best_or_broke_down_is_told():
    kept = made_up({0: {"accuracy": 0.95}}, retrained=None)
    assert "No trial of 6 is more accurate on validation than tiny as it was" in headline(kept)
    assert results_table(kept).rows[0][0] == "As it was, the best"
    assert "As it was, the best" in told(page_of(kept))
    lost = {"state": "failed", "accuracy": None, "seconds": None, "error": "It broke."}
    broken = made_up({0: lost}, retrained=None)
    assert "The recipe as it was broke down" in headline(broken)
    assert "other seeds were not trained" in caution(broken)
    assert "Trial 0 broke down. It broke." in told(page_of(broken))


def test_it_needs_nothing_but_itself_and_escapes_what_it_shows():
    page = page_of(made_up(data="<i>data"))
    assert "<i>data" not in page
    assert "<b>is</b>" not in page
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert all(source.startswith(("data:", "#")) for source in sources)
    assert "<script" not in page
    assert page.count('<div class="chart"><svg') == 3


def test_too_few_trials_have_no_importance():
    page = page_of(made_up(importance=()))
    assert "Which settings matter" not in page
    assert page.count('<div class="chart"><svg') == 2


def test_times_of_all_sizes_read_as_times():
    trials = {4: {"seconds": 0.0842}, 0: {"seconds": 1.5}, 3: {"seconds": 4321.0}}
    words = told(page_of(made_up(trials)))
    assert "85.0% in 0.084 s and 90.0% in 1 h 12 min" in words
    assert "90.0%, 4,321.0 s" in words
    assert "e+0" not in words


def test_tables_have_every_setting_and_every_trial():
    search = made_up()
    settings = {row[0]: row[1:] for row in settings_table(search).rows}
    assert settings["batch_size"] == ("50", "80", "16 to 200", "factors")
    assert settings["augmentation.flip"] == ("yes", "no", "no to yes", "–")
    rows = trials_table(search).rows
    assert [row[0] for row in rows] == ["3", "4", "0", "1", "2", "5"]
    assert rows[4][1:5] == ("ended early", "50.00%", "1.0 s", "2 of 3")
    assert rows[5][1:4] == ("broke down", "–", "–")


def test_a_model_of_one_s_own_is_named_with_its_settings():
    command = train_command(made_up(), None)
    assert command == (
        "fittingroom train tiny --set learning_rate=0.032 --set batch_size=80 "
        "--set augmentation.flip=False"
    )


@pytest.mark.browser
@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_and_follows_the_colours(
    browser: Any, tmp_path: Any, width: int, scheme: str
) -> None:
    path = tmp_path / "index.html"
    path.write_bytes(tune_page(made_up(), "tuned.json"))
    tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    requests: list[str] = []
    complaints: list[str] = []
    tab.on("request", lambda request: requests.append(request.url))
    tab.on("console", lambda message: complaints.append(message.text))
    tab.goto(path.as_uri())
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert [url for url in requests if not url.startswith("data:")] == [path.as_uri()]
    assert complaints == []
    colour = "element => getComputedStyle(element).fill.match(/\\d+/g).map(Number)[0]"
    light = tab.locator("svg text").first.evaluate(colour)
    assert (light > 128) is (scheme == "dark")
    tab.close()
