"""The study of a search: Optuna's, in a SQLite file, so that it can be stopped and gone on with.

What to try next is Optuna's tree-structured Parzen estimator (Bergstra, Bardenet, Bengio and Kégl
2011, NIPS 24), after ten trials at random. A trial is ended early where its accuracy is below the
median of the others' at the same share of their trainings. Shares and not epochs: trials differ in
epochs, and the learning rate of each follows its schedule to the end of its own.
"""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fittingroom.errors import SearchError, missing_extra
from fittingroom.metrics import Estimate
from fittingroom.runs import Epoch, make_folder
from fittingroom.tuning.results import State, Trial
from fittingroom.tuning.space import Setting, Value

try:
    import filelock
    import optuna
    import sqlalchemy
    from optuna.trial import TrialState

    from fittingroom.tuning.importance import importances
except ModuleNotFoundError as error:
    raise missing_extra(error, "tune") from error

STUDY = "study.db"
_NAME = "search"
# A training is looked at after each of so many equal parts but the last.
PARTS = 4
# Complete trials before a median counts as one.
_FEWEST = 5
# So many that broke down, and no other, end a search.
_HOPELESS = 10
_STATES: Mapping[TrialState, State] = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "unfinished",
    TrialState.WAITING: "unfinished",
}


@contextlib.contextmanager
def open_study(folder: Path, facts: Mapping[str, Any], seed: int) -> Iterator["Study"]:
    """The study in a folder, a new one where there is none, for as long as the context lasts.

    Args:
        folder: made where it is missing.
        facts: what the search is of, as JSON; a study that is there must have been begun with the
            same.
        seed: of what is tried: the same trials, told in the same order, lead to the same ones.

    Raises:
        SearchError: the folder has the study of another search, another process is at work on
            it, or the file cannot be read or written.
    """
    for path in (folder, folder / STUDY):
        if path.is_symlink():  # a stranger's, by which a file elsewhere would be changed
            raise _cannot_use(path, "a link, which is not followed")
    make_folder(folder)
    lock = filelock.FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout as error:
        raise SearchError(
            f"Expected a search that no other process is at work on. Received {folder}, which one "
            "is. Wait until it ends, or name another folder with --out."
        ) from error
    except OSError as error:
        raise _cannot_use(folder / STUDY, error.strerror or str(error)) from error
    try:
        with _quiet(), _told(folder / STUDY):
            storage = _storage(folder / STUDY)
            try:
                yield Study(_open(storage, folder, facts), storage, seed)
            finally:
                storage.remove_session()
                storage.engine.dispose()
    finally:
        lock.release()


class Study:
    """Trials asked for and told, several at a time if need be.

    Trials that a process before this one was stopped in are asked for again, under their numbers.
    """

    def __init__(self, study: optuna.Study, storage: optuna.storages.RDBStorage, seed: int) -> None:
        self._study = study
        self._storage = storage
        self._seed = seed
        self._asked: dict[int, optuna.Trial] = {}
        self._waiting = [
            trial.number for trial in self._frozen() if trial.state == TrialState.RUNNING
        ]

    def __len__(self) -> int:
        """How many trials there are, those that are not finished among them."""
        return len(self._frozen())

    @property
    def waiting(self) -> int:
        """How many trials were stopped in, and not yet asked for again."""
        return len(self._waiting)

    @property
    def hopeless(self) -> bool:
        """Whether ten trials or more broke down, and none did not."""
        states = [trial.state for trial in self._frozen()]
        return len(states) >= _HOPELESS and set(states) == {TrialState.FAIL}

    @property
    def notes(self) -> Mapping[str, Any]:
        """What was noted beside the trials."""
        return self._study.user_attrs

    def note(self, name: str, value: Any) -> None:
        """Note something beside the trials, as JSON."""
        self._study.set_user_attr(name, value)

    def add(self, trial: Trial, space: Sequence[Setting]) -> None:
        """Add a finished trial that was not asked for: the recipe as it was."""
        finished = trial.accuracy is not None
        self._study.add_trial(
            optuna.create_trial(
                state=TrialState.COMPLETE if finished else TrialState.FAIL,
                value=trial.accuracy,
                params={name: _plain(value) for name, value in trial.settings.items()},
                distributions={setting.name: _distribution(setting) for setting in space},
                user_attrs=_attributes(trial),
                intermediate_values=dict(_looked_at(trial.curve, trial.epochs)),
            )
        )

    def ask(self, space: Sequence[Setting]) -> tuple[int, dict[str, Value]]:
        """The number of a trial to be trained, and its settings."""
        number = self._waiting[0] if self._waiting else len(self)
        # Drawn anew for each trial, so that a stopped search goes on as if it had not been.
        drawn = np.random.SeedSequence([self._seed, number]).generate_state(1)
        self._study.sampler = optuna.samplers.TPESampler(seed=int(drawn[0]))
        if self._waiting:
            study = self._storage.get_study_id_from_name(_NAME)
            known = self._storage.get_trial_id_from_study_id_trial_number(study, number)
            trial = optuna.Trial(self._study, known)
            self._waiting.pop(0)
        else:
            trial = self._study.ask()
        values = {setting.name: setting.rounded(_suggest(trial, setting)) for setting in space}
        self._asked[trial.number] = trial
        return trial.number, values

    def goes_on(self, number: int, epoch: Epoch, epochs: int) -> bool:
        """Hear of an epoch of a trial that was asked for; whether its training should go on.

        Args:
            number: the trial's.
            epoch: the one that ended.
            epochs: how many there are to be.
        """
        part = PARTS * epoch.epoch // epochs
        if part == PARTS * (epoch.epoch - 1) // epochs or part == PARTS:
            return True
        trial = self._asked[number]
        if part not in self._frozen()[number].intermediate_values:
            trial.report(epoch.val_accuracy, part)
        return not trial.should_prune()

    def tell(self, trial: Trial) -> None:
        """Finish a trial that was asked for."""
        asked = self._asked.pop(trial.number)
        for name, value in _attributes(trial).items():
            asked.set_user_attr(name, value)
        match trial.state:
            case "complete":
                self._study.tell(asked, trial.accuracy)
            case "pruned":
                self._study.tell(asked, state=TrialState.PRUNED)
            case _:
                self._study.tell(asked, state=TrialState.FAIL)

    def trials(self, space: Sequence[Setting]) -> tuple[Trial, ...]:
        """All trials so far."""
        found = []
        for frozen in self._frozen():
            noted = frozen.user_attrs
            complete = frozen.state == TrialState.COMPLETE
            settings = {
                setting.name: setting.rounded(frozen.params[setting.name])
                if frozen.number
                else frozen.params[setting.name]
                for setting in space
                if setting.name in frozen.params
            }
            found.append(
                Trial(
                    number=frozen.number,
                    settings=settings,
                    state=_STATES[frozen.state],
                    epochs=noted.get("epochs", 0),
                    curve=tuple((seconds, share) for seconds, share in noted.get("curve", ())),
                    accuracy=frozen.value if complete else None,
                    seconds=noted.get("seconds") if complete else None,
                    error=noted.get("error", ""),
                )
            )
        return tuple(found)

    def importance(self) -> tuple[tuple[str, Estimate], ...]:
        """What each setting accounts for; see :func:`fittingroom.tuning.importance.importances`."""
        complete = [trial for trial in self._frozen() if trial.state == TrialState.COMPLETE]
        return importances(complete)

    def _frozen(self) -> list[optuna.trial.FrozenTrial]:
        return self._study.get_trials(deepcopy=False)


def _storage(path: Path) -> optuna.storages.RDBStorage:
    address = sqlalchemy.URL.create("sqlite", database=str(path))
    try:
        return optuna.storages.RDBStorage(address.render_as_string())
    except RuntimeError as error:  # of another version of Optuna
        raise _cannot_use(path, str(error)) from error


def _open(
    storage: optuna.storages.RDBStorage, folder: Path, facts: Mapping[str, Any]
) -> optuna.Study:
    pruner = optuna.pruners.MedianPruner(n_startup_trials=_FEWEST, n_min_trials=_FEWEST)
    study = optuna.create_study(
        storage=storage, study_name=_NAME, direction="maximize", pruner=pruner, load_if_exists=True
    )
    wanted = json.loads(json.dumps(facts))
    found = study.user_attrs.get("facts")
    if found is None and not study.trials:
        study.set_user_attr("facts", wanted)
    elif found != wanted:
        known = found if isinstance(found, dict) else {}
        differ = [name for name in wanted if known.get(name) != wanted[name]]
        raise SearchError(
            f"Expected in {folder} the study of this search, or none. Received that of another "
            f"one, which differs in: {', '.join(differ) or 'all'}. Name another folder with --out."
        )
    return study


def _suggest(trial: optuna.Trial, setting: Setting) -> Value:
    low, high = setting.low, setting.high
    match setting.kind:
        case "switch":
            return bool(trial.suggest_categorical(setting.name, [False, True]))
        case "whole number":
            return trial.suggest_int(setting.name, int(low), int(high), log=setting.logarithmic)
        case _:
            return trial.suggest_float(setting.name, low, high, log=setting.logarithmic)


def _distribution(setting: Setting) -> optuna.distributions.BaseDistribution:
    low, high = setting.low, setting.high
    match setting.kind:
        case "switch":
            return optuna.distributions.CategoricalDistribution([False, True])
        case "whole number":
            return optuna.distributions.IntDistribution(int(low), int(high), setting.logarithmic)
        case _:
            return optuna.distributions.FloatDistribution(low, high, setting.logarithmic)


def _looked_at(curve: Sequence[tuple[float, float]], epochs: int) -> Iterator[tuple[int, float]]:
    """The parts of a training after which it was looked at, and the accuracy there."""
    for number, (_, accuracy) in enumerate(curve, start=1):
        part = PARTS * number // epochs
        if part > PARTS * (number - 1) // epochs and part < PARTS:
            yield part, accuracy


def _attributes(trial: Trial) -> dict[str, Any]:
    return {
        "epochs": trial.epochs,
        "curve": [list(point) for point in trial.curve],
        "seconds": trial.seconds,
        "error": trial.error,
    }


def _plain(value: Value) -> Value:
    return value if isinstance(value, bool | int) else float(value)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Optuna tells only what goes wrong; afterwards what it told before."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    """What goes wrong with the file, as an error of ours."""
    try:
        yield
    except (optuna.exceptions.OptunaError, sqlalchemy.exc.SQLAlchemyError) as error:
        raise _cannot_use(path, str(error.__cause__ or error)) from error


def _cannot_use(path: Path, reason: str) -> SearchError:
    return SearchError(
        f"Expected to read and write the study of a search, {path}. Received: "
        f"{reason.splitlines()[0].rstrip('.')}. Make room, or name another folder with --out."
    )
