"""The study of a search: Optuna's, in a SQLite file, so that a search can be resumed.

Optuna's tree-structured Parzen estimator (Bergstra, Bardenet, Bengio and Kégl 2011, NIPS 24)
suggests settings, after ten random trials. Its median pruner ends a trial early if its accuracy is
below the median of the others at the same share of their trainings. Shares rather than epochs,
since trials differ in their number of epochs, and each one's learning rate falls until its own end.
"""

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import sqlalchemy
from optuna.trial import TrialState

from fittingroom.errors import SearchError
from fittingroom.runs import Epoch, make_folder, only_here
from fittingroom.tuning.search import ended
from fittingroom.tuning.space import Value

STUDY = "study.db"
_NAME = "search"
# A training is looked at after each of so many equal parts but the last.
_PARTS = 4
# Complete trials that a median needs.
_FEWEST = 5


@contextlib.contextmanager
def open_study(
    folder: Path, facts: Mapping[str, Any], start: Mapping[str, Value]
) -> Iterator[optuna.Study]:
    """The study in a folder, a new one if there is none, for as long as the context lasts.

    A trial in which an earlier process was stopped is tried again. A study that is there must have
    the same facts; a new one tries the original recipe's settings first.
    """
    path = make_folder(folder) / STUDY
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with only_here(folder, _NAME):
            url = sqlalchemy.URL.create("sqlite", database=str(path)).render_as_string()
            storage = optuna.storages.RDBStorage(url)
            try:
                yield _open(storage, folder, json.loads(json.dumps(facts)), start)
            finally:
                storage.remove_session()
                storage.engine.dispose()
    except (optuna.exceptions.OptunaError, sqlalchemy.exc.SQLAlchemyError) as error:
        reason = str(error.__cause__ or error).splitlines()[0]
        raise SearchError(
            f"The study {path} cannot be read or written: {reason}. Free some space, or name "
            "another folder with --out."
        ) from error


def _open(
    storage: optuna.storages.RDBStorage, folder: Path, facts: Any, start: Mapping[str, Value]
) -> optuna.Study:
    study = optuna.create_study(
        storage=storage,
        study_name=_NAME,
        direction="maximize",
        pruner=optuna.pruners.MedianPruner(n_startup_trials=_FEWEST, n_min_trials=_FEWEST),
        load_if_exists=True,
    )
    if not study.trials:
        study.set_user_attr("facts", facts)
        study.enqueue_trial(dict(start), {"start": True})
    found = study.user_attrs.get("facts", {})
    differ = [name for name in facts if found.get(name) != facts[name]]
    if differ:
        raise SearchError(
            f"{folder} holds another search, with other {', '.join(differ)}. Name another folder "
            "with --out."
        )
    for trial in study.trials:
        if trial.state == TrialState.RUNNING:
            study.tell(trial.number, state=TrialState.FAIL)
            study.enqueue_trial(trial.params, trial.user_attrs)
    return study


def run_trials(study: optuna.Study, count: int, at_a_time: int, **options: Any) -> None:
    """Run trials; `options` are those of ``optuna.Study.optimize``.

    Trials that wait in the study (the original recipe, and those that were stopped) run first and
    one by one: of a SQLite study, two threads may take the same one.
    """
    waiting = sum(trial.state == TrialState.WAITING for trial in study.trials)
    first = min(waiting, count)
    study.optimize(n_trials=first, **options)
    study.optimize(n_trials=count - first, n_jobs=at_a_time, **options)


def seed_sampler(study: optuna.Study, seed: int) -> None:
    """Draw the next suggestion from a seed and the number of trials that ended, so that a search
    which was stopped and resumed tries the same as one that was not."""
    drawn = np.random.SeedSequence([seed, len(ended(study))]).generate_state(1)
    study.sampler = optuna.samplers.TPESampler(seed=int(drawn[0]))


def prune(trial: optuna.Trial, epoch: Epoch, epochs: int) -> None:
    """Report an epoch of a trial, of so many in all; ``TrialPruned`` says that it should end."""
    part = _PARTS * epoch.epoch // epochs
    if part == _PARTS * (epoch.epoch - 1) // epochs or part == _PARTS:
        return
    trial.report(epoch.val_accuracy, part)
    if "start" not in trial.user_attrs and trial.should_prune():
        raise optuna.TrialPruned
