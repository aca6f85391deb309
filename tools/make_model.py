"""Make the model inside the package again from the real data: `python tools/make_model.py`.

It trains the recipe, unless the folder of runs has a finished run of it, and scores it on the test
set once. Then it puts the model, the numbers of its run and a manifest into the package.
"""

import argparse
import json
import shutil
from pathlib import Path

from fittingroom.cli.output import Display
from fittingroom.data import find_dataset
from fittingroom.errors import ExportError
from fittingroom.evaluation import ModelReport
from fittingroom.jobs.evaluate import evaluate
from fittingroom.jobs.session import Session
from fittingroom.jobs.train import train
from fittingroom.predict import Model
from fittingroom.predict.packaged import FOLDER
from fittingroom.recipes import recipe_of
from fittingroom.runs import Run, find_run, make_folder, write_file
from fittingroom.runs.stored import write_manifest

RECIPE = "cnn-tiny"
SEED = 0
MOST_BYTES = 600_000


def numbers(run: Run, evaluated: ModelReport) -> dict[str, object]:
    """What is known of the run, without where it was made."""
    model, accuracy = Model(run.model_path), evaluated.evaluation.accuracy
    return {
        "name": run.recipe.name,
        "recipe": run.recipe.name,
        "seed": run.seed,
        "data": evaluated.data,
        "parameters": run.summary.parameters,
        "operations": run.summary.operations,
        "seconds": round(run.summary.seconds, 2),
        "device": run.environment["device_description"],
        "validation_accuracy": run.summary.validation_accuracy,
        "test_accuracy": accuracy.value,
        "test_interval": [accuracy.low, accuracy.high],
        "temperature": run.summary.temperature,
        "unsure": model.thresholds.unsure,
        "unknown": model.thresholds.unknown,
        "bytes": run.summary.model_bytes,
    }


def make_model(folder: Path, runs: Path, data: str | Path | None = None) -> Run:
    """Put the model into a folder, and give the run that it came from.

    Raises:
        ExportError: it is too large for the package.
        FittingRoomError: training or scoring failed.
    """
    dataset, recipe = find_dataset(data), recipe_of(RECIPE)
    run = find_run(runs, recipe, SEED, dataset) or train(
        recipe, seed=SEED, session=Session(data=dataset, runs=runs, progress=Display())
    )
    if run.summary.model_bytes > MOST_BYTES:
        raise ExportError(
            f"The model of {RECIPE} has {run.summary.model_bytes:,} bytes; the package takes at "
            f"most {MOST_BYTES:,}. Choose a smaller recipe."
        )
    evaluated = evaluate(
        run, session=Session(data=dataset, progress=Display()), purpose="model of the package"
    )
    make_folder(folder)
    for name in ("model.onnx", "recipe.json"):
        shutil.copyfile(run.folder / name, folder / name)
    text = json.dumps(numbers(run, evaluated), indent=2, ensure_ascii=False) + "\n"
    write_file(folder / "numbers.json", text.encode())
    write_manifest(folder)
    return run


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", help="the folder of the real data; left out: from wherever")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="the folder of runs")
    parser.add_argument("--out", type=Path, default=FOLDER, help="left out: the package")
    options = parser.parse_args()
    made = make_model(options.out, options.runs, options.data)
    print(f"{options.out}: {made.name}, {made.summary.model_bytes:,} bytes")
