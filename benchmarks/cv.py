"""Recipes, cross-validated on the 60,000 training images: the numbers to choose one by.

    python -m benchmarks.cv [--recipes ann cnn] [--seeds 1]

Writes cv.json and cv.md after every recipe. If stopped, the same command continues at the fold.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from benchmarks import measure
from benchmarks.measure import Measured, render, say
from fittingroom.jobs.cv import cross_validate
from fittingroom.jobs.session import Session
from fittingroom.recipes import RECIPES
from fittingroom.runs import describe_environment

FIRST = ("ann-fast", "cnn-fast", "ann", "cnn")


def everything(options: argparse.Namespace, stored: Measured) -> Iterator[Measured]:
    """The first recipe, the first two, and so on: each is compared with those before it."""
    session = Session(options.data, options.runs, device="cpu", threads=options.threads)
    for count, name in enumerate(options.recipes, 1):
        found = cross_validate(options.recipes[:count], seeds=options.seeds, session=session)
        say(f"{name}: {found.comparison.models[-1].accuracy.percent}")
        values = found.as_dict()
        for model in values["models"]:
            model["key"] = RECIPES[model["name"]].key
        yield {**values, "threads": options.threads, "environment": describe_environment()}


page = partial(render, "cv")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = measure.parser(__doc__)
    parser.add_argument("--recipes", nargs="+", choices=list(RECIPES), default=list(FIRST))
    parser.add_argument("--seeds", type=int, default=1, help="of each recipe, each with own folds")
    parser.add_argument("--runs", type=Path, default=measure.ROOT / "runs" / "benchmark")
    measure.run("cv", measure.parse(parser, arguments), everything, page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
