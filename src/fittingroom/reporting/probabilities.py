"""What the report says of probabilities: their scores, the temperature, and abstaining."""

from collections.abc import Sequence

import numpy as np

from fittingroom.evaluation import SCORES, Evaluation
from fittingroom.metrics import Estimate, TemperatureEffect
from fittingroom.numbers import (
    NONE,
    decimal_change,
    decimal_estimate,
    listed,
    percent,
    percent_estimate,
)
from fittingroom.reporting.model_report import ModelReport
from fittingroom.reporting.tables import Table, shown

# Shares of the pictures that a model answers, at which the caption reads the risk.
_ANSWERED = (0.5, 0.8)


def scores_table(reports: Sequence[ModelReport]) -> Table | None:
    """Scores of probabilities, a column a model; None where no model gives any."""
    columns = [_scores(report) for report in reports]
    names = list(dict.fromkeys(name for column in columns for name in column))
    if not names:
        return None
    return Table(
        "Scores of probabilities on the test half, with 95% intervals; calibration errors are "
        "debiased. Brier score = reliability − resolution + uncertainty.",
        ("", *(report.name for report in reports)),
        tuple((name, *(column.get(name, NONE) for column in columns)) for name in names),
    )


def _scores(report: ModelReport) -> dict[str, str]:
    """What one model has of these, in words; nothing where it gives no probabilities."""
    item, effect = report.evaluation, report.temperature
    if report.evaluation.predictions.log_probabilities is None:
        return {}
    scores = {score.label: shown(item, key) for key, score in SCORES.items() if score.probabilities}
    if effect is not None:
        scores["Temperature, from validation"] = f"{effect.temperature:.3f}"
        scores["Log loss without it"] = decimal_estimate(effect.log_loss_before)
        scores["– change by it"] = decimal_change(effect.log_loss_change)
        scores["Calibration error without it"] = percent_estimate(effect.error_before.debiased)
    return scores


def temperature_sentence(name: str, effect: TemperatureEffect) -> str:
    """What the temperature was fitted on, and whether it helped on pictures that it never saw."""
    change = effect.log_loss_change
    verdict = (
        "it helps"
        if change.high < 0
        else "it does harm"
        if change.low > 0
        else "no difference is shown"
    )
    return (
        f"{name}: the temperature {effect.temperature:.2f}, fitted on validation, brings the test "
        f"log loss from {effect.log_loss_before.value:.3f} to {effect.log_loss_after.value:.3f} "
        f"(change {decimal_change(change)}: {verdict}) and the calibration error from "
        f"{percent(effect.error_before.debiased.value)} to "
        f"{percent(effect.error_after.debiased.value)}."
    )


def risk_coverage_sentence(models: Sequence[tuple[str, Evaluation]], without: Sequence[str]) -> str:
    """What abstaining would buy: mistakes among the surest half and four fifths, and the area."""
    sentences = []
    for name, evaluation in models:
        curve = evaluation.risk_coverage
        assert curve is not None
        parts = []
        for share in _ANSWERED:
            at = int(np.searchsorted(curve.coverage, share))
            risk = Estimate(float(curve.risk[at]), float(curve.low[at]), float(curve.high[at]))
            parts.append(
                f"{percent_estimate(risk)} when it answers the surest "
                f"{percent(float(curve.coverage[at]), 0)}"
            )
        sentences.append(
            f"{name} makes {percent(float(curve.risk[-1]))} mistakes when it answers all, "
            f"{listed(parts)}; the area under its curve is "
            f"{shown(evaluation, 'risk_coverage_area')}."
        )
    if without:
        sentences.append(f"{listed(list(without))}: no probabilities, so no curve.")
    return " ".join(sentences)


def risk_coverage_table(models: Sequence[tuple[str, Evaluation]]) -> Table:
    """Mistakes among the pictures answered, at every tenth of them."""
    rows = []
    for name, evaluation in models:
        curve = evaluation.risk_coverage
        if curve is None:
            continue
        for share in np.arange(1, 11) / 10:
            at = min(int(np.searchsorted(curve.coverage, share)), len(curve.coverage) - 1)
            risk = Estimate(float(curve.risk[at]), float(curve.low[at]), float(curve.high[at]))
            rows.append(
                (
                    name,
                    percent(float(curve.coverage[at])),
                    percent(float(curve.threshold[at])),
                    percent_estimate(risk, 2),
                )
            )
    return Table(
        "Share of mistakes among the pictures that a model is surest of, with 95% intervals.",
        ("Model", "Answered", "Least sureness", "Mistakes"),
        tuple(rows),
    )
