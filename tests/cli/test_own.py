"""Your own model on the command line: what is printed where, and answers to mistakes."""

import hashlib
import json
from pathlib import Path

import pytest

FILE = """
import torch
from torch import nn

print("loading")

class Linear(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(784, 10)

    def forward(self, x):
        return self.last(x.flatten(1))

def build():
    print("building")
    return Linear()

class Broken(Linear):
    def forward(self, x):
        return self.last(x)
"""


@pytest.fixture(autouse=True)
def _file(tmp_path):
    (tmp_path / "nets.py").write_text(FILE)


def train(cli, name="build", *arguments):
    settings = ("--data", "sample", "--threads", "1", "--set", "epochs=1", *arguments)
    return cli("train", f"nets.py:{name}", *settings)


@pytest.mark.slow
def test_results_go_to_standard_output_and_what_its_code_prints_does_not(cli):
    code, out, err = train(cli, "build", "--json")
    assert code == 0
    assert json.loads(out)["recipe"] == "nets"
    assert err.splitlines()[0] == "loading"
    assert "building" in err
    assert "nets: trying out the model and its export" in err
    code, out, _ = cli("runs", "--json")
    (listed,) = json.loads(out)
    assert (listed["parameters"], listed["state"]) == (7850, "finished")
    code, _, err = cli("export", listed["run"], "--to", "keras", "--out", "a.keras")
    assert code == 1
    assert "can't be exported to keras" in err
    code, out, _ = cli("export", listed["run"], "--to", "onnx", "--out", "a.onnx")
    assert code == 0


def test_summary_shows_what_the_model_prints(cli):
    code, out, _ = cli("summary", "nets.py:build")
    assert code == 0
    assert out.splitlines()[0] == "nets: Own model: nets.py:build"
    assert "(last): Linear(in_features=784, out_features=10, bias=True)" in out
    code, out, _ = cli("summary", "nets.py:build", "--json")
    values = json.loads(out)
    own = values["own"]
    assert (own["origin"], own["fixed"]) == ("nets.py:build", False)
    assert own["sha256"] == hashlib.sha256(FILE.encode()).hexdigest()
    assert "in_features=784" in own["layers"]
    assert values["printed"].startswith("Linear(")


def test_an_error_in_its_code_ends_with_its_own_lines(cli, tmp_path):
    code, out, err = train(cli, "Broken")
    assert (code, out) == (1, "")
    lines = err.rstrip().splitlines()
    number = FILE[: FILE.index("self.last(x)\n")].count("\n") + 1
    assert f'  File "{tmp_path / "nets.py"}", line {number}, in forward' in lines
    assert lines[-1].startswith("RuntimeError: mat1 and mat2 shapes cannot be multiplied")
    assert "fittingroom/engines" not in err
    assert not Path("runs").exists()
