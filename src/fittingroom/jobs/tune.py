"""Tune: search settings of a recipe on validation, and train the best one with other seeds."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fittingroom.errors import missing_extra

try:
    import optuna
    from optuna.trial import FrozenTrial
except ModuleNotFoundError as error:
    raise missing_extra(error, "tune") from error

import numpy as np

from fittingroom.data import Split
from fittingroom.engines import Device, engine_named
from fittingroom.errors import FittingRoomError, TrainingError, TrainingStopped, UsageError
from fittingroom.jobs.finish import rehearse
from fittingroom.jobs.seeds import check_place
from fittingroom.jobs.session import Session, surroundings
from fittingroom.jobs.stopping import stops_between_epochs
from fittingroom.jobs.train import Heard, train, train_trial
from fittingroom.numbers import percent
from fittingroom.recipes import BaseRecipe, Recipe, recipe_of
from fittingroom.reporting.tune_page import tune_page
from fittingroom.runs import Epoch, open_output, resolved, run_name, write_file
from fittingroom.runs.files import as_json
from fittingroom.tuning import (
    Retrained,
    Search,
    Setting,
    ended,
    open_study,
    prune,
    run_trials,
    search_space,
    seed_sampler,
    settings_of,
    with_values,
)

TRIALS = 20
SEEDS = 3
# A trial that raises one of these has failed; a device without memory raises one of the last two.
_FAILURES = (FittingRoomError, MemoryError, RuntimeError)
# Trains a recipe with a seed, and gives its validation accuracy and seconds.
_TrainTrial = Callable[[BaseRecipe, int, Heard], tuple[float, float]]


def tune(
    recipe: Any,
    *,
    trials: int = TRIALS,
    vary: Sequence[str] = (),
    seeds: int = SEEDS,
    seed: int = 0,
    out: Path | str | None = None,
    on: str | None = None,
    session: Session | None = None,
) -> Search:
    """Search hyper-parameters of a recipe on validation, or resume a search.

    The first trial is the recipe itself. The test set is not opened. The same call resumes a search
    that was stopped, and one with more trials extends it.

    Args:
        recipe: as for :func:`fittingroom.train`.
        trials: how many in all, including those of earlier calls.
        vary: the settings to vary (``docs/how-to/tune.md`` lists them), each alone or with a range
            of yours, ``"learning_rate=0.001:0.1:log"``; all if there are none.
        seeds: train the best trial and the original recipe with so many other seeds after the
            search; 2 or more, or 0 to leave that out.
        seed: of every trial, and of what is tried.
        out: the folder of the search; None for one of its own in the folder of runs.
        on: ``"ray"`` runs as many trials at a time as a Ray cluster has room for, so that what is
            tried depends on which ended first; None runs one after the other, here.
        session: data, folder of runs, device, threads and listener; None for the defaults.

    Raises:
        UsageError: fewer than one trial, an unknown setting, one other seed, or other seeds of a
            model whose weights no seed draws.
        SearchError: the folder has another search, or its study cannot be used.
        RunBusyError: another process works on the same search.
        TrainingError: no trial could be trained, or a training with another seed failed; the
            search is written before that.
        TrainingStopped: Ctrl-C or SIGTERM, once the epoch was finished.
    """
    session = session or Session()
    dataset = session.dataset
    check_place(on)
    chosen = recipe_of(recipe).for_classes(len(dataset.classes))
    _check(trials, seeds, chosen)
    engine = engine_named(chosen.engine)
    device = engine.device(session.device, session.threads)
    split = dataset.split(chosen.split)
    space = search_space(chosen, images=len(split.training), vary=vary)
    rehearse(engine, chosen, split, seed=seed, device=device)
    facts = {
        "recipe": chosen.name,
        "settings": chosen.key,
        "data": dataset.key,
        "vary": sorted(set(vary)),
        "seed": seed,
    }
    name = run_name(chosen, seed, f"{dataset.key} {facts['vary']}")
    folder = session.folder / f"tune-{name}" if out is None else resolved(out)
    how_to_resume = f"Stopped. The trials are kept in {folder}; the same command resumes there."
    open_output(folder, "a search")
    with (
        open_study(folder, facts, settings_of(chosen, space)) as study,
        stops_between_epochs(session.progress, how_to_resume, "this epoch is") as stop_if_asked,
    ):
        with _trainer(on, split, device) as trainer:
            _run(study, chosen, space, trials, seed, trainer, stop_if_asked, session)
        stop_if_asked()
        search = Search(
            folder=folder,
            recipe=chosen,
            data=dataset.name,
            official=dataset.official,
            description=dataset.description,
            training=len(split.training),
            validation=len(split.validation),
            seed=seed,
            space=space,
            trials=ended(study),
            environment=surroundings(device) | {"optuna": optuna.__version__},
        )
        if not search.complete:
            raise TrainingError(
                f"None of {len(search.trials)} trials of {chosen.name} could be trained. "
                f"{search.trials[-1].user_attrs.get('error', '')}"
            )
        _write(search)  # before the trainings that follow, which may fail
        if seeds and search.improved and search.start is not None:
            place = dataclasses.replace(session, device=device.name, threads=device.threads)
            try:
                search = dataclasses.replace(search, retrained=_retrain(search, seeds, place))
            except TrainingStopped as stopped:
                raise TrainingStopped(stopped.signal, how_to_resume) from None
            except TrainingError as error:
                raise TrainingError(
                    f"{error} The search is complete, in {folder}. `--seeds 0` leaves out the "
                    "trainings with other seeds."
                ) from error
            _write(search)
        return search


@contextmanager
def _trainer(on: str | None, split: Split, device: Device) -> Iterator[tuple[_TrainTrial, int]]:
    """What trains a trial, and how many at a time."""
    if on is None:
        yield lambda recipe, seed, heard: train_trial(recipe, seed, split, device, heard), 1
        return
    from fittingroom.jobs.cluster.connection import connected
    from fittingroom.jobs.cluster.trainings import trials_on

    with connected() as ray:
        yield trials_on(ray, split, device.name, device.threads)


def _run(
    study: optuna.Study,
    recipe: BaseRecipe,
    space: tuple[Setting, ...],
    trials: int,
    seed: int,
    trainer: tuple[_TrainTrial, int],
    stop_if_asked: Callable[[], None],
    session: Session,
) -> None:
    """Run trials until there are so many; Optuna maximizes their validation accuracy."""
    train_one, at_a_time = trainer

    def objective(trial: optuna.Trial) -> float:
        values = {setting.name: setting.suggested(trial) for setting in space}
        tried = recipe if "start" in trial.user_attrs else with_values(recipe, values)
        epochs = tried.epochs if isinstance(tried, Recipe) else 1

        def heard(epoch: Epoch) -> None:
            stop_if_asked()
            prune(trial, epoch, epochs)

        try:
            accuracy, seconds = train_one(tried, seed, heard)
        except _FAILURES as error:
            trial.set_user_attr("error", str(error) or type(error).__name__)
            raise
        trial.set_user_attr("seconds", seconds)
        return accuracy

    with session.progress.track(f"{recipe.name}, trials", trials) as advance:

        def tell(study: optuna.Study, trial: FrozenTrial) -> None:
            best = max((each.value or 0.0 for each in ended(study)), default=0.0)
            advance(len(ended(study)), f"best on validation {percent(best, 2)}")
            if at_a_time == 1:
                seed_sampler(study, seed)

        seed_sampler(study, seed)
        run_trials(
            study,
            max(trials - len(ended(study)), 0),
            at_a_time,
            func=objective,
            catch=_FAILURES,
            callbacks=[tell],
        )


def _retrain(search: Search, seeds: int, session: Session) -> Retrained:
    """Train the best trial and the original recipe with seeds that the search did not use."""
    others = [number for number in range(seeds + 1) if number != search.seed][:seeds]
    start, best = (
        np.stack(
            [
                train(recipe, seed=other, resume=True, session=session).validation.correct
                for other in others
            ]
        )
        for recipe in (search.recipe, search.tuned)
    )
    return Retrained.of(others, start, best)


def _write(search: Search) -> None:
    """Write everything but the study itself, the page last."""
    if search.recipe_file is not None:
        write_file(search.recipe_file, as_json(search.tuned.to_json()))
    write_file(search.folder / "search.json", as_json(search.as_dict()))
    write_file(search.page, tune_page(search))


def _check(trials: int, seeds: int, recipe: BaseRecipe) -> None:
    if trials < 1:
        raise UsageError(f"The number of trials is {trials}. Use 1 or more.")
    if seeds < 0 or seeds == 1:
        raise UsageError(
            f"The number of other seeds is {seeds}. Use 2 or more, since one shows no variation, "
            "or 0 for none."
        )
    if seeds and recipe.own is not None and recipe.own.fixed:
        raise UsageError(
            f"{recipe.name} starts from its own weights, which other seeds would not change. Use "
            "--seeds 0."
        )
