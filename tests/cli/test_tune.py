import json

import pytest

from fittingroom.cli import run


@pytest.fixture
def cli(capsys, tmp_path, monkeypatch):
    """Runs a command in an empty folder: its exit code, standard output and standard error."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str):
        code = run(list(arguments))
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return code, captured.out, captured.err

    return call


def test_it_says_what_was_found_and_train_and_compare_take_it(cli, tmp_path):
    arguments = (
        *("tune", "ann-fast", "--trials", "3", "--seeds", "0", "--data", "sample"),
        *("--threads", "1", "--vary", "learning_rate", "--vary", "batch_size", "--out", "found"),
    )
    code, out, _ = cli(*arguments)
    assert code == 0
    assert "learning_rate" in out
    assert "The accuracy of the best trial is too optimistic" in out
    assert "The test set was not opened" in out
    assert "To train it: fittingroom train found/tuned.json" in out
    code, out, _ = cli(*arguments, "--json")
    values = json.loads(out)
    assert len(values["trials"]) == 3
    assert (tmp_path / values["page"]).is_file()
    assert not (tmp_path / "runs").exists()
    code, out, _ = cli("train", values["recipe_file"], "--data", "sample", "--set", "epochs=1")
    assert code == 0
    assert "ann-fast-tuned-s0-" in out
    code, out, _ = cli("summary", values["recipe_file"])
    assert code == 0
    assert out.startswith("ann-fast-tuned: ")


def test_wrong_usage_is_told(cli):
    code, _, err = cli("tune", "ann-fast", "--data", "sample", "--vary", "learning-rate")
    assert code == 2
    assert "Did you mean 'learning_rate'" in err
    code, _, err = cli("tune", "ann-fastt", "--data", "sample")
    assert code == 1
    assert "Did you mean 'ann-fast'" in err


def test_a_recipe_s_file_that_is_not_there_is_told_by_train_and_compare(cli):
    for arguments in (("train", "none.json"), ("compare", "none.json", "ann-fast")):
        code, _, err = cli(*arguments, "--data", "sample")
        assert code == 1
        assert "none.json can't be read: No such file" in err
