"""What is not done for a hostile run folder, beside reading it."""

import json
import os
import shutil
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from fittingroom.errors import (
    DataNotFoundError,
    ExportError,
    PredictionsError,
    RunChangedError,
    RunError,
    UsageError,
)
from fittingroom.jobs.session import Session
from fittingroom.recipes import recipe_of
from fittingroom.runs import log_opening, only_here, open_run, read_openings
from fittingroom.safe_io import read_weights
from tests.hostile.runs import CLASSES, DATA, DEEP, ENVIRONMENT, made


def test_the_run_that_all_of_these_are_made_of_is_read(tmp_path):
    run = open_run(made(tmp_path / "run"))
    assert run.classes == CLASSES
    assert run.validation.correct.all()


def test_an_opening_is_not_logged_through_a_link(tmp_path):
    theirs = tmp_path / "profile"
    theirs.write_text("before")
    (tmp_path / "test-log.jsonl").symlink_to(theirs)
    with pytest.raises(RunError, match="test-log"):
        log_opening(tmp_path, run="$(reboot)", recipe="x", data="x", purpose="x")
    with pytest.raises(RunError, match="symbolic link"):
        read_openings(tmp_path)
    assert theirs.read_text() == "before"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
@pytest.mark.parametrize("read", [False, True])
def test_a_log_that_is_a_pipe_is_not_waited_for(tmp_path, read):
    os.mkfifo(tmp_path / "test-log.jsonl")
    # Even where somebody reads from it, it is no log.
    reader = os.open(tmp_path / "test-log.jsonl", os.O_RDONLY | os.O_NONBLOCK) if read else None
    with pytest.raises(RunError, match="test-log"):
        log_opening(tmp_path, run="x", recipe="x", data="x", purpose="x")
    with pytest.raises(RunError, match="test-log"):
        read_openings(tmp_path)
    if reader is not None:
        os.close(reader)


def test_a_log_of_line_ends_alone_takes_no_time(tmp_path):
    (tmp_path / "test-log.jsonl").write_bytes(b"\n" * 2**26)
    with pytest.raises(RunError, match="lines"):
        read_openings(tmp_path)
    # An honest one has two line ends for each opening.
    (tmp_path / "honest").mkdir()
    log_opening(tmp_path / "honest", run="a", recipe="b", data="c", purpose="d")
    assert len(read_openings(tmp_path / "honest")) == 1


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


def test_scores_are_not_written_through_a_link(tmp_path):
    run = open_run(made(tmp_path / "run"))
    (tmp_path / "outside").mkdir()
    (run.folder / "evaluations").symlink_to(tmp_path / "outside")
    with pytest.raises(RunChangedError, match="leads elsewhere"):
        run.write_evaluation("sample", run.validation, {})
    assert list((tmp_path / "outside").iterdir()) == []


def test_where_a_run_says_that_its_data_is_is_not_opened(tmp_path, monkeypatch):
    from fittingroom.jobs.evaluate import evaluate

    data = {**DATA, "name": "unknown-12345678", "folder": str(tmp_path / "secret")}
    text = json.dumps({**ENVIRONMENT, "data": data})
    monkeypatch.setattr(
        "fittingroom.runs.trained_on.find_dataset", lambda *_, **__: pytest.fail("was opened")
    )
    with pytest.raises(DataNotFoundError, match=r"isn't looked for.*--data"):
        evaluate(made(tmp_path / "run", environment=text), session=Session(threads=1))


def test_weights_are_those_that_the_library_writes(tmp_path):
    arrays: dict[str, Any] = {
        "a": np.arange(6, dtype=np.float32).reshape(2, 3),
        "b": np.zeros((), np.int64),
    }
    save_file(arrays, tmp_path / "w.safetensors", metadata={"x": "y"})
    found = read_weights(tmp_path / "w.safetensors")
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype


KINDS = (".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".keras", ".h5", ".hdf5", ".PT")


@pytest.mark.parametrize("kind", KINDS)
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
