"""Does the same training give the same numbers again, and do the same weights elsewhere?

    python -m benchmarks.reproduce [--repeats 10] [--recipes ann-fast cnn-fast logreg keras-ann]

Each recipe is trained repeatedly, each time in a process of its own, first alone and then beside as
many busy processes as there are threads. Every repeat is compared with the first byte for byte:
weights, history except its seconds, validation predictions. Then the weights of the first predict
the validation set with other numbers of threads, by ONNX Runtime and by PyTorch; and the recipe is
trained with other numbers of threads. The test set stays closed. Writes reproduce.json and
reproduce.md; ends with 1 if a repeat differs, or if fewer than 99.9% of the images get the same
class from the same weights.
"""

import argparse
import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks import measure
from benchmarks.inference_peers import torch_logits
from benchmarks.measure import Measured, MeasurementError, in_process, render, say
from fittingroom.data import ImageSet, find_dataset
from fittingroom.jobs.reproduce import compare_predictions, compare_runs
from fittingroom.predict import Predictor
from fittingroom.predictions import Predictions
from fittingroom.recipes import Recipe, recipe_named
from fittingroom.runs import Run, describe_environment, open_run

LEAST_AGREEMENT = 0.999
_RECIPES = ("ann-fast", "cnn-fast", "logreg", "keras-ann")
_BATCH = 500
# What a busy process does: products of matrices, which take a core and its caches.
_BUSY = "import numpy as np\na = np.ones((500, 500), np.float32)\nwhile True: a @ a"


def everything(options: argparse.Namespace, stored: Measured) -> Iterator[Measured]:
    """All recipes, one after another."""
    rows: list[Measured] = []
    for name in options.recipes:
        rows.append(measure_recipe(name, options))
        yield {
            "data": find_dataset(options.data).name,
            "threads": options.threads,
            "environment": describe_environment(),
            "rows": rows,
            "met": met(rows),
        }


def measure_recipe(recipe: str, options: argparse.Namespace) -> Measured:
    """Everything about one recipe."""
    with tempfile.TemporaryDirectory() as runs:

        def trained(threads: int) -> tuple[Run, float]:
            answer = in_process(
                "benchmarks.one_training:train",
                variables={"KERAS_BACKEND": "torch"},
                began=time.time(),
                recipe=recipe,
                epochs=options.epochs,
                data=options.data,
                runs=runs,
                threads=threads,
            )
            if "failure" in answer:
                raise MeasurementError(answer["failure"])
            return open_run(Path(runs) / answer["run"]), answer["others_share"]

        def repeated(where: str, count: int) -> tuple[int, list[float]]:
            identical, shares = 0, []
            for number in range(1, count + 1):
                again, share = trained(options.threads)
                identical += compare_runs(first, again).verdict == "identical"
                shares.append(share)
                say(f"{recipe}, {where}: {identical} of {number} as the first")
            return identical, shares

        first, share = trained(options.threads)
        alone, shares = repeated("alone", options.repeats - 1)
        with _busy(options.threads):
            beside, shares_beside = repeated("beside others", options.repeats)
        others = [each for each in options.other_threads if each != options.threads]
        return {
            "recipe": recipe,
            "epochs": None if first.recipe.in_one_go else len(first.history),
            "images": len(first.validation),
            "half_precision": first.environment["half_precision"],
            # The first is a repeat of itself.
            "alone": {"identical": 1 + alone, "repeats": options.repeats},
            "beside": {"identical": beside, "repeats": options.repeats},
            "others_share": {
                "alone": float(np.median([share, *shares])),
                "beside": float(np.median(shares_beside)),
            },
            "same_weights": same_weights(first, [options.threads, *others], options.data),
            "trained_with_other_threads": [
                {"threads": each, **_apart(first, trained(each)[0])} for each in others
            ],
        }


def same_weights(run: Run, threads: Sequence[int], data: str | None) -> list[Measured]:
    """What a run's weights predict for the validation set here and with other numbers of threads,
    compared with the predictions when it was trained."""
    image_set = find_dataset(data).split(run.recipe.split).validation
    found = [
        ("ONNX Runtime", count, Predictor(run.model_path, count).predict(image_set))
        for count in threads
    ]
    if isinstance(run.recipe, Recipe) and run.recipe.engine == "pytorch":
        found += [("PyTorch", count, _by_torch(run, image_set, count)) for count in threads]
    rows = []
    for by, count, predictions in found:
        compared = compare_predictions(run.validation, predictions)
        rows.append({"by": by, "device": "cpu", "threads": count, **compared})
    return rows


def _apart(run: Run, other: Run) -> Measured:
    values = compare_runs(run, other).as_dict()
    return {name: values[name] for name in ("verdict", "weights", "predictions")}


def _by_torch(run: Run, image_set: ImageSet, threads: int) -> Predictions:
    """What PyTorch predicts with a run's weights."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    logits = torch_logits(run)
    try:
        with torch.inference_mode():
            parts = [
                logits(torch.from_numpy(image_set.images[at : at + _BATCH])).double()
                for at in range(0, len(image_set), _BATCH)
            ]
            logs = (torch.cat(parts) / run.summary.temperature).log_softmax(1).float().numpy()
    finally:
        torch.set_num_threads(before)
    predicted = logs.argmax(axis=1).astype(np.uint8)
    return replace(run.validation, predicted=predicted, log_probabilities=logs)


@contextlib.contextmanager
def _busy(count: int) -> Iterator[None]:
    """So many processes that compute without pause, for as long as the context lasts."""
    started = [subprocess.Popen([sys.executable, "-c", _BUSY]) for _ in range(count)]
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


def met(rows: Sequence[Measured]) -> bool:
    """Whether every repeat gave the same bytes, and the same weights the same classes."""
    return all(
        each["identical"] == each["repeats"]
        for row in rows
        for each in (row["alone"], row["beside"])
    ) and all(
        each["same_class"] / each["images"] >= LEAST_AGREEMENT
        for row in rows
        for each in row["same_weights"]
    )


page = partial(render, "reproduce")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = measure.parser(__doc__)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--recipes", nargs="+", default=list(_RECIPES))
    parser.add_argument("--epochs", type=int, default=2, help="at most so many, of each recipe")
    parser.add_argument("--other-threads", nargs="+", type=int, default=[1, 2, 4])
    options = measure.parse(parser, arguments)
    for name in options.recipes:
        if getattr(recipe_named(name), "shifts", False):  # before hours of others
            parser.error(f"{name}: shifts are in the exported model alone, not in PyTorch's")
    return 0 if measure.run("reproduce", options, everything, page)["met"] else 1


if __name__ == "__main__":
    sys.exit(main())
