"""What other libraries reach on the same images within 60 and 600 seconds.

    python -m benchmarks.peers [--peers lightgbm skorch] [--seeds 1]

A peer is a script in benchmarks/peer_scripts that does what the peer's own documentation shows; its
top names the source and the packages. Each is installed into an environment of its own, and runs in
a process of its own: arrays in, predictions out, which are kept, a digit an image. A peer that takes a time limit is given each of
the two; any other runs once, and is ended after 600 seconds. Whole seconds are those of the process,
from its start to its predictions. Then the test set is opened, and all are compared as
`fittingroom compare --with` does. Writes peers.json and peers.md after every training.

Takes hours. If stopped, the same command continues with what is missing. Nothing else should run
meanwhile.
"""

import argparse
import ast
import hashlib
import io
import re
import subprocess
import sys
import tokenize
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from benchmarks import measure
from benchmarks.measure import ROOT, Measured, MeasurementError, in_process, render, say
from benchmarks.training import measured_predecessor
from fittingroom.comparison import Entrant, compare_models
from fittingroom.data import Dataset, find_dataset
from fittingroom.predictions import Predictions
from fittingroom.runs import describe_environment, log_opening

SCRIPTS = {path.stem: path for path in sorted((ROOT / "benchmarks" / "peer_scripts").glob("*.py"))}
BUDGETS = (60, 600)
SEEDS = 3
# A peer that takes a time limit may take so much longer: it starts and predicts, too.
GRACE = 1.5


def wants(name: str) -> dict[str, Any]:
    """What a script's top says: its packages, and whether it takes a time limit."""
    block = re.search(r"(?m)^# /// script\n((?:# .*\n)+?)# ///$", SCRIPTS[name].read_text("utf-8"))
    assert block is not None, name
    return tomllib.loads(re.sub(r"(?m)^# ", "", block[1]))


def lines_of(name: str) -> int:
    """The lines of code of a script, without comments, docstring and blank lines."""
    text = SCRIPTS[name].read_text("utf-8")
    words = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    code = {
        line
        for each in tokens
        if each.type not in (*words, tokenize.ENDMARKER)
        for line in range(each.start[0], each.end[0] + 1)
    }
    docstring = ast.parse(text).body[0]
    return len(code - {*range(docstring.lineno, (docstring.end_lineno or 0) + 1)})


def installed(name: str, folder: Path) -> tuple[Path, float]:
    """Install a peer unless it is there; its interpreter, and the size of all in MB."""
    packages = wants(name)["dependencies"]
    home = folder / hashlib.sha256(" ".join(packages).encode()).hexdigest()[:12]
    python = home / "bin" / "python"
    if not (home / "ready").exists():
        say(f"{name}: installing {', '.join(packages)} …")
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        ours = [each.replace("fittingroom", str(ROOT)) for each in packages]
        command = [str(python), "-m", "pip", "install", "--quiet", *ours]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise MeasurementError(f"It can't be installed: {done.stderr}")
        (home / "ready").touch()
    size = sum(each.lstat().st_size for each in home.rglob("*") if not each.is_dir())
    return python, size / 1e6


def everything(options: argparse.Namespace, stored: Measured) -> Iterator[Measured]:
    """Train what is missing, one after another; compare all after each."""
    dataset = find_dataset(options.data)
    training, test = dataset.training(), dataset.open_test()
    options.runs.mkdir(parents=True, exist_ok=True)
    log_opening(options.runs, run="peers", recipe="peers", data=dataset.name, purpose="benchmark")
    arrays = options.runs / "arrays.npz"
    np.savez(arrays, x_train=training.images, y_train=training.labels, x_test=test.images)
    rows = stored.get("rows", [])
    epoch = 0.0  # of the predecessor, in seconds; measured once a sitting
    slots = [
        (seed, name, budget)
        for seed in range(options.seeds)
        for name in options.peers
        for budget in (BUDGETS if wants(name).get("budget") else BUDGETS[-1:])
    ]
    for seed, name, budget in slots:
        what = {
            "peer": name,
            "budget": budget,
            "script": hashlib.sha256(SCRIPTS[name].read_bytes()).hexdigest()[:12],
            "data": dataset.name,
            "threads": options.threads,
        }
        known = [row for row in rows if what.items() <= row.items()]
        # What did not finish is not tried with other seeds.
        if any(row["seed"] == seed or "failure" in row for row in known):
            continue
        epoch = epoch or measured_predecessor(options, "tensorflow")["epoch_seconds"]
        row = {**what, "seed": seed, **_trained(options, arrays, name, budget, seed)}
        row |= {"epochs": row.get("wall_seconds", 0) / epoch, "epoch_seconds": epoch}
        say(f"{name}, {budget} s, seed {seed}: {row.get('failure') or row['wall_seconds']}")
        same = (name, budget, seed)
        rows = [
            row,
            *(each for each in rows if (each["peer"], each["budget"], each["seed"]) != same),
        ]
        yield {
            "threads": options.threads,
            "environment": describe_environment(),
            "rows": rows,
            "tables": {str(each): _table(dataset, rows, each) for each in BUDGETS},
        }


def _trained(
    options: argparse.Namespace, arrays: Path, name: str, budget: int, seed: int
) -> dict[str, Any]:
    """One training of a peer: how long, how large; or why there is none."""
    asked = wants(name)
    try:
        python, size = installed(name, options.environments)
        measured = in_process(
            "benchmarks.one_peer:train",
            python=python,
            variables={"OMP_NUM_THREADS": str(options.threads)},
            limit=GRACE * budget if asked.get("budget") else budget,
            script=str(SCRIPTS[name]),
            data=str(arrays.resolve()),
            seed=seed,
            budget=budget,
        )
    except MeasurementError as error:
        return {"failure": str(error)[-1000:]}
    return {"install_mb": size, **measured}


def _table(
    dataset: Dataset, rows: Sequence[Mapping[str, Any]], budget: int
) -> dict[str, Any] | None:
    """All peers that finish within a budget, compared on the test set; None if it is but one."""
    test, entrants = dataset.open_test(), []
    for name in SCRIPTS:
        mine = within(rows, name, budget)
        said = (np.array([*row["predicted"]], np.uint8) for row in mine)
        fitted = tuple(
            Predictions(test.labels, each, None, test.indices, dataset.classes) for each in said
        )
        if fitted:
            entrants.append(Entrant(name, name, tuple(row["seed"] for row in mine), fitted))
    return compare_models(entrants).as_dict() if len(entrants) > 1 else None


def within(rows: Sequence[Mapping[str, Any]], name: str, budget: int) -> list[Mapping[str, Any]]:
    """A peer's trainings for a budget, if it finished: those with this limit, or shorter ones."""
    mine = [row for row in rows if row["peer"] == name and "failure" not in row]
    if wants(name).get("budget"):
        mine = [row for row in mine if row["budget"] == budget]
    elif max((row["wall_seconds"] for row in mine), default=0) > budget:
        mine = []
    return sorted(mine, key=lambda row: row["seed"])


def page(measured: Mapping[str, Any]) -> str:
    """The results as Markdown: a table for each budget, the best first."""
    failures = [
        (row["peer"], row["budget"], row["failure"].strip().splitlines()[-1])
        for row in measured["rows"]
        if "failure" in row
    ]
    labels = {name: _label(name) for name in SCRIPTS}
    more = {"labels": labels, "failures": failures, "within": within, "lines": lines_of}
    return render("peers", measured, mean=fmean, **more)


def _label(name: str) -> str:
    """What a script says of itself, with its source and the version of the package."""
    words, _, source = (
        ast.get_docstring(ast.parse(SCRIPTS[name].read_text("utf-8"))) or ""
    ).partition("\n\n")
    version = wants(name)["dependencies"][-1].partition("==")[2]
    linked = f"[{words.rstrip('.')}]({source})" if source else f"**{words.rstrip('.')}**"
    return f"{linked}{f' ({version})' if version else ''}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = measure.parser(__doc__)
    parser.add_argument("--peers", nargs="+", choices=list(SCRIPTS), default=list(SCRIPTS))
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "peers")
    parser.add_argument("--environments", type=Path, default=ROOT / ".venv-peers")
    parser.add_argument("--tensorflow-python", type=Path, default=measure.TENSORFLOW)
    parser.set_defaults(avx2=False, epochs=None)
    measure.run("peers", measure.parse(parser, arguments), everything, page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
