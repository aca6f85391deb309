"""Tune: try settings of a recipe on validation, keep the best, and say what its lead is worth."""

import dataclasses
import functools
import importlib.metadata
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fittingroom import networks
from fittingroom.data import Dataset, Split
from fittingroom.engines import Device, engine_named
from fittingroom.errors import TrainingError, TrainingStopped, UsageError
from fittingroom.jobs.progress import Advance, Progress
from fittingroom.jobs.seeds import check_place
from fittingroom.jobs.session import Session
from fittingroom.jobs.stopping import Stopping, stops_between_epochs
from fittingroom.jobs.train import train
from fittingroom.jobs.trials import Assignment, Outcome, Trainings, one_by_one
from fittingroom.metrics import wilson
from fittingroom.recipes import BaseRecipe, Recipe, recipe_of
from fittingroom.reporting.tune_page import tune_page
from fittingroom.runs import Epoch, Run, describe_environment, run_name, write_file
from fittingroom.tuning import (
    Retrained,
    Search,
    Setting,
    Trial,
    search_space,
    settings_of,
    with_values,
)
from fittingroom.tuning.results import planned_epochs

if TYPE_CHECKING:
    from fittingroom.tuning.study import Study

TRIALS = 20
SEEDS = 3


@dataclass(frozen=True, eq=False)
class Tuned:
    """What a search left.

    Attributes:
        search: its trials, and what follows from them.
        folder: the study, ``search.json`` and the page.
        recipe: the recipe of the best trial, as a file that ``train`` takes; None for a model of a
            person's own, whose code no file of ours holds.
        page: the page of the search.
    """

    search: Search
    folder: Path
    recipe: Path | None
    page: Path


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
) -> Tuned:
    """Search hyper-parameters of a recipe on validation, or go on with a search.

    The recipe itself is the first trial. The test half is not opened. A search that was stopped
    goes on where it was when it is asked for again, and one that is done is extended by more
    trials.

    Args:
        recipe: as for :func:`fittingroom.train`.
        trials: how many in all, those of earlier calls among them.
        vary: the names of the only settings that are varied; ``docs/how-to/tune.md`` lists them.
        seeds: the best trial and the recipe as it was are trained anew with so many other seeds,
            into ``runs``, after the search; from 2, or 0 to leave that out.
        seed: of every trial, and of what is tried.
        out: the folder of the search; None for one of its own in ``runs``.
        on: ``"ray"`` has as many trials at a time as a Ray cluster has room for, so that what is
            tried depends on which ended first; None one after the other, here.
        session: data, folder of runs, device, threads and listener; None for the defaults.

    Raises:
        ClusterError: the cluster is not there, or a machine of it has other packages.
        UsageError: fewer than one trial, a setting that cannot vary, one
            seed, or several of a model whose weights no seed draws.
        MissingExtraError: Optuna is not installed.
        SearchError: the folder has another search, or another process is at work on it.
        TrainingError: no trial could be trained, or one with another seed could not; the search is
            written before.
        TrainingStopped: Ctrl-C or SIGTERM, once the epoch was finished.
    """
    from fittingroom.tuning.study import open_study

    session = session or Session()
    dataset, progress = session.dataset, session.progress
    _check(trials, seeds)
    check_place(on)
    chosen = recipe_of(recipe).for_classes(len(dataset.classes))
    if seeds and chosen.own is not None and chosen.own.fixed:
        raise UsageError(
            f"Expected no other seeds (--seeds 0) for {chosen.name}, a model that starts from "
            f"weights of its own, which seeds would not draw. Received {seeds}."
        )
    engine = engine_named(chosen.engine)
    place = engine.device(session.device, session.threads)
    split = dataset.split(chosen.split)
    search_space(chosen, pictures=len(split.training), vary=vary)  # what cannot vary is told first
    if isinstance(chosen, Recipe) and chosen.own is None:
        networks.check_classifier(chosen.layers, len(split.classes))
    if chosen.own is not None:
        engine.rehearse(chosen, chosen.own, split, seed=seed, device=place)
    facts = {
        "recipe": chosen.name,
        "settings": chosen.key,
        "data": dataset.key,
        "vary": sorted(set(vary)),
        "seed": seed,
    }
    folder = Path(out) if out is not None else session.folder / _name(chosen, seed, dataset, vary)
    how_to_go_on = (
        f"Stopped. What was tried is kept in {folder}; the same command goes on from there."
    )
    with (
        open_study(folder, facts, seed) as study,
        stops_between_epochs(progress, how_to_go_on, "this epoch is") as stopping,
        _trainings(on, split, place) as trainings,
    ):
        job = _Job(study, chosen, seed, vary, split, progress, stopping)
        job.search(trainings, trials)
        search = job.outcome(dataset, place)
        again = functools.partial(
            _run_of, session=dataclasses.replace(session, device=place.name, threads=place.threads)
        )
        written = _written(search, folder)  # whatever comes of the trainings that follow
        if seeds and search.start is not None and search.best.number != 0:
            try:
                search = dataclasses.replace(search, retrained=_retrained(search, seeds, again))
            except TrainingStopped as stopped:
                raise TrainingStopped(stopped.signal, how_to_go_on) from None
            except TrainingError as error:
                raise TrainingError(
                    f"{error} The search itself is in {folder}; what its lead is worth with other "
                    "seeds cannot be said. `--seeds 0` leaves these trainings out."
                ) from error
            written = _written(search, folder)
        return written


@contextmanager
def _trainings(on: str | None, split: Split, place: Device) -> Iterator[Trainings]:
    """What trains trials, for as long as the context lasts."""
    if on is None:
        yield one_by_one(split, place)
        return
    from fittingroom.jobs.cluster.connection import check_machines, connected
    from fittingroom.jobs.cluster.trials import on_cluster

    with connected() as ray:
        check_machines(ray)
        yield on_cluster(ray, split, place.name, place.threads)


class _Job:
    """A search under way."""

    def __init__(
        self,
        study: "Study",
        recipe: BaseRecipe,
        seed: int,
        vary: Sequence[str],
        split: Split,
        progress: Progress,
        stopping: Stopping,
    ) -> None:
        self.study = study
        self.recipe = recipe
        self.seed = seed
        self.vary = vary
        self.split = split
        self.progress = progress
        self.stopping = stopping
        self.space: tuple[Setting, ...] = ()
        self.planned: dict[int, int] = {}
        self.settings: dict[int, Any] = {}

    def search(self, trainings: Trainings, trials: int) -> None:
        """Train trials until there are so many."""
        with self.progress.track(f"{self.recipe.name}, trials", trials) as advance:
            if not len(self.study):
                self._first(trainings, advance)
            self.space = self._space(self.study.notes["epochs"])
            for assignment, outcome in trainings(self._asked(trials), self._goes_on):
                self.study.tell(self._trial(assignment, outcome))
                self._say(advance)

    def outcome(self, dataset: Dataset, place: Device) -> Search:
        """What there is so far.

        Raises:
            TrainingError: no trial could be trained.
        """
        trials = self.study.trials(self.space)
        if all(trial.state != "complete" for trial in trials):
            raise TrainingError(
                f"Expected a trial of {self.recipe.name} that can be trained to its end. Received "
                f"{len(trials)} that cannot. {trials[-1].error}"
            )
        return Search(
            recipe=self.recipe,
            data=dataset.name,
            official=dataset.official,
            training=len(self.split.training),
            validation=len(self.split.validation),
            seed=self.seed,
            space=self.space,
            trials=trials,
            importance=self.study.importance(),
            environment={
                **describe_environment(),
                "device": place.name,
                "device_description": place.description,
                "threads": place.threads,
                "optuna": importlib.metadata.version("optuna"),
            },
        )

    def _first(self, trainings: Trainings, advance: Advance) -> None:
        """Train the recipe as it is, alone."""
        first = Assignment(0, self.recipe, self.seed)
        self.planned[0] = planned_epochs(self.recipe)
        # Whatever its curve, it is what the others are held against.
        (_, outcome), *_ = trainings(iter([first]), self._always_goes_on)
        epochs = self.planned[0]
        space = self._space(epochs)
        self.study.note("epochs", epochs)
        self.settings[0] = settings_of(self.recipe, space)
        self.study.add(self._trial(first, outcome), space)
        self._say(advance)

    def _asked(self, most: int) -> Iterator[Assignment]:
        """Trials to be trained, each asked for when there is a place for it."""
        while True:
            if not self.study.waiting and len(self.study) >= most:
                return
            if self.study.hopeless:
                return
            number, values = self.study.ask(self.space)
            recipe = with_values(self.recipe, values)
            self.settings[number], self.planned[number] = values, planned_epochs(recipe)
            yield Assignment(number, recipe, self.seed)

    def _always_goes_on(self, number: int, epoch: Epoch) -> bool:
        self.stopping.check()
        return True

    def _goes_on(self, number: int, epoch: Epoch) -> bool:
        self.stopping.check()
        return self.study.goes_on(number, epoch, self.planned[number])

    def _space(self, epochs: int) -> tuple[Setting, ...]:
        pictures = len(self.split.training)
        return search_space(self.recipe, pictures=pictures, epochs=epochs, vary=self.vary)

    def _trial(self, assignment: Assignment, outcome: Outcome) -> Trial:
        number = assignment.number
        return Trial(
            number=number,
            settings=self.settings[number],
            state=outcome.state,
            epochs=self.planned[number],
            curve=tuple((epoch.seconds, epoch.val_accuracy) for epoch in outcome.history),
            accuracy=outcome.accuracy,
            seconds=outcome.seconds,
            error=outcome.error,
        )

    def _say(self, advance: Advance) -> None:
        trials = self.study.trials(self.space)
        done = sum(trial.state != "unfinished" for trial in trials)
        best = max((trial.accuracy for trial in trials if trial.accuracy is not None), default=None)
        if best is not None:
            right = wilson(round(best * len(self.split.validation)), len(self.split.validation))
            advance(done, f"best on validation {right.percent}")


def _retrained(search: Search, seeds: int, again: Any) -> Retrained:
    """The best trial and the recipe as it was, with seeds that the search did not use."""
    others = [number for number in range(seeds + 1) if number != search.seed][:seeds]
    both = [
        np.stack([again(recipe, number).validation.correct for number in others])
        for recipe in (search.recipe, search.tuned)
    ]
    return Retrained.of(others, *both)


def _run_of(
    recipe: BaseRecipe,
    seed: int,
    *,
    session: Session,
) -> Run:
    """The finished run of a recipe and seed, or a new one."""
    return train(recipe, seed=seed, resume=True, session=session)


def _written(search: Search, folder: Path) -> Tuned:
    """Everything but the study itself, the page last."""
    recipe, page = folder / "tuned.json", folder / "index.html"
    own = search.recipe.own is not None
    if not own:
        write_file(recipe, _json(search.tuned.to_json()))
    write_file(folder / "search.json", _json(search.as_dict()))
    write_file(page, tune_page(search, None if own else str(recipe)))
    return Tuned(search, folder, None if own else recipe, page)


def _check(trials: int, seeds: int) -> None:
    if type(trials) is not int or trials < 1:
        raise UsageError(f"Expected a whole number of trials from 1. Received {trials}.")
    if type(seeds) is not int or seeds < 0 or seeds == 1:
        raise UsageError(
            f"Expected two or more other seeds, whose spread can be seen, or 0 for none. Received "
            f"{seeds}."
        )


def _name(recipe: BaseRecipe, seed: int, dataset: Dataset, vary: Sequence[str]) -> str:
    """``tune-RECIPE-sSEED-XXXX``: the last part tells apart other settings and other data."""
    return "tune-" + run_name(recipe, seed, f"{dataset.key} {sorted(set(vary))}")


def _json(values: Any) -> bytes:
    return (json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()
