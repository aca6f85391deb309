"""Are the same numbers had again? Trainings repeated, and the same weights in other places.

    python benchmarks/reproduce.py [--repeats 10] [--recipes ann-fast cnn-fast logreg keras-ann]

Each recipe is trained again and again, each time in a process of its own, first with nothing
started beside it and then with as many busy processes as there are threads; every repeat is held
against the first byte for byte: weights, history but for seconds, validation predictions. Then the
weights of the first are asked about the validation half with other threads and, where there is one,
on a GPU, by ONNX Runtime and by PyTorch; and the recipe is trained with other threads. The test
half stays shut. It writes ``reproduce.json`` and ``reproduce.md``; ends with 1 where a repeat
differs, or fewer than 99.9% of pictures get the same class from the same weights.
"""

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    # In place of this folder, whose statistics.py would hide Python's own.
    sys.path[0] = str(Path(__file__).parents[1])

import numpy as np

from benchmarks import processes
from fittingroom.data import Half, find_dataset
from fittingroom.jobs.agreement import compare_answers
from fittingroom.jobs.reproduce import Reproduction, compare_runs
from fittingroom.predict import Predictor
from fittingroom.predictions import Predictions
from fittingroom.recipes import Recipe, recipe_named
from fittingroom.runs import Run, available_processors, describe_environment, open_run, write_file
from fittingroom.safe_io import read_weights

OUT = processes.ROOT / "docs" / "results"
LEAST_AGREEMENT = 0.999
_RECIPES = ("ann-fast", "cnn-fast", "logreg", "keras-ann")
_BATCH = 500
# What a busy process does: products of matrices, which take a core and its caches.
_BUSY = "import numpy as np\na = np.ones((500, 500), np.float32)\nwhile True: a @ a"


def measure(recipe: str, options: argparse.Namespace) -> dict[str, Any]:
    """Everything about one recipe."""
    with tempfile.TemporaryDirectory() as runs:

        def trained(threads: int) -> tuple[Run, float | None]:
            answer = processes.measure(
                "train",
                {
                    "recipe": recipe,
                    "seed": 0,
                    "epochs": options.epochs,
                    "data": options.data,
                    "unknown": False,
                    "runs": runs,
                    "threads": threads,
                    "score": False,
                },
                variables=processes.settings(backend="torch"),
            )
            if "failure" in answer:
                raise processes.MeasurementError(answer["failure"])
            return open_run(Path(runs) / answer["run"]), answer["others_share"]

        first, share = trained(options.threads)
        alone, beside = [], []
        shares: dict[str, list[float | None]] = {"alone": [share], "beside": []}
        for _ in range(options.repeats - 1):
            again, share = trained(options.threads)
            alone.append(compare_runs(first, again))
            shares["alone"].append(share)
            _tell(recipe, "alone", alone)
        with _busy(options.threads):
            for _ in range(options.repeats):
                again, share = trained(options.threads)
                beside.append(compare_runs(first, again))
                shares["beside"].append(share)
                _tell(recipe, "beside others", beside)
        others = [each for each in options.other_threads if each != options.threads]
        return {
            "recipe": recipe,
            "epochs": None if first.recipe.in_one_go else len(first.history),
            "pictures": len(first.validation),
            "half_precision": first.environment["half_precision"],
            # The first is a repeat of itself.
            "alone": {"identical": 1 + _identical(alone), "repeats": options.repeats},
            "beside": {"identical": _identical(beside), "repeats": options.repeats},
            "others_share": {name: _median(values) for name, values in shares.items()},
            "same_weights": same_weights(first, others, options.data),
            "trained_with_other_threads": [
                {"threads": each, **_apart(compare_runs(first, trained(each)[0]))}
                for each in others
            ],
        }


def same_weights(run: Run, threads: Sequence[int], data: str | None) -> list[dict[str, Any]]:
    """What the run's weights say of the validation half, here and elsewhere, against what they
    said when it was trained.

    Args:
        run: a finished one.
        threads: numbers of threads other than its own.
        data: what it was trained on.
    """
    import torch

    half = find_dataset(data).split(run.recipe.split).validation
    then = run.validation
    rows = []
    for count in (run.environment["threads"], *threads):
        said = Predictor(run.model_path, count).predict(half.images, half.labels, half.indices)
        rows.append(_row("ONNX Runtime", "cpu", count, then, said))
    if isinstance(run.recipe, Recipe) and run.recipe.engine == "pytorch":
        places = [("cpu", count) for count in (run.environment["threads"], *threads)]
        places += [("cuda", 1)] if torch.cuda.is_available() else []
        for device, count in places:
            said = _by_torch(run, run.recipe, half, device, count)
            rows.append(_row("PyTorch", device, count, then, said))
    return rows


def _row(
    by: str, device: str, threads: int, then: Predictions, said: Predictions
) -> dict[str, Any]:
    return {"by": by, "device": device, "threads": threads, **asdict(compare_answers(then, said))}


def _by_torch(run: Run, recipe: Recipe, half: Half, device: str, threads: int) -> Predictions:
    """What PyTorch says with a run's weights: the network as it was trained, in float32."""
    import torch

    from fittingroom.engines.pytorch.modules import build_module
    from fittingroom.engines.pytorch.pictures import Pictures

    weights = {
        name: torch.from_numpy(array.copy())
        for name, array in read_weights(run.folder / "model.safetensors").items()
    }
    mean, deviation = weights.pop("pixels.mean"), weights.pop("pixels.deviation")
    module = build_module(recipe.layers)
    module.load_state_dict(weights, strict=False)  # all but the counters of batches
    module.eval().to(device)
    pictures = Pictures(
        torch.from_numpy(half.images).to(device),
        torch.from_numpy(half.labels).to(device),
        mean.to(device),
        deviation.to(device),
    )
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    exact = torch.backends.cudnn.flags(enabled=True, allow_tf32=False)
    try:
        with exact, torch.inference_mode():
            batches = []
            for place in range(0, len(pictures), _BATCH):
                inputs = pictures.normalise(pictures.images[place : place + _BATCH])
                logits = module(inputs)
                if recipe.mirror:
                    logits = (logits + module(inputs.flip(3))) / 2
                batches.append(logits.double().cpu() / run.summary.temperature)
            logs = torch.cat(batches).log_softmax(1).float().numpy()
    finally:
        torch.set_num_threads(before)
    called = logs.argmax(axis=1).astype(np.uint8)
    return replace(run.validation, predicted=called, log_probabilities=logs)


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


def _identical(reproductions: Sequence[Reproduction]) -> int:
    return sum(each.finding == "identical" for each in reproductions)


def _apart(reproduction: Reproduction) -> dict[str, Any]:
    values = reproduction.as_dict()
    return {name: values[name] for name in ("finding", "weights", "predictions")}


def _median(values: Sequence[float | None]) -> float | None:
    known = [each for each in values if each is not None]
    return float(np.median(known)) if known else None


def _tell(recipe: str, where: str, reproductions: Sequence[Reproduction]) -> None:
    done, same = len(reproductions), _identical(reproductions)
    print(f"{recipe}, {where}: {same} of {done} as the first", flush=True)


def met(rows: Sequence[dict[str, Any]]) -> bool:
    """Whether every repeat gave the same bytes, and the same weights the same classes."""
    return all(
        each["identical"] == each["repeats"]
        for row in rows
        for each in (row["alone"], row["beside"])
    ) and all(
        said["same"] / said["pictures"] >= LEAST_AGREEMENT
        for row in rows
        for said in row["same_weights"]
    )


def page(measured: dict[str, Any]) -> str:
    """The results as Markdown."""
    environment, rows = measured["environment"], measured["rows"]
    share = [row["others_share"]["alone"] for row in rows]
    quiet = "unknown" if None in share else f"{max(share):.0%} at most"
    asked = {said["device"] for row in rows for said in row["same_weights"]}
    cuda = (
        "CUDA is among them."
        if "cuda" in asked
        else "**No GPU was there: nothing on this page has been run on one.**"
    )
    lines = [
        "# The same numbers again",
        "",
        f"By `benchmarks/reproduce.py`; {measured['threads']} threads of "
        f"{environment['processor']}, Python {environment['python']}, PyTorch "
        f"{environment['versions'].get('torch')}, ONNX Runtime "
        f"{environment['versions'].get('onnxruntime')}; data: {measured['data']}. The test half "
        "stayed shut.",
        "",
        "## Trained again, with the same seed, threads and processor",
        "",
        "*Same*: weights, history but for its seconds, and validation predictions, byte for byte. "
        f"*Beside others*: {measured['threads']} processes multiplied matrices meanwhile. Each "
        "training had a process of its own. While it was called alone, other work took so much of "
        f"the machine (median): {quiet}.",
        "",
        "| recipe | epochs | bfloat16 | the same, alone | the same, beside others |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        counts = [
            f"{row[name]['identical']} of {row[name]['repeats']}" for name in ("alone", "beside")
        ]
        half = "yes" if row["half_precision"] else "no"
        lines.append(
            f"| `{row['recipe']}` | {row['epochs'] or '–'} | {half} | {' | '.join(counts)} |"
        )
    lines += [
        "",
        "## The same weights elsewhere",
        "",
        "The first training's weights, asked about its validation half, against what its ONNX model "
        f"said when it was trained with {measured['threads']} threads. {cuda}",
        "",
        "| recipe | by | device | threads | largest difference of probabilities | same class |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| `{row['recipe']}` | {said['by']} | {said['device']} | {said['threads']} "
        f"| {_difference(said['identical'], said['difference'])} "
        f"| {said['same']:,} of {said['pictures']:,} |"
        for row in rows
        for said in row["same_weights"]
    ]
    lines += [
        "",
        "## Trained with other threads",
        "",
        "Sums are arranged otherwise, so that weights drift apart: another fitted model, as a new "
        "seed gives one.",
        "",
        "| recipe | threads | largest difference of weights | of probabilities | same class |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        for other in row["trained_with_other_threads"]:
            weights, said = other["weights"], other["predictions"]
            lines.append(
                f"| `{row['recipe']}` | {other['threads']} "
                f"| {_difference(weights['identical'], weights['largest_difference'])} "
                f"| {_difference(said['identical'], said['largest_difference'])} "
                f"| {said['same_class']:,} of {said['pictures']:,} |"
            )
    return "\n".join([*lines, ""])


def _difference(identical: bool, value: float | None) -> str:
    if identical:
        return "none: the same bytes"
    return "other shapes" if value is None else f"{value:.1g}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--recipes", nargs="+", default=list(_RECIPES))
    parser.add_argument("--epochs", type=int, default=2, help="at most so many, of each recipe")
    parser.add_argument("--threads", type=int, default=min(2, available_processors()))
    parser.add_argument("--other-threads", nargs="+", type=int, default=[1, 2, 4])
    parser.add_argument("--data", help="for a trial: as for fittingroom; needs --out")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args(arguments)
    if options.data and options.out == OUT:
        parser.error("a trial with --data needs an --out of its own")
    for name in options.recipes:
        if getattr(recipe_named(name), "shifts", False):  # before hours of others
            parser.error(f"{name}: shifts are in the exported model alone, not in PyTorch's")
    measured: dict[str, Any] = {
        "data": find_dataset(options.data).name,
        "threads": options.threads,
        "environment": describe_environment(),
        "rows": [],
    }
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.recipes:
        measured["rows"].append(measure(name, options))
        measured["met"] = met(measured["rows"])
        text = json.dumps(measured, indent=1) + "\n"
        write_file(options.out / "reproduce.json", text.encode())
        write_file(options.out / "reproduce.md", page(measured).encode())
    print(page(measured))
    return 0 if measured["met"] else 1


if __name__ == "__main__":
    sys.exit(main())
