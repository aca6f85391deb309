"""All numbers of the report, for programs: ``results.json``."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from fittingroom.comparison import Comparison
from fittingroom.findings import Finding
from fittingroom.metrics import TemperatureEffect
from fittingroom.reporting import sentences
from fittingroom.reporting.model_figures import Panel
from fittingroom.reporting.model_report import Facts, ModelReport
from fittingroom.reporting.subsets import Audited
from fittingroom.runs import Timing

FORMAT = 1


def results(
    comparison: Comparison | None,
    reports: Sequence[ModelReport],
    facts: Facts,
    panels: Sequence[Panel],
    found: Sequence[Finding] = (),
    audited: Audited | None = None,
) -> dict[str, Any]:
    """Plain values under documented names.

    ``format``: 1; ``verdict``: the outcome in words; ``notices``: what must be known first;
    ``data``: name, ``official``, ``embedded_sample``, ``classes``, counts of
    pictures (of training and validation where they are the same for all models);
    ``models``: of each ``name``, ``title``, ``run``, ``seed``, ``training_pictures``,
    ``validation_pictures``, ``parameters``, ``operations`` and what ``operation`` these are,
    ``training_seconds``, ``model_bytes``, ``seconds_a_picture`` (``single``, ``batched``: each
    ``low``, ``median``, ``high``, ``batch``), ``temperature`` (``value`` and, before and after it,
    log loss and calibration error), ``keep``: why the weights of ``best_epoch`` were
    kept (both null for a model that is trained in one go), ``history`` and ``evaluation``
    (:meth:`Evaluation.as_dict`); ``comparison``: its :meth:`~Comparison.as_dict` with details, or
    null for a single model; ``findings``: of each ``code``, ``about``, ``sentence`` and
    ``advice``; ``figures``: of each its ``image``, ``title`` and ``caption``;
    ``audit``: ``name``, ``recipe`` and ``subsets`` (of each ``name``, ``pictures``, ``left_out``,
    ``accuracies`` in the order of the models, ``differences``), or null without an audit;
    ``openings``, ``environment``, ``failures``: as given. What was not measured is null.
    """
    return {
        "format": FORMAT,
        "verdict": sentences.outcome(reports, comparison, facts),
        "notices": sentences.notices(facts),
        "data": {
            "name": facts.data,
            "official": facts.official,
            "embedded_sample": facts.embedded_sample,
            "classes": reports[0].evaluation.predictions.classes,
            "training_pictures": _same([each.training_pictures for each in reports]),
            "validation_pictures": _same([each.validation_pictures for each in reports]),
            "test_pictures": len(reports[0].evaluation.predictions),
        },
        "models": [_model(report) for report in reports],
        "comparison": None if comparison is None else comparison.as_dict(),
        "findings": [finding.as_dict() for finding in found],
        "figures": [
            {"image": f"images/{panel.image}", "title": panel.title, "caption": panel.caption}
            for panel in panels
        ],
        "audit": None if audited is None else audited.as_dict(),
        "openings": [asdict(opening) for opening in facts.openings],
        "environment": facts.environment,
        "failures": list(facts.failures),
    }


def to_json(values: Mapping[str, Any]) -> bytes:
    """Strict JSON in UTF-8: numbers that are none (NaN, infinities) become null."""
    text = json.dumps(_plain(values), allow_nan=False, ensure_ascii=False, indent=2)
    return f"{text}\n".encode()


def _model(report: ModelReport) -> dict[str, Any]:
    return {
        "name": report.name,
        "title": report.title,
        "run": report.run,
        "seed": report.seed,
        "training_pictures": report.training_pictures,
        "validation_pictures": report.validation_pictures,
        "parameters": report.parameters,
        "operations": report.operations,
        "operation": report.operation,
        "training_seconds": report.training_seconds,
        "model_bytes": report.model_bytes,
        "seconds_a_picture": {
            "single": _timing(report.single),
            "batched": _timing(report.batched),
        },
        "temperature": None if report.temperature is None else _temperature(report.temperature),
        "keep": report.keep if report.history else None,
        "best_epoch": report.best_epoch if report.history and report.keep else None,
        "history": [asdict(epoch) for epoch in report.history],
        "evaluation": report.evaluation.as_dict(),
    }


def _temperature(effect: TemperatureEffect) -> dict[str, Any]:
    return {
        "value": effect.temperature,
        "log_loss_before": effect.log_loss_before.as_dict(),
        "log_loss_after": effect.log_loss_after.as_dict(),
        "log_loss_change": effect.log_loss_change.as_dict(),
        "calibration_error_before": effect.error_before.debiased.as_dict(),
        "calibration_error_after": effect.error_after.debiased.as_dict(),
    }


def _same(numbers: Sequence[int | None]) -> int | None:
    """The number that all models share, or None."""
    return numbers[0] if len(set(numbers)) == 1 else None


def _timing(timing: Timing | None) -> dict[str, Any] | None:
    return None if timing is None else asdict(timing)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    return str(value)
