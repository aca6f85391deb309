"""The study: asked, told, stopped and gone on with."""

import sqlite3

import optuna
import pytest

from fittingroom.errors import SearchError
from fittingroom.runs import Epoch
from fittingroom.tuning import Setting, Trial
from fittingroom.tuning.importance import FEWEST, importances
from fittingroom.tuning.study import STUDY, open_study

SPACE = (
    Setting("rate", "number", 0.01, 1.0, logarithmic=True),
    Setting("size", "whole number", 2, 40),
    Setting("flip", "switch", 0, 1),
)
FACTS = {"recipe": "made-up", "vary": []}
START = {"rate": 0.1, "size": 10, "flip": False}


def worth(values) -> float:
    """An accuracy that settings are given: the rate decides, the size a little."""
    return 0.9 - (values["rate"] - 0.3) ** 2 - values["size"] / 1000


def finished(number, values, accuracy=None, **changed):
    accuracy = worth(values) if accuracy is None else accuracy
    fields = {"state": "complete", "accuracy": accuracy, "seconds": 2.0, **changed}
    return Trial(number, values, epochs=4, curve=((1.0, 0.5), (2.0, accuracy)), **fields)


def epoch(number, accuracy):
    return Epoch(number, float(number), 1.0, accuracy, 1.0, accuracy, 0.1)


def go_on(study, total):
    """Tell the study trials until there are so many; what each was tried with."""
    if not len(study):
        study.add(finished(0, START), SPACE)
    while len(study) < total or study.waiting:
        number, values = study.ask(SPACE)
        study.tell(finished(number, values))
    return [(trial.number, dict(trial.settings), trial.accuracy) for trial in study.trials(SPACE)]


def test_a_search_in_pieces_tries_what_one_in_one_go_tries(tmp_path):
    with open_study(tmp_path / "whole", FACTS, 7) as study:
        whole = go_on(study, 16)
    with open_study(tmp_path / "pieces", FACTS, 7) as study:
        go_on(study, 5)
    with open_study(tmp_path / "pieces", FACTS, 7) as study:
        go_on(study, 13)
        number, before = study.ask(SPACE)  # and stopped in it
    with open_study(tmp_path / "pieces", FACTS, 7) as study:
        assert study.waiting == 1
        assert study.trials(SPACE)[number].state == "unfinished"
        assert go_on(study, 16) == whole
    assert whole[number][1] == before
    with open_study(tmp_path / "other", FACTS, 8) as study:
        assert go_on(study, 16) != whole


def test_several_trials_can_be_out_at_once_and_come_back_in_any_order(tmp_path):
    with open_study(tmp_path, FACTS, 0) as study:
        study.add(finished(0, START), SPACE)
        asked = [study.ask(SPACE) for _ in range(4)]
        assert [number for number, _ in asked] == [1, 2, 3, 4]
        for number, values in reversed(asked):
            study.tell(finished(number, values))
        told = study.trials(SPACE)
    assert [trial.accuracy for trial in told[1:]] == [worth(values) for _, values in asked]


def test_trials_come_back_as_they_were_told(tmp_path):
    with open_study(tmp_path, FACTS, 0) as study:
        start = finished(0, START)
        study.add(start, SPACE)
        number, values = study.ask(SPACE)
        broken = Trial(number, values, "failed", 4, ((1.0, 0.2),), error="It broke.")
        study.tell(broken)
        study.note("epochs", 9)
    with open_study(tmp_path, FACTS, 0) as study:
        assert study.trials(SPACE) == (start, broken)
        assert study.notes["epochs"] == 9
        assert not study.hopeless


def test_a_curve_below_the_median_ends_a_trial_and_one_above_does_not(tmp_path):
    with open_study(tmp_path, FACTS, 0) as study:
        study.add(
            Trial(
                0, START, "complete", 4, tuple((i + 1.0, 0.5 + i / 10) for i in range(4)), 0.8, 4
            ),
            SPACE,
        )
        for accuracy in (0.4, 0.5, 0.6, 0.7):
            number, values = study.ask(SPACE)
            # Too few are complete for a median to count.
            assert study.goes_on(number, epoch(1, accuracy), 4)
            study.tell(finished(number, values))
        low, _ = study.ask(SPACE)
        high, values = study.ask(SPACE)
        assert not study.goes_on(low, epoch(1, 0.45), 4)
        assert study.goes_on(high, epoch(1, 0.55), 4)
        # The same share of a training twice as long; in between nothing is asked.
        longer, _ = study.ask(SPACE)
        assert study.goes_on(longer, epoch(1, 0.01), 8)
        assert not study.goes_on(longer, epoch(2, 0.45), 8)
        # The end is no place to end early.
        assert study.goes_on(high, epoch(4, 0.01), 4)
        study.tell(Trial(low, values, "pruned", 4, ((1.0, 0.45),)))
        assert study.trials(SPACE)[low].state == "pruned"
        assert study.trials(SPACE)[low].accuracy is None


def test_an_epoch_that_was_heard_of_before_the_stop_is_no_trouble(tmp_path):
    with open_study(tmp_path, FACTS, 0) as study:
        study.add(finished(0, START), SPACE)
        number, _ = study.ask(SPACE)
        study.goes_on(number, epoch(1, 0.5), 4)
    with open_study(tmp_path, FACTS, 0) as study:
        assert study.ask(SPACE)[0] == number
        assert study.goes_on(number, epoch(1, 0.5), 4)  # a warning would be an error here


def test_ten_that_break_down_and_none_that_does_not_are_hopeless(tmp_path):
    with open_study(tmp_path, FACTS, 0) as study:
        for _ in range(10):
            assert not study.hopeless
            number, values = study.ask(SPACE)
            study.tell(Trial(number, values, "failed", 4, error="It broke."))
        assert study.hopeless


def test_another_search_in_the_folder_is_refused_and_left_alone(tmp_path):
    with open_study(tmp_path, FACTS, 0) as study:
        study.add(finished(0, START), SPACE)
    with (
        pytest.raises(SearchError, match=r"differs in: vary\. Name another folder with --out"),
        open_study(tmp_path, {**FACTS, "vary": ["rate"]}, 0),
    ):
        pass
    with open_study(tmp_path, FACTS, 0) as study:
        assert len(study) == 1


def test_a_search_that_goes_on_elsewhere_is_refused(tmp_path):
    with (
        open_study(tmp_path, FACTS, 0),
        pytest.raises(SearchError, match="no other process"),
        open_study(tmp_path, FACTS, 0),
    ):
        pass
    with open_study(tmp_path, FACTS, 0):  # and free again
        pass


def test_a_file_that_is_no_study_is_told_in_one_sentence(tmp_path):
    (tmp_path / STUDY).write_bytes(b"not a database, whatever it is called" * 99)
    with (
        pytest.raises(SearchError, match=r"study of a search.*not a database"),
        open_study(tmp_path, FACTS, 0),
    ):
        pass
    (tmp_path / STUDY).unlink()
    with sqlite3.connect(tmp_path / STUDY) as connection:
        connection.execute("create table studies (something text)")
    connection.close()
    with pytest.raises(SearchError), open_study(tmp_path, FACTS, 0):
        pass


def test_a_study_of_another_version_of_optuna_is_told_in_one_sentence(tmp_path):
    with open_study(tmp_path, FACTS, 0):
        pass
    with sqlite3.connect(tmp_path / STUDY) as connection:
        connection.execute("update alembic_version set version_num = 'v99.0.0'")
    connection.close()
    with (
        pytest.raises(SearchError, match=r"study of a search.*version.*--out\."),
        open_study(tmp_path, FACTS, 0),
    ):
        pass


@pytest.mark.parametrize("linked", ["folder", "file"])
def test_a_study_through_a_link_is_refused(tmp_path, linked):
    outside, search = tmp_path / "outside", tmp_path / "search"
    outside.mkdir()
    if linked == "folder":
        search.symlink_to(outside)
    else:
        search.mkdir()
        (search / "study.db").symlink_to(outside / "study.db")
    with pytest.raises(SearchError, match="a link"), open_study(search, {}, 0):
        pass
    assert not list(outside.iterdir())


def test_a_folder_that_cannot_be_locked_is_told_in_one_sentence(tmp_path):
    (tmp_path / ".lock").mkdir()
    with pytest.raises(SearchError, match=r"Is a directory\."), open_study(tmp_path, FACTS, 0):
        pass


@pytest.mark.parametrize("name", ["what?", "100%41", "a#b", "a b+c", "Käse;&"])
def test_a_folder_of_any_name_has_its_study(tmp_path, name):
    with open_study(tmp_path / name, FACTS, 0):
        pass
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name / STUDY).stat().st_size > 0


def test_optuna_says_as_much_afterwards_as_before(tmp_path):
    before = optuna.logging.get_verbosity()
    with open_study(tmp_path, FACTS, 0):
        assert optuna.logging.get_verbosity() == optuna.logging.WARNING
    assert optuna.logging.get_verbosity() == before


def test_what_decides_is_found_to_decide(tmp_path):
    with open_study(tmp_path, FACTS, 0) as study:
        go_on(study, FEWEST - 1)
        assert study.importance() == ()
        go_on(study, 25)
        found = study.importance()
    assert found[0][0] == "rate"
    assert {name for name, _ in found} == {"rate", "size", "flip"}
    assert sum(share.value for _, share in found) == pytest.approx(1)
    assert all(0 <= share.low <= share.value <= share.high <= 1 for _, share in found)


def test_trials_that_do_not_differ_say_nothing():
    distribution: dict[str, optuna.distributions.BaseDistribution] = {
        "rate": optuna.distributions.FloatDistribution(0, 1)
    }
    trials = [
        optuna.create_trial(value=0.5, params={"rate": at / 20}, distributions=distribution)
        for at in range(12)
    ]
    assert importances(trials) == ()
