"""All numbers of the report, for programs: ``results.json``."""

import json
from collections.abc import Sequence
from typing import Any

from fittingroom.comparison import Comparison
from fittingroom.evaluation import ModelReport
from fittingroom.findings import Finding
from fittingroom.numbers import plain
from fittingroom.reporting.facts import Facts, outcome
from fittingroom.reporting.panel import Panel, card_name
from fittingroom.reporting.subsets import Audited
from fittingroom.safe_io import utf8

FORMAT = 2


def results_json(
    comparison: Comparison | None,
    models: Sequence[ModelReport],
    facts: Facts,
    panels: Sequence[Panel],
    found: Sequence[Finding] = (),
    audited: Audited | None = None,
) -> bytes:
    """Strict JSON in UTF-8: what was not measured, and numbers that are none, are null.

    A number with its interval is ``{"value", "low", "high"}`` everywhere.
    """
    evaluation = models[0].evaluation
    values = {
        "format": FORMAT,
        "verdict": outcome(models, comparison, facts),
        "notices": facts.notices,
        "data": {
            "name": facts.data,
            "official": facts.official,
            "description": facts.description,
            "notes": facts.notes,
            "embedded_sample": facts.embedded_sample,
            "classes": evaluation.predictions.classes,
            "training_images": _same([model.training_images for model in models]),
            "validation_images": _same([model.validation_images for model in models]),
            "test_images": len(evaluation.predictions),
        },
        "models": [_model(model) for model in models],
        "comparison": None if comparison is None else comparison.as_dict(),
        "findings": [finding.as_dict() for finding in found],
        "figures": [
            {"image": f"images/{panel.image}", "title": panel.title, "caption": panel.caption}
            for panel in panels
        ],
        "audit": None if audited is None else audited.as_dict(),
        "openings": facts.openings,
        "plan": facts.plan,
        "environment": facts.environment,
        "failures": list(facts.failures),
    }
    text = json.dumps(plain(values), allow_nan=False, ensure_ascii=False, indent=2)
    return f"{utf8(text)}\n".encode()


def _model(model: ModelReport) -> dict[str, Any]:
    run = model.run
    summary = None if run is None else run.summary
    keep = model.keep if model.history else None
    return {
        "name": model.name,
        "title": model.title,
        "card": card_name(model.name),
        "run": run and run.name,
        "seed": run and run.seed,
        "training_images": model.training_images,
        "validation_images": model.validation_images,
        "parameters": summary and summary.parameters,
        "operations": summary and summary.operations,
        "operation": run and run.recipe.operation,
        "training_seconds": summary and summary.seconds,
        "model_bytes": summary and summary.model_bytes,
        "seconds_per_image": {"single": model.single, "batched": model.batched},
        "temperature": model.temperature,
        "keep": keep,
        "best_epoch": summary and keep and summary.best_epoch,
        "history": model.history,
        "evaluation": model.evaluation.as_dict(),
    }


def _same(numbers: Sequence[int | None]) -> int | None:
    """The number that all models share, or None."""
    return numbers[0] if len(set(numbers)) == 1 else None
