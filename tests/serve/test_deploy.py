"""``deploy/``: what the files name exists, and their commands do what they should."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from fittingroom.cli import run

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text("utf-8")
UNIT = (ROOT / "deploy" / "fittingroom.service").read_text("utf-8")
STARTS = {
    "Dockerfile": [
        word
        for line in re.findall(r"^(?:ENTRYPOINT|CMD) (.*)$", DOCKERFILE, re.M)
        for word in json.loads(line)
    ],
    "unit": shlex.split(re.findall(r"^ExecStart=(.*)$", UNIT, re.M)[0]),
}


def test_what_the_image_copies_and_installs_is_there_and_it_runs_without_rights():
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.M)
    assert all((ROOT / name).exists() for line in copied for name in line.split())
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    for extra in re.findall(r"\.\[(.*?)\]", DOCKERFILE + UNIT)[0].split(","):
        assert f"\n{extra} = [" in project
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", DOCKERFILE, re.M)
    assert "\nDynamicUser=yes\n" in UNIT


@pytest.mark.parametrize("name", STARTS)
def test_the_command_is_serve_with_a_token_and_options_that_it_has(name, capsys):
    program, command, *options = STARTS[name]
    assert (Path(program).name, command) == ("fittingroom", "serve")
    assert "--token-file" in options
    assert run(["serve", "--help"]) == 0
    known = capsys.readouterr().out
    assert all(option in known for option in options if option.startswith("--"))


def test_the_health_check_tells_a_server_that_answers_from_none(server):
    (line,) = re.findall(r"^HEALTHCHECK .* CMD (.*)$", DOCKERFILE, re.MULTILINE)
    python, *arguments = json.loads(line)
    assert python == "python"
    for port, well in ((str(server.port), True), ("1", False)):
        command = [sys.executable, *(each.replace("8000", port) for each in arguments)]
        done = subprocess.run(command, capture_output=True, timeout=300, check=False)
        assert (done.returncode == 0) == well
