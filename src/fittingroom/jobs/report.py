"""Report: scored runs → one folder of pictures, numbers and a page."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from fittingroom.auditing import find_audit, subsets
from fittingroom.comparison import Comparison, Entrant, compare_models
from fittingroom.data import Dataset, find_dataset
from fittingroom.errors import UsageError
from fittingroom.jobs.evaluate import Evaluated, dataset_of, evaluate
from fittingroom.jobs.progress import Progress
from fittingroom.recipes import Described, Recipe
from fittingroom.reporting import Audited, Exhibit, Facts, write_report
from fittingroom.runs import Run, open_run, read_openings

# What a report says of where its runs were made.
_ENVIRONMENT = ("time", "processor", "device", "threads", "python", "platform", "revision")


def report(
    runs: Sequence[Run | Path | str],
    *,
    out: Path | str = "report",
    data: Dataset | Path | str | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Path:
    """Write a report on one finished run or more.

    Args:
        runs: runs, or their folders.
        out: the folder of the report.
        data: whose test half they are scored on; None for the data that the first was trained on.
        threads: as for :func:`fittingroom.evaluate`.
        progress: who listens.

    Returns:
        The report's ``index.html``.

    Raises:
        UsageError: no run, or the same one twice.
    """
    opened = [run if isinstance(run, Run) else open_run(Path(run)) for run in runs]
    names = name_entrants(opened)
    if not opened:
        raise UsageError("Expected one run or more to report on. Received none.")
    if data is None:
        dataset = dataset_of(opened[0])
    else:
        dataset = data if isinstance(data, Dataset) else find_dataset(data)
    evaluated = {
        name: (evaluate(run, data=dataset, purpose="report", threads=threads, progress=progress),)
        for name, run in zip(names, opened, strict=True)
    }
    comparison = compare_models(entrants_of(evaluated)) if len(opened) > 1 else None
    return write(Path(out), evaluated, dataset, comparison)


def name_entrants(entrants: Sequence[Described | Run]) -> list[str]:
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


def entrants_of(evaluated: Mapping[str, Sequence[Evaluated]]) -> list[Entrant]:
    """Scored runs as what a comparison takes."""
    return [
        Entrant(
            name=name,
            recipe=group[0].run.recipe.name,
            seeds=tuple(each.run.seed for each in group),
            predictions=tuple(each.evaluation.predictions for each in group),
        )
        for name, group in evaluated.items()
    ]


def write(
    out: Path,
    evaluated: Mapping[str, Sequence[Evaluated]],
    dataset: Dataset,
    comparison: Comparison | None,
    failures: Sequence[str] = (),
) -> Path:
    """Write the report on scored runs; the page's path.

    Args:
        out: the folder.
        evaluated: for each model its scored runs, one a seed; the first one's pictures are shown.
        dataset: whose test half they were scored on.
        comparison: of the models, where there are several.
        failures: trainings that broke down.
    """
    shown = [group[0] for group in evaluated.values()]
    run = shown[0].run
    return write_report(
        out,
        comparison=comparison,
        exhibits=[_exhibit(name, group[0]) for name, group in evaluated.items()],
        pictures=dataset.open_test().images,
        sample=dataset.training(),
        facts=Facts(
            data=dataset.name,
            official=dataset.official,
            embedded_sample=dataset.name == "sample",
            openings=read_openings(run.folder.parent),
            environment={
                **{name: run.environment[name] for name in _ENVIRONMENT},
                **run.environment["versions"],
            },
            failures=failures,
        ),
        audited=_audited(evaluated, dataset, run.folder.parent),
    )


def _audited(
    evaluated: Mapping[str, Sequence[Evaluated]], dataset: Dataset, runs: Path
) -> Audited | None:
    """The models without what the newest audit of this data in the folder of runs found."""
    stored = find_audit(runs, dataset)
    if stored is None:
        return None
    return Audited(
        name=stored.folder.name,
        recipe=stored.audit.basis.recipe,
        subsets=subsets(entrants_of(evaluated), stored.audit),
        page=stored.page.read_bytes(),
    )


def _exhibit(name: str, evaluated: Evaluated) -> Exhibit:
    run = evaluated.run
    return Exhibit(
        name=name,
        title=run.recipe.title,
        evaluation=evaluated.evaluation,
        history=run.history,
        best_epoch=run.summary.best_epoch,
        keep=run.recipe.keep if isinstance(run.recipe, Recipe) else None,
        run=run.name,
        seed=run.seed,
        parameters=run.summary.parameters,
        operations=run.summary.operations,
        operation=run.recipe.operation,
        training_pictures=run.environment["data"]["training"],
        validation_pictures=run.environment["data"]["validation"],
        training_seconds=run.summary.seconds,
        model_bytes=run.summary.model_bytes,
        single=evaluated.single,
        batched=evaluated.batched,
    )
