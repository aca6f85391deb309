"""What the report says of probabilities: scores, the temperature, abstaining."""

from dataclasses import replace

import pytest

from fittingroom.metrics import Estimate, TemperatureEffect, temperature_effect
from fittingroom.numbers import percent_estimate
from fittingroom.reporting import ModelReport
from fittingroom.reporting.probabilities import (
    risk_coverage_sentence,
    risk_coverage_table,
    scores_table,
    temperature_sentence,
)
from tests.reporting.conftest import predictions, report


def test_scores_have_a_column_a_model_and_a_dash_without_probabilities(
    models: list[ModelReport],
) -> None:
    alone = report("theirs", predictions(0.9, 3, probabilities=False))
    table = scores_table([*models, alone])
    assert table is not None
    assert table.columns == ("", "ann", "cnn", "theirs")
    rows = {row[0]: row[1:] for row in table.rows}
    assert all(row[2] == "–" for row in rows.values())
    area = models[1].evaluation.risk_coverage
    assert area is not None
    assert rows["Area under risk–coverage"][1] == percent_estimate(area.area)
    assert rows["Temperature, from validation"][:2] == ("1.250", "1.250")
    assert scores_table([alone]) is None


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-0.02, -0.01, "it helps"),
        (0.01, 0.02, "it does harm"),
        (-0.01, 0.01, "no difference is sho"),
    ],
)
def test_the_temperature_is_judged_by_the_interval_of_its_change(
    models: list[ModelReport], low: float, high: float, verdict: str
) -> None:
    found = models[0].temperature
    assert isinstance(found, TemperatureEffect)
    effect = replace(found, log_loss_change=Estimate((low + high) / 2, low, high))
    sentence = temperature_sentence("ann", effect)
    assert f"): {verdict}" in sentence
    assert sentence.startswith("ann: the temperature 1.25, fitted on validation, brings the test")


def test_abstaining_is_told_at_half_and_four_fifths(models: list[ModelReport]) -> None:
    pairs = [(each.name, each.evaluation) for each in models]
    sentence = risk_coverage_sentence(pairs, ["theirs"])
    curve = models[0].evaluation.risk_coverage
    assert curve is not None
    assert f"ann makes {100 * curve.risk[-1]:.1f}% mistakes when it answers all" in sentence
    assert "when it answers the surest 50%" in sentence
    assert sentence.endswith("theirs: no probabilities, so no curve.")
    table = risk_coverage_table(pairs)
    assert len(table.rows) == 20
    assert table.rows[9][1] == "100.0%"
    assert table.rows[9][3].startswith(f"{100 * curve.risk[-1]:.2f}%")


def test_the_effect_is_that_on_the_test_half(models: list[ModelReport]) -> None:
    said = models[0].evaluation.predictions
    assert said.log_probabilities is not None
    again = temperature_effect(said.labels, said.log_probabilities, 1.25, draws=100)
    assert models[0].temperature == again
