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


def test_it_prints_what_it_found_and_where_to_look(cli, tmp_path):
    arguments = (
        "audit",
        "--data",
        "sample",
        "--recipe",
        "logreg",
        "--folds",
        "2",
        "--threads",
        "1",
    )
    code, out, _ = cli(*arguments)
    assert code == 0
    assert "Doubtful labels" in out
    assert "Of 2,500 labels in sample" in out
    code, out, err = cli(*arguments, "--json")
    assert code == 0
    assert "Using the finished audit" in err
    values = json.loads(out)
    assert (tmp_path / values["page"]).is_file()
    assert values["basis"]["folds"] == 2
    assert len(values["doubtful"]) == sum(values["counts"]["doubtful"].values())


def test_wrong_usage_is_told(cli):
    code, _, err = cli("audit", "--data", "sample", "--recipe", "logreg", "--folds", "1")
    assert code == 2
    assert "Expected from 2 to" in err
