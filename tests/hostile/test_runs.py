"""What is not done for a hostile run folder, beside reading it."""

import json
import os
import shutil

import pytest

from fittingroom.cli import run as cli_run
from fittingroom.errors import (
    DataNotFoundError,
    ExportError,
    PredictionsError,
    RunChangedError,
    RunError,
    UsageError,
)
from fittingroom.jobs.others import named_others
from fittingroom.jobs.session import Session
from fittingroom.recipes import recipe_of
from fittingroom.runs import RunWriter, log_opening, only_here, open_run, read_openings
from fittingroom.runs.folder import read_failure
from tests.hostile.runs import CLASSES, DATA, DEEP, ENVIRONMENT, made


def test_the_run_that_all_of_these_are_made_of_is_read(tmp_path):
    run = open_run(made(tmp_path / "run"))
    assert run.classes == CLASSES
    assert run.validation.correct.all()


def test_an_opening_is_not_logged_through_a_link(tmp_path):
    theirs = tmp_path / "profile"
    theirs.write_text("before")
    (tmp_path / "test-log.jsonl").symlink_to(theirs)
    with pytest.raises(RunError, match="is a link"):
        log_opening(tmp_path, run="$(reboot)", recipe="x", data="x", purpose="x")
    with pytest.raises(RunError, match="symbolic link"):
        read_openings(tmp_path)
    assert theirs.read_text() == "before"


def test_a_log_of_line_ends_alone_takes_no_time(tmp_path):
    (tmp_path / "test-log.jsonl").write_bytes(b"\n" * 2**26)
    with pytest.raises(RunError, match="at most"):
        read_openings(tmp_path)


def test_locks_are_not_made_through_a_link(tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / ".locks").symlink_to(tmp_path / "outside")
    with pytest.raises(RunError, match="is a link"), only_here(tmp_path / "runs", "name"):
        pass
    assert not list((tmp_path / "outside").iterdir())


def test_what_is_no_opening_is_passed_over(tmp_path):
    names = ("time", "run", "recipe", "data", "purpose", "revision")
    lines = [DEEP, "[]", '{"time": 1}', json.dumps({name: ["x"] for name in names})]
    (tmp_path / "test-log.jsonl").write_text("\n".join(lines))
    assert read_openings(tmp_path) == ()


def test_half_characters_are_replaced_on_reading_and_on_logging(tmp_path):
    name = os.fsdecode(b"s\xff")
    log_opening(tmp_path, run=name, recipe=name, data="x", purpose="x")
    line = (tmp_path / "test-log.jsonl").read_text().replace("\\ufffd", "\\ud800")
    (tmp_path / "test-log.jsonl").write_text(2 * line)
    assert [each.run for each in read_openings(tmp_path)] == ["s�", "s�"]
    text = json.dumps({**ENVIRONMENT, "device": "\ud800 😀"})
    run = open_run(made(tmp_path / "run", environment=text))
    assert run.environment["device"] == "� 😀"
    RunWriter(tmp_path).fail(ValueError(name))
    assert read_failure(tmp_path) == "s�"
    assert named_others([tmp_path / f"{name}.csv"])[0][0] == "s�"


def test_one_run_whose_scores_were_changed_hides_no_other(tmp_path, capsys):
    for name in ("bad", "fine"):
        run = open_run(made(tmp_path / name))
        run.write_evaluation("sample", run.validation, {})
    scores = tmp_path / "bad" / "evaluations" / "sample"
    (scores / "evaluation.json").write_text("[]")
    assert cli_run(["runs", "--runs", str(tmp_path), "--json"]) == 0
    printed = capsys.readouterr()
    bad, fine = json.loads(printed.out)
    assert (bad["test_accuracy"], list(fine["test_accuracy"])) == ({}, ["sample"])
    assert f"Remove {scores} and evaluate the run again." in printed.err


def test_scores_are_not_written_through_a_link(tmp_path):
    run = open_run(made(tmp_path / "run"))
    (tmp_path / "outside").mkdir()
    (run.folder / "evaluations").symlink_to(tmp_path / "outside")
    with pytest.raises(RunChangedError, match="leads elsewhere"):
        run.write_evaluation("sample", run.validation, {})
    assert list((tmp_path / "outside").iterdir()) == []


def test_where_a_run_says_that_its_data_is_is_not_opened(tmp_path, monkeypatch):
    from fittingroom.jobs.evaluate import evaluate

    data = {**DATA, "name": "unknown-12345678", "source": {"path": str(tmp_path / "secret")}}
    text = json.dumps({**ENVIRONMENT, "data": data})
    monkeypatch.setattr(
        "fittingroom.jobs.session.find_dataset", lambda *_, **__: pytest.fail("was opened")
    )
    with pytest.raises(DataNotFoundError, match=r"was trained on .*--data"):
        evaluate(made(tmp_path / "run", environment=text), session=Session(threads=1))


@pytest.mark.parametrize("kind", [".PT", ".pkl", ".keras"])
def test_models_that_can_run_code_are_never_opened(kind, tmp_path):
    from fittingroom.jobs.compare import compare
    from fittingroom.jobs.evaluate import evaluate
    from fittingroom.jobs.export import export_run
    from fittingroom.jobs.report import report
    from fittingroom.predict import Predictor

    path = tmp_path / f"model{kind}"
    os.mkfifo(path)  # whoever opens it waits for ever
    words = r"never opened.*fittingroom\.train.*--with"
    with pytest.raises(ExportError, match=words):
        Predictor(path)
    with pytest.raises(UsageError, match=words):
        recipe_of(str(path))
    for call in (
        lambda: open_run(path),
        lambda: evaluate(path, session=Session(threads=1)),
        lambda: report([path]),
        lambda: export_run(path, to="onnx", out=tmp_path / "x.onnx"),
    ):
        with pytest.raises(RunError, match=words):
            call()
    with pytest.raises((RunError, UsageError), match=words):
        compare([str(path), "ann"], session=Session(data="sample", runs=tmp_path))
    with pytest.raises(PredictionsError, match=words):
        compare(["ann"], others=[path], session=Session(data="sample", runs=tmp_path))
    shutil.rmtree(tmp_path)
