"""What the default recipes reach: ``fittingroom compare ann cnn`` over seeds, timed from outside.

    python benchmarks/defaults.py [--seeds 3] [--avx2] [--out docs/results]

Trains anew in a temporary folder, in a process of its own, on the real data, and writes
``defaults.json`` (every seed and epoch, the comparison, the environment, peak memory) and
``defaults.md``. ``--avx2`` holds PyTorch to AVX2 instructions, which most processors have, and
writes ``defaults-avx2``. Nothing else should run meanwhile.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

RECIPES = ("ann", "cnn")
_AVX2 = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
}


def measure(seeds: int, avx2: bool) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        places = ("--runs", f"{folder}/runs", "--json")
        began = time.perf_counter()
        compared = fittingroom(
            *("compare", *RECIPES, "--seeds", str(seeds), "--out", f"{folder}/report", *places),
            **(_AVX2 if avx2 else {}),
        )
        seconds = time.perf_counter() - began
        # In kilobytes on Linux.
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        runs = fittingroom("runs", *places)
        for run in runs:
            path = Path(run.pop("run"))
            run["history"] = [
                json.loads(line) for line in (path / "history.jsonl").read_text().splitlines()
            ]
            environment = json.loads((path / "environment.json").read_text())
        compared.pop("report")
    for name in ("seed", "time", "data"):
        environment.pop(name)
    return {
        "command": f"fittingroom compare {' '.join(RECIPES)} --seeds {seeds}",
        "instructions": "AVX2" if avx2 else "all that the processor has",
        "seconds": seconds,
        "peak_memory_mb": memory,
        "runs": runs,
        "comparison": compared,
        "environment": environment,
    }


def fittingroom(*arguments: str, **variables: str) -> Any:
    """What one command prints as JSON."""
    done = subprocess.run(
        [sys.executable, "-m", "fittingroom", *arguments],
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def page(measured: dict[str, Any]) -> str:
    environment = measured["environment"]
    rows = [
        f"| {run['recipe']} | {run['seed']} | {run['validation_accuracy']:.2%} "
        f"| {run['test_accuracy']['fashion-mnist']:.2%} | {run['seconds']:.1f} "
        f"| {run['parameters']:,} |"
        for run in measured["runs"]
    ]
    means = [
        f"- `{model['name']}`: {model['accuracy']:.2%} "
        f"(95% interval {model['interval'][0]:.2%} to {model['interval'][1]:.2%}, "
        f"over {len(model['seeds'])} seeds and the test pictures)"
        for model in measured["comparison"]["models"]
    ]
    return "\n".join(
        [
            "# The default recipes",
            "",
            f"`{measured['command']}`, by `benchmarks/defaults.py`; "
            f"{environment['threads']} threads of {environment['processor']}, instructions: {measured['instructions']}; PyTorch "
            f"{environment['versions']['torch']}.",
            "",
            "| recipe | seed | validation | test | training, seconds | parameters |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
            "Test accuracy, mean over seeds:",
            "",
            *means,
            "",
            measured["comparison"]["sentence"],
            "",
            f"The whole command took {measured['seconds']:.0f} s and at most "
            f"{measured['peak_memory_mb']:.0f} MB of memory.",
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--avx2", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("docs/results"))
    arguments = parser.parse_args()
    measured = measure(arguments.seeds, arguments.avx2)
    stem = "defaults-avx2" if arguments.avx2 else "defaults"
    (arguments.out / f"{stem}.json").write_text(json.dumps(measured, indent=1) + "\n")
    (arguments.out / f"{stem}.md").write_text(page(measured))
    print(page(measured))


if __name__ == "__main__":
    main()
