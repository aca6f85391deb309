"""``docs/how-to/after-the-run.md``: its Python, top to bottom, on the embedded sample."""

import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from fittingroom.evaluation import SCORES
from fittingroom.recipes import RECIPES
from tests.conftest import TINY

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[1] / "docs" / "how-to" / "after-the-run.md"
TOOLS = ("torch.utils.tensorboard", "mlflow", "wandb")


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What the page's Python left, with recipes that train in a second and stubs of the tools."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("after"))
        patch.setenv("FITTINGROOM_DATA", "sample")
        for name in ("ann", "cnn"):
            patch.setitem(RECIPES, name, replace(TINY, name=name, epochs=1 + (name == "cnn")))
        for name in TOOLS:
            patch.setitem(sys.modules, name, MagicMock())
        told: dict[str, Any] = {"stub": dict(sys.modules)}
        try:
            for block in re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL):
                exec(compile(block, PAGE.name, "exec"), told)
            told["results"] = json.loads(Path("report-top-3/results.json").read_text("utf-8"))
            told["page"] = Path("report-top-3/index.html").read_text("utf-8")
        finally:
            SCORES.pop("top_3", None)
        yield told


def test_tables_predictions_and_a_metric_of_ones_own_hold_what_was_scored(told):
    assert len(told["classes"]) == 10
    assert list(told["pairs"][["a", "b"]].iloc[0]) == ["ann", "cnn"]
    assert told["latex"].count("\\\\") == 11  # a head and ten classes
    assert told["test"].correct.mean() == told["model"].evaluation.accuracy.value
    assert len(told["wrong"]) == (~told["test"].correct).sum()
    (model,) = told["results"]["models"]
    found = model["evaluation"]["top_3"]
    assert model["evaluation"]["accuracy"]["value"] < found["value"] <= found["high"]
    assert "Top-3 accuracy" in told["page"]


def test_other_tools_get_every_number_of_every_epoch(told):
    lines = (told["run"].folder / "history.jsonl").read_text("utf-8").splitlines()
    epochs = [json.loads(line) for line in lines]
    assert len(epochs) == 2
    boards, mlflow, wandb = (told["stub"][name] for name in TOOLS)
    writer = boards.SummaryWriter.return_value.__enter__.return_value
    assert [each.args for each in writer.add_scalar.call_args_list] == [
        (name, value, each["epoch"]) for each in epochs for name, value in each.items()
    ]
    for log in (mlflow.log_metrics, wandb.init.return_value.__enter__.return_value.log):
        assert [(each.args[0], each.kwargs["step"]) for each in log.call_args_list] == [
            (each, each["epoch"]) for each in epochs
        ]
