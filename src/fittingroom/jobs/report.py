"""Report: scored runs → one folder of figures, numbers and a page."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from fittingroom.auditing import Audit, find_audit, subsets
from fittingroom.comparison import MARGIN, Comparison, Entrant, compare_models
from fittingroom.data import Dataset
from fittingroom.errors import RunChangedError, UsageError
from fittingroom.evaluation import ModelReport
from fittingroom.findings import Finding, find
from fittingroom.jobs.evaluate import evaluate
from fittingroom.jobs.register import departures, plan_in_words, plan_of
from fittingroom.jobs.session import Session, dataset_of
from fittingroom.predict import Predictor
from fittingroom.predictions import Float32, UInt8
from fittingroom.recipes import BaseRecipe
from fittingroom.reporting import ENVIRONMENT, Audited, Facts, write_report
from fittingroom.reporting.panel import stem
from fittingroom.runs import Run, describe_environment, open_output, open_run, read_openings
from fittingroom.safe_io import MEBIBYTE, Refusal, read_whole

_LARGEST_PAGE = 64 * MEBIBYTE
# Before all else on a page, so that it holds for all of it: images and style that are in the page
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
    tsne: bool = False,
    session: Session | None = None,
) -> Path:
    """Write a report on one finished run or more.

    Args:
        runs: runs, or their folders.
        margin: as for :func:`fittingroom.compare`.
        out: the folder of the report, new, empty or of an earlier report.
        tsne: draw the map of the test set by t-SNE, which takes a minute or two for each model.
        session: data to score on (None for the data that the first was trained on), threads and
            listener.

    Returns:
        The report's ``index.html``.

    Raises:
        UsageError: no run, the same one twice, or something else in the folder of the report.
    """
    opened = [run if isinstance(run, Run) else open_run(run) for run in runs]
    names = name_entrants(opened)
    if not opened:
        raise UsageError("There is no run to report on. Give one or more.")
    session = session or Session()
    if session.data is None:
        session = replace(session, data=dataset_of(opened[0]))
    dataset, folder = session.dataset, open_output(out, "a report")
    evaluated = {
        name: (evaluate(run, purpose="report", session=session),)
        for name, run in zip(names, opened, strict=True)
    }
    comparison = compare_models(entrants_of(evaluated), margin=margin) if len(opened) > 1 else None
    index, _ = write(folder, evaluated, dataset, comparison, tsne=tsne)
    return index


def name_entrants(entrants: Sequence[BaseRecipe | Run], others: Sequence[str] = ()) -> list[str]:
    """A short name each: the recipe's where that tells them apart, otherwise the run's folder's.

    The names of `others`, external predictions, follow. No two may be the same as a file's name.
    """
    recipes = [each.recipe.name if isinstance(each, Run) else each.name for each in entrants]
    names = [
        each.name if isinstance(each, Run) and recipes.count(recipe) > 1 else recipe
        for each, recipe in zip(entrants, recipes, strict=True)
    ]
    names += others
    for name in names:
        alike = [each for each in names if stem(each) == stem(name)]
        if len(alike) > 1:
            both = " and ".join(f"'{each}'" for each in dict.fromkeys(alike))
            raise UsageError(
                f"There are two models named {both}: their files would have the same name. Give "
                "each recipe, run or file once. Different recipes need different names: "
                "`recipe_of(…, name=…)`, or another name of the file or function. Files of "
                "predictions are named after the file, or by `compare(…, others={name: file})`."
            )
    return names


def entrants_of(groups: Mapping[str, Sequence[ModelReport]]) -> list[Entrant]:
    """Scored models, by name and one a seed, as a comparison takes them."""
    return [
        Entrant(
            name=name,
            recipe=group[0].recipe,
            # Of external predictions no seed is known.
            seeds=tuple(each.run.seed for each in group if each.run is not None),
            predictions=tuple(each.evaluation.predictions for each in group),
            deterministic=all(each.run and each.run.recipe.deterministic for each in group),
        )
        for name, group in groups.items()
    ]


def write(
    out: Path,
    groups: Mapping[str, Sequence[ModelReport]],
    dataset: Dataset,
    comparison: Comparison | None,
    *,
    failures: Sequence[str] = (),
    left: int = 0,
    runs: Path | None = None,
    tsne: bool = False,
) -> tuple[Path, tuple[Finding, ...]]:
    """Write the report on scored models; the page's path, and what was found.

    Args:
        out: the folder.
        groups: by name, the scored models of each, one a seed; images are of the first.
        dataset, comparison, failures: the test set, the verdict if there are several models, and
            trainings that failed.
        left: how many trainings are still to come.
        runs: a folder whose log of openings and audit are shown, beside those that the runs are in.
        tsne: as for :func:`report`.
    """
    models = [
        replace(group[0], name=name, others=tuple(each.run for each in group[1:] if each.run))
        for name, group in groups.items()
    ]
    trained = [each.run for group in groups.values() for each in group if each.run is not None]
    environment = trained[0].environment if trained else describe_environment()
    logs = [*(run.folder.parent for run in trained), *([runs] if runs else [])]
    folders = dict.fromkeys(folder.resolve() for folder in logs)
    plan = plan_of(folders, dataset.name, (run.recipe.key for run in trained))
    groups_of_runs = [[model.run, *model.others] for model in models if model.run]
    departed = departures(plan, groups_of_runs, comparison) if plan else []
    facts = Facts(
        data=dataset.name,
        official=dataset.official,
        description=dataset.description,
        notes=dataset.notes,
        openings=[each for folder in folders for each in read_openings(folder)],
        environment={
            **{name: environment[name] for name in ENVIRONMENT if name in environment},
            **environment["versions"],
        },
        failures=failures,
        plan=plan_in_words(plan, departed) if plan else "",
        runs=[run.name for run in trained],
    )
    audits = (find_audit(folder, dataset) for folder in folders)
    audit = next((each for each in audits if each is not None), None)
    unshown = facts.openings_unshown(models)
    unregistered = dict.fromkeys(
        each.run
        for each in facts.openings_for(models)
        if each.registered is False and each not in unshown
    )
    findings = find(
        models,
        comparison,
        seeds=groups,
        failures=failures,
        left=left,
        unshown=len(unshown),
        unregistered=list(unregistered),
        departures=departed,
    )
    index = write_report(
        out,
        models=models,
        comparison=comparison,
        findings=findings,
        facts=facts,
        images=dataset.open_test().images,
        sample=dataset.training(),
        audited=None if audit is None else _audited(entrants_of(groups), audit),
        features=_features,
        tsne=_by_tsne if tsne else None,
    )
    return index, findings


def _features(model: ModelReport, images: UInt8) -> Float32 | None:
    if model.run is None:
        return None
    predictor = Predictor(model.run.model_path)
    return predictor.run(("features",), images)[0] if "features" in predictor.outputs else None


def _by_tsne(features: Float32) -> Float32:
    from sklearn.manifold import TSNE  # slow to load

    make = TSNE(perplexity=min(30.0, len(features) / 4), random_state=0)
    return make.fit_transform(features)


def _audited(entrants: Sequence[Entrant], audit: Audit) -> Audited:
    """The models without what an audit of this data found, and the audit's page.

    A browser runs no script in it and loads nothing, whoever wrote it.
    """
    try:
        page = _QUIET + read_whole(audit.page, _LARGEST_PAGE)
    except (OSError, Refusal) as error:
        raise RunChangedError(f"The page of the audit cannot be read. {error}") from error
    recipe = audit.values["basis"]["recipe"]
    return Audited(audit.folder.name, recipe, subsets(entrants, audit), page)
