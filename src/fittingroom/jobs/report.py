"""Report: scored runs → one folder of pictures, numbers and a page."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from fittingroom.auditing import StoredAudit, find_audit, subsets
from fittingroom.comparison import MARGIN, Comparison, Entrant, compare_models
from fittingroom.data import Dataset
from fittingroom.errors import RunChangedError, UsageError
from fittingroom.evaluation import evaluate_predictions
from fittingroom.jobs.evaluate import Evaluated, dataset_of, evaluate
from fittingroom.jobs.others import called_otherwise
from fittingroom.jobs.session import Session
from fittingroom.metrics import TemperatureEffect, temperature_effect
from fittingroom.predictions import Predictions
from fittingroom.recipes import BaseRecipe, Recipe
from fittingroom.reporting import Audited, Facts, ModelReport, write_report
from fittingroom.runs import Run, describe_environment, open_run, read_openings
from fittingroom.safe_io import MEBIBYTE, Refusal, read_whole

# What a report says of where its runs were made.
_ENVIRONMENT = ("time", "processor", "device", "threads", "python", "platform", "revision")

_LARGEST_PAGE = 64 * MEBIBYTE
# Before all else on a page, so that it holds for all of it: pictures and style that are in the page
# itself, and nothing more.
_QUIET = (
    b'<!doctype html><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="'
    b"default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; "
    b"form-action 'none'\">\n"
)


def report(
    runs: Sequence[Run | Path | str],
    *,
    margin: float = MARGIN,
    out: Path | str = "report",
    session: Session | None = None,
) -> Path:
    """Write a report on one finished run or more.

    Args:
        runs: runs, or their folders.
        margin: as for :func:`fittingroom.compare`.
        out: the folder of the report.
        session: data to score on (None for the data that the first was trained on), threads and
            listener.

    Returns:
        The report's ``index.html``.

    Raises:
        UsageError: no run, or the same one twice.
    """
    opened = [run if isinstance(run, Run) else open_run(Path(run)) for run in runs]
    names = name_entrants(opened)
    if not opened:
        raise UsageError("Expected one run or more to report on. Received none.")
    session = session or Session()
    if session.data is None:
        session = replace(session, data=dataset_of(opened[0]))
    dataset = session.dataset
    evaluated = {
        name: (evaluate(run, purpose="report", session=session),)
        for name, run in zip(names, opened, strict=True)
    }
    comparison = compare_models(entrants_of(evaluated), margin=margin) if len(opened) > 1 else None
    return write(Path(out), *gather(evaluated, dataset), dataset, comparison)


def name_entrants(entrants: Sequence[BaseRecipe | Run]) -> list[str]:
    """A short name each: the recipe's where that tells them apart, otherwise the run's folder's.

    Raises:
        UsageError: a recipe or run is there twice.
    """
    recipes = [each.recipe.name if isinstance(each, Run) else each.name for each in entrants]
    names = [
        each.name if isinstance(each, Run) and recipes.count(recipe) > 1 else recipe
        for each, recipe in zip(entrants, recipes, strict=True)
    ]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(
                f"Expected each recipe or run once. Received '{name}' twice. Recipes that differ "
                "need names that do: `recipe_of(…, name=…)`, or another file's or function's name."
            )
    return names


def entrants_of(
    evaluated: Mapping[str, Sequence[Evaluated]], others: Mapping[str, Predictions] | None = None
) -> list[Entrant]:
    """Scored runs, and predictions from elsewhere after them, as what a comparison takes."""
    from_here = [
        Entrant(
            name=name,
            recipe=group[0].run.recipe.name,
            seeds=tuple(each.run.seed for each in group),
            predictions=tuple(each.evaluation.predictions for each in group),
        )
        for name, group in evaluated.items()
    ]
    # Of what was trained elsewhere no seed is known.
    return from_here + [Entrant(name, name, (), (said,)) for name, said in (others or {}).items()]


def gather(
    evaluated: Mapping[str, Sequence[Evaluated]],
    dataset: Dataset,
    failures: Sequence[str] = (),
    others: Mapping[str, Predictions] | None = None,
    runs: Path | None = None,
) -> tuple[list[ModelReport], Facts, Audited | None]:
    """What a report on scored runs is made from; the last where the data was audited.

    Args:
        evaluated: for each model its scored runs, one a seed; the first one's pictures are shown.
        dataset: whose test half they were scored on.
        failures: trainings that broke down.
        others: predictions from elsewhere, which are shown after the runs.
        runs: the folder whose log of openings and audit are told, beside those that the runs lie
            in.
    """
    shown = [group[0].run for group in evaluated.values()]
    environment = shown[0].environment if shown else describe_environment()
    logs = [*(run.folder.parent for run in shown), *([runs] if runs else [])]
    folders = dict.fromkeys(folder.resolve() for folder in logs)
    reports = [_model_report(name, group[0]) for name, group in evaluated.items()]
    reports += [_foreign(name, said) for name, said in (others or {}).items()]
    facts = Facts(
        data=dataset.name,
        official=dataset.official,
        embedded_sample=dataset.name == "sample",
        openings=[each for folder in folders for each in read_openings(folder)],
        environment={
            **{name: environment[name] for name in _ENVIRONMENT if name in environment},
            **environment["versions"],
        },
        failures=failures,
        runs=[each.run.name for group in evaluated.values() for each in group],
    )
    found = (find_audit(folder, dataset) for folder in folders)
    stored = next((audit for audit in found if audit is not None), None)
    return reports, facts, _audited(entrants_of(evaluated, others), stored)


def write(
    out: Path,
    reports: Sequence[ModelReport],
    facts: Facts,
    audited: Audited | None,
    dataset: Dataset,
    comparison: Comparison | None,
) -> Path:
    """Write the report on what was gathered; the page's path.

    Args:
        out: the folder.
        reports, facts, audited: what :func:`gather` gave.
        dataset: whose test half the models were scored on.
        comparison: of the models, where there are several.
    """
    return write_report(
        out,
        comparison=comparison,
        reports=reports,
        pictures=dataset.open_test().images,
        sample=dataset.training(),
        facts=facts,
        audited=audited,
    )


def _audited(entrants: Sequence[Entrant], stored: StoredAudit | None) -> Audited | None:
    """The models without what the newest audit of this data found."""
    if stored is None:
        return None
    return Audited(
        name=stored.folder.name,
        recipe=stored.audit.basis.recipe,
        subsets=subsets(entrants, stored.audit),
        page=_without_scripts(stored),
    )


def _without_scripts(stored: StoredAudit) -> bytes:
    """The audit's page, in which a browser runs no script and loads nothing, whoever wrote it.

    Raises:
        RunChangedError: it is none of the audit's files.
    """
    try:
        return _QUIET + read_whole(stored.page, _LARGEST_PAGE)
    except (OSError, Refusal) as error:
        raise RunChangedError(f"Expected the page of an audit. {error}") from error


def _foreign(name: str, predictions: Predictions) -> ModelReport:
    """Somebody else's predictions: what is not known of the model is left out."""
    otherwise = called_otherwise(predictions)
    note = "" if predictions.log_probabilities is not None else ", without probabilities"
    if otherwise:
        note = f", where {otherwise:,} pictures are called another class than the likeliest"
    return ModelReport(
        name=name,
        title=f"Predicted elsewhere{note}",
        evaluation=evaluate_predictions(predictions),
        keep=None,
    )


def _model_report(name: str, evaluated: Evaluated) -> ModelReport:
    run = evaluated.run
    return ModelReport(
        name=name,
        title=run.recipe.title,
        evaluation=evaluated.evaluation,
        history=run.history,
        best_epoch=run.summary.best_epoch,
        keep=run.recipe.keep if isinstance(run.recipe, Recipe) else None,
        recipe=run.recipe.name,
        run=run.name,
        seed=run.seed,
        parameters=run.summary.parameters,
        operations=run.summary.operations,
        operation=run.recipe.operation,
        training_pictures=run.environment["data"]["training"],
        validation_accuracy=run.summary.validation_accuracy,
        validation_pictures=run.environment["data"]["validation"],
        training_seconds=run.summary.seconds,
        model_bytes=run.summary.model_bytes,
        single=evaluated.single,
        batched=evaluated.batched,
        temperature=_temperature_effect(evaluated),
    )


def _temperature_effect(evaluated: Evaluated) -> TemperatureEffect | None:
    said = evaluated.evaluation.predictions
    logs = said.log_probabilities
    if logs is None or not np.isfinite(logs).all():
        return None
    return temperature_effect(said.labels, logs, evaluated.run.summary.temperature)
