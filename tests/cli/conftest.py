"""A command, run in an empty folder."""

from collections.abc import Callable

import pytest

from fittingroom.cli import run
from fittingroom.recipes import RECIPES

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cli(capsys, tmp_path, monkeypatch, tiny) -> Cli:
    """Runs a command in an empty folder: its exit code, standard output and standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(RECIPES, "tiny", tiny)

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(list(arguments))
        captured = capsys.readouterr()
        assert "Traceback (most recent" not in captured.err
        return code, captured.out, captured.err

    return call
