"""The study: in a file, seeded, pruned, and resumed."""

import optuna
import pytest

from fittingroom.errors import RunBusyError, SearchError
from fittingroom.runs import Epoch
from fittingroom.tuning import (
    Setting,
    open_study,
    prune,
    run_trials,
    seed_sampler,
)
from fittingroom.tuning.search import ended
from fittingroom.tuning.study import STUDY

SPACE = (
    Setting("rate", "number", 0.01, 1.0, logarithmic=True),
    Setting("size", "whole number", 2, 40),
    Setting("flip", "switch", 0, 1),
)
FACTS = {"recipe": "made-up", "vary": []}
START = {"rate": 0.1, "size": 10, "flip": False}


def worth(trial):
    """An accuracy that settings are given: the rate decides, the size a little."""
    values = {setting.name: setting.suggested(trial) for setting in SPACE}
    return 0.9 - (values["rate"] - 0.3) ** 2 - values["size"] / 1000


def resume(folder, total, objective=worth, seed=7):
    """Run trials until so many have ended: their settings and values."""
    with open_study(folder, FACTS, START) as study:
        seed_sampler(study, seed)
        study.optimize(
            objective,
            n_trials=total - len(ended(study)),
            callbacks=[lambda study, trial: seed_sampler(study, seed)],
        )
        return [(trial.params, trial.value) for trial in ended(study)]


def test_a_search_that_was_stopped_and_resumed_tries_what_one_in_one_go_tries(tmp_path):
    def stopped(trial):
        worth(trial)
        raise KeyboardInterrupt

    whole = resume(tmp_path / "whole", 14)
    assert whole[0][0] == START
    resume(tmp_path / "pieces", 5)
    with open_study(tmp_path / "pieces", FACTS, START) as study:
        seed_sampler(study, 7)
        worth(study.ask())  # and killed in it
    assert resume(tmp_path / "pieces", 14) == whole
    assert resume(tmp_path / "other", 14, seed=8) != whole


def test_several_trials_at_a_time_are_each_run_once(tmp_path):
    run = []

    def objective(trial):
        run.append(trial.number)
        return worth(trial)

    with open_study(tmp_path, FACTS, START) as study:
        study.ask()  # and killed in it, so that two trials wait when it is opened again
        study.enqueue_trial({**START, "size": 3})
    with open_study(tmp_path, FACTS, START) as study:
        run_trials(study, 12, 4, func=objective)
        assert len(ended(study)) == 12
    assert sorted(run) == list(range(1, 13))


def epoch(number, accuracy):
    return Epoch(number, float(number), 1.0, accuracy, 1.0, accuracy, 0.1)


def test_a_curve_below_the_median_ends_a_trial_and_one_above_does_not(tmp_path):
    def train(study, first, epochs=4):
        trial = study.ask()
        for number in range(1, epochs + 1):
            prune(trial, epoch(number, first if number <= epochs // 4 else 0.6), epochs)
        study.tell(trial, worth(trial))

    with open_study(tmp_path, FACTS, START) as study:
        for accuracy in (0.5, 0.4, 0.5, 0.6, 0.7):
            train(study, accuracy)
        with pytest.raises(optuna.TrialPruned):
            train(study, 0.45)
        train(study, 0.55)
        # The same share of a training twice as long.
        with pytest.raises(optuna.TrialPruned):
            train(study, 0.45, epochs=8)


def test_a_folder_with_another_search_or_one_that_runs_is_refused(tmp_path):
    with open_study(tmp_path, FACTS, START), pytest.raises(RunBusyError):
        open_study(tmp_path, FACTS, START).__enter__()
    other = open_study(tmp_path, {**FACTS, "vary": ["rate"]}, START)
    with pytest.raises(SearchError, match="other vary"), other:
        pass


def test_a_file_that_is_not_a_study_is_refused(tmp_path):
    (tmp_path / STUDY).write_bytes(b"not a database, whatever its name" * 99)
    with pytest.raises(SearchError, match="not a database"), open_study(tmp_path, FACTS, START):
        pass
