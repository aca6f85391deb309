"""``doctor``: what is installed, what training would use, and where data and runs are."""

import importlib.util
import os
from pathlib import Path
from typing import Any

import typer

from fittingroom.cli import options
from fittingroom.cli.output import print_json, print_table
from fittingroom.errors import DataError
from fittingroom.runs import available_processors, describe_environment, list_runs

app = typer.Typer()

_NEEDED = {
    "core": "numpy onnxruntime PIL rich typer",
    "train": "torch keras onnx onnxscript skl2onnx safetensors sklearn scipy matplotlib seaborn "
    "jinja2 platformdirs pooch",
    "tune": "optuna sqlalchemy",
}


@app.command()
def doctor(runs: options.Runs = options.RUNS, json: options.Json = False) -> None:
    """Show what is installed, what training would use, and where data and runs are."""
    values = _examine(runs)
    if json:
        print_json(values)
        return
    rows: list[tuple[str, str]] = []
    for name, value in values.items():
        if isinstance(value, dict):
            rows += [(f"{name}: {inner}", str(text)) for inner, text in value.items()]
        else:
            rows.append((name, str(value)))
    print_table(None, ("what", "found"), rows, left=("what", "found"))


def _examine(runs: Path) -> dict[str, Any]:
    environment = describe_environment()
    extras = {}
    for extra, names in _NEEDED.items():
        missing = [name for name in names.split() if importlib.util.find_spec(name) is None]
        extras[extra] = f"not installed: {', '.join(missing)}" if missing else "complete"
    can_train = extras["train"] == "complete"
    return {
        **{name: environment[name] for name in ("python", "platform", "processor", "versions")},
        "extras": extras,
        "device": _device() if can_train else "none; run `pip install 'fittingroom[train]'`",
        "threads": available_processors(),
        "data": _data() if can_train else {},
        "runs": f"{runs.resolve()} ({len(list_runs(runs))} runs)",
    }


def _device() -> str:
    from fittingroom.engines import engine_named

    device = engine_named("pytorch").device(None, None)
    return f"{device.name} ({device.description})"


def _data() -> dict[str, str]:
    from fittingroom.data import find_dataset, survey

    found = {place.what: f"{place.folder}: {place.words}" for place in survey()}
    if named := os.environ.get("FITTINGROOM_DATA"):
        try:
            dataset = find_dataset(named, fetch=False)
            words = f"{dataset.path}: {dataset.name}"
        except DataError as error:
            words = str(error)
        found["FITTINGROOM_DATA, used before all others"] = words
    return found
