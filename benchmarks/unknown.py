"""Does a model know what it does not know? Writes docs/results/unknown.json and unknown.md.

    python benchmarks/unknown.py [--model RUN|FILE] [--count 1000]

Of the garments: how accurate the answers are against the share of pictures answered. Of pictures of
no garment (``strangers.py``): how well ``ood_score`` tells them from garments, and what the rule of
the model lets through. Thresholds were chosen on validation when the model was made; the test half
only measures them.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    # In place of this folder, whose statistics.py would hide Python's own.
    sys.path[0] = str(Path(__file__).parents[1])

import numpy as np
import numpy.typing as npt

from benchmarks.strangers import strangers
from fittingroom.cli.output import Display
from fittingroom.data import find_dataset
from fittingroom.jobs.load import load
from fittingroom.metrics import risk_coverage, wilson
from fittingroom.predict import Model

RESULTS = Path(__file__).parents[1] / "docs" / "results"
COVERAGES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
ACCEPTED = 0.95

Floats = npt.NDArray[np.floating[Any]]


def auroc(garments: Floats, others: Floats) -> float:
    """The probability that a stranger's score is above a garment's, ties counted half."""
    ordered = np.sort(garments)
    below = np.searchsorted(ordered, others, "left") + np.searchsorted(ordered, others, "right")
    return float(below.mean() / 2 / len(garments))


def share(of: npt.NDArray[np.bool_]) -> dict[str, float]:
    """How many of so many, as a share with Wilson's 95% interval."""
    estimate = wilson(int(of.sum()), len(of))
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}


def measure(model: Model, data: str | None, count: int, seed: int) -> dict[str, Any]:
    test = find_dataset(data).open_test()
    said = model.arrays(test.images)
    wrong, answered = said.label != test.labels, said.abstain == 0
    curve = risk_coverage(test.labels, said.label, said.probabilities)
    at = [int(np.searchsorted(curve.coverage, coverage)) for coverage in COVERAGES]
    at = [min(index, len(curve.coverage) - 1) for index in at]
    limit = float(np.quantile(said.ood_score, ACCEPTED))
    kinds: dict[str, Any] = {}
    surest = said.probabilities.max(axis=1)
    pictures = strangers(count, seed)
    # A mixture of equal parts, so that no kind weighs more than another.
    pictures["all of these"] = np.concatenate(list(pictures.values()))
    for name, images in pictures.items():
        strange = model.arrays(images)
        kinds[name] = {
            "pictures": len(images),
            "auroc": auroc(said.ood_score, strange.ood_score),
            "auroc_of_probability": auroc(-surest, -strange.probabilities.max(axis=1)),
            "false_accepts": share(strange.ood_score <= limit),
            "answered": share(strange.abstain == 0),
        }
    return {
        "model": model.name,
        "unsure": model.thresholds.unsure,
        "unknown": model.thresholds.unknown,
        "garments": {
            "pictures": len(test),
            "accuracy": share(~wrong),
            "answered": share(answered),
            "unsure": share(said.abstain == 1),
            "unknown": share(said.abstain == 2),
            "accuracy_of_answers": share(~wrong[answered]),
        },
        "coverage": [
            {
                "answered": float(curve.coverage[index]),
                "accuracy": 1 - float(curve.risk[index]),
                "low": 1 - float(curve.high[index]),
                "high": 1 - float(curve.low[index]),
                "least_probability": float(curve.threshold[index]),
            }
            for index in at
        ],
        "strangers": kinds,
        "seed": seed,
    }


def page(values: dict[str, Any]) -> str:
    """The measurement as Markdown."""
    garments = values["garments"]

    def percent(estimate: dict[str, float]) -> str:
        return f"{estimate['value']:.1%} ({estimate['low']:.1%}–{estimate['high']:.1%})"

    lines = [
        "# Does a model know what it does not know?",
        "",
        f"`make bench-unknown` on the model `{values['model']}` and the {garments['pictures']:,} pictures of the",
        "test half. In brackets: Wilson's 95% intervals, which cover the pictures alone. The model abstains where",
        f"its largest probability is below {values['unsure']:.3f} (*unsure*) or `ood_score` above "
        f"{values['unknown']:.3f} (*unknown*);",
        "both were chosen on validation: 97% of garments known, and at most 3% wrong among the answers.",
        "",
        "## Garments",
        "",
        "| answered | of these right | unsure | called unknown | right if all were answered |",
        "|---|---|---|---|---|",
        "| "
        + " | ".join(
            percent(garments[name])
            for name in ("answered", "accuracy_of_answers", "unsure", "unknown", "accuracy")
        )
        + " |",
        "",
        "Accuracy against the share answered, the surest first:",
        "",
        "| answered | right | least probability |",
        "|---|---|---|",
        *(
            f"| {row['answered']:.0%} | {row['accuracy']:.2%} ({row['low']:.2%}–{row['high']:.2%}) "
            f"| {row['least_probability']:.3f} |"
            for row in values["coverage"]
        ),
        "",
        "## Pictures of no garment",
        "",
        "AUROC: how often a stranger's `ood_score` is above a garment's; beside it, the same of one minus the",
        "largest probability, which is what a classifier has without such a score. False accepts: strangers below",
        "the score that 95% of the test garments stay below. Answered: what the model's own rule, both reasons",
        "together, lets through as a garment.",
        "",
        "| kind | pictures | AUROC | of the probability | false accepts | answered |",
        "|---|---|---|---|---|---|",
        *(
            f"| {name} | {kind['pictures']:,} | {kind['auroc']:.3f} | {kind['auroc_of_probability']:.3f} "
            f"| {percent(kind['false_accepts'])} | {percent(kind['answered'])} |"
            for name, kind in values["strangers"].items()
        ),
        "",
        "Written digits are scikit-learn's (8 × 8, enlarged), printed ones and letters are drawn from DejaVu's fonts;",
        "noise and shapes are generated; everyday photos are pieces of three (a temple, a flower, a portrait), so",
        "their interval, which counts pieces, is too narrow for photos at large. The method was chosen among others on",
        "such pictures too ([log](../LOG.md)); its thresholds saw garments alone.",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, help="a run or an ONNX file; left out: the package's")
    parser.add_argument("--data", help="left out: Fashion-MNIST from wherever it is")
    parser.add_argument("--count", type=int, default=1000, help="pictures of each kind")
    parser.add_argument("--seed", type=int, default=1, help="of the strangers")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    values = measure(load(options.model), options.data, options.count, options.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(values, indent=2, ensure_ascii=False) + "\n"
    (options.out / "unknown.json").write_text(text, encoding="utf-8")
    (options.out / "unknown.md").write_text(page(values), encoding="utf-8")
    Display().say(page(values))


if __name__ == "__main__":
    main()
