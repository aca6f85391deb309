"""The measured trainings, as ``training.json`` holds them: sittings, and a row a training.

A *sitting* is one call of the benchmark on one machine, with the ceilings and the predecessor's
epoch as they were then. A *row* is one recipe trained with one seed; it names its sitting. A row
counts while its *conditions* hold: the recipe's key, the code that trained it, threads and data.
"""

import ast
import hashlib
import itertools
import json
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fittingroom.comparison import Entrant, SeedScores, accuracy_interval, compare_models
from fittingroom.predictions import Predictions
from fittingroom.runs import write_file

Row = dict[str, Any]

# A row's seconds count where others took no more than this share of the processors meanwhile.
_QUIET = 0.05

PACKAGE = Path(__file__).parents[1] / "src" / "fittingroom"
TUTORIAL = "tutorial"


@dataclass(frozen=True)
class Slot:
    """A training that the table has a place for.

    Attributes:
        recipe: its name, or ``"tutorial"``.
        seed: of the training.
        conditions: what must hold for a row to count.
    """

    recipe: str
    seed: int
    conditions: Mapping[str, Any]


@dataclass
class Table:
    """All that was measured under one setting of instructions.

    Attributes:
        instructions: what the processor was held to, in words.
        sittings: in the order in which they began.
        rows: in the order in which they were finished.
    """

    instructions: str
    sittings: list[dict[str, Any]] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)

    @classmethod
    def load(cls, path: Path, instructions: str) -> "Table":
        """What a file holds, or an empty table where there is none."""
        if not path.exists():
            return cls(instructions)
        stored = json.loads(path.read_text(encoding="utf-8"))
        table = cls(stored["instructions"], stored["sittings"], stored["rows"])
        used = {row["sitting"] for row in table.rows}
        # A sitting that was broken off before its first row tells nothing.
        while table.sittings and len(table.sittings) - 1 not in used:
            table.sittings.pop()
        return table

    def find(self, slot: Slot) -> Row | None:
        """The row of a slot, if it counts."""
        for row in self.rows:
            if (row["recipe"], row["seed"]) == (slot.recipe, slot.seed):
                return row if row["conditions"] == dict(slot.conditions) else None
        return None

    def put(self, row: Row) -> None:
        """Add a row in place of an earlier one of the same recipe and seed."""
        same = (row["recipe"], row["seed"])
        self.rows = [each for each in self.rows if (each["recipe"], each["seed"]) != same]
        self.rows.append(row)

    def expected_seconds(self, recipe: str) -> float | None:
        """How long a row of this recipe took, from process start to end; None where unknown."""
        walls = [row["wall_seconds"] for row in self.rows if row["recipe"] == recipe]
        return sum(walls) / len(walls) if walls else None

    def predecessor_epoch(self, row: Row) -> float | None:
        """Seconds of one of the predecessor's epochs in the row's sitting; None without."""
        measured = self.sittings[row["sitting"]]["predecessor"].get("tensorflow", {})
        return measured.get("epoch_seconds")

    def ceiling(self, row: Row) -> float:
        """The matrix ceiling of the row's sitting, GFLOP/s."""
        return max(self.sittings[row["sitting"]]["ceilings"]["products_gflops"].values())

    def save(self, path: Path, summary: Mapping[str, Any]) -> None:
        """Write everything, whole or not at all; the summary comes first, for readers."""
        values = {
            "instructions": self.instructions,
            **summary,
            "sittings": self.sittings,
            "rows": self.rows,
        }
        write_file(path, (json.dumps(values, indent=1, ensure_ascii=False) + "\n").encode())


# Of an engine's files, those that take no part in training a recipe in one process; and of its
# functions, those that take up what was broken off. And what takes a part on a GPU alone.
_NO_PART = {"own.py", "team.py"}
_OF_BREAKS = frozenset({"_take_up", "go_on_from"})
_GPU_FILES, _OF_GPUS = {"cuda.py"}, {"_record"}


def code_digest(files: Iterable[Path], without: Set[str] = _OF_BREAKS) -> str:
    """Twelve digits of SHA-256 over what Python files do in a training without a break.

    Comments and docstrings are left out, and the functions of these names.
    """
    digest = hashlib.sha256()
    for path in sorted(files):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(body, list):
                kept = [each for each in body if not (_is_text(each) or _named(each, without))]
                node.body = kept or [ast.Pass()]  # type: ignore[attr-defined]
        digest.update(f"{path.name}\n{ast.unparse(tree)}\n".encode())
    return digest.hexdigest()[:12]


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _named(node: ast.AST, names: Set[str]) -> bool:
    return isinstance(node, ast.FunctionDef) and node.name in names


def training_code(engine: str, *, on_gpu: bool = False) -> str:
    """The digest of the code on which an engine's trainings depend."""
    common = [PACKAGE / "engines" / "schedule.py", PACKAGE / "data" / "split.py"]
    without = _NO_PART if on_gpu else _NO_PART | _GPU_FILES
    files = (PACKAGE / "engines" / engine).glob("*.py")
    return code_digest(
        [*(path for path in files if path.name not in without), *common],
        _OF_BREAKS if on_gpu else _OF_BREAKS | _OF_GPUS,
    )


def correct_of(rows: Sequence[Row]) -> npt.NDArray[np.bool_]:
    """Which seed names which picture rightly: bool ``(S, N)``."""
    correct = np.ones((len(rows), rows[0]["test_pictures"]), np.bool_)
    for place, row in enumerate(rows):
        correct[place, [int(each) for each in row["mistakes"].split()]] = False
    return correct


def summarise(table: Table, rows: Sequence[Row], whole_epochs: int | None) -> dict[str, Any]:
    """What the rows of each recipe say together.

    Args:
        table: where the rows' sittings are.
        rows: those that count; broken-down trainings among them.
        whole_epochs: after how many epochs the predecessor's own training ends; None where that
            was not measured.

    Returns:
        ``"recipes"``: by name, accuracy and interval over seeds and test pictures, seeds, seconds
        and so on; ``"verdicts"``: of each recipe against the one before it by accuracy, and of
        ``cnn`` against ``ann``.
    """
    recipes: dict[str, Any] = {}
    entrants = []
    for name in dict.fromkeys(row["recipe"] for row in rows):
        own = sorted((row for row in rows if row["recipe"] == name), key=lambda row: row["seed"])
        failures = [f"seed {row['seed']}: {row['failure']}" for row in own if "failure" in row]
        own = [row for row in own if "failure" not in row]
        if not own:
            recipes[name] = {"seeds": [], "failures": failures}
            continue
        correct = correct_of(own)
        recipes[name] = {**_recipe(table, own, correct, whole_epochs), "failures": failures}
        if name == TUTORIAL:
            continue
        # Right and wrong are all that a verdict takes: label 0 is given, and 1 said for a mistake.
        seeds = tuple(row["seed"] for row in own)
        entrants.append(
            Entrant(name, name, seeds, tuple(_right_or_wrong(each) for each in correct))
        )
    ordered = sorted(entrants, key=lambda entrant: recipes[entrant.name]["accuracy"])
    pairs = list(itertools.pairwise(ordered))
    plain = [entrant for entrant in ordered if entrant.name in ("ann", "cnn")]
    if len(plain) == 2 and tuple(plain) not in pairs:
        pairs.append((plain[0], plain[1]))
    verdicts = [compare_models(pair).sentence for pair in pairs]
    return {"predecessor_epochs": whole_epochs, "recipes": recipes, "verdicts": verdicts}


def _recipe(
    table: Table, rows: Sequence[Row], correct: npt.NDArray[np.bool_], whole_epochs: int | None
) -> dict[str, Any]:
    accuracy = accuracy_interval(SeedScores.of(correct))
    # Rows of before this was noted were measured on a quiet machine.
    quiet = [row for row in rows if (row.get("others_share") or 0.0) <= _QUIET]
    timed = quiet or rows
    seconds = [row["seconds"] for row in timed]
    units = [table.predecessor_epoch(row) for row in timed]
    ratios = [time / unit for time, unit in zip(seconds, units, strict=True) if unit is not None]
    complete = len(ratios) == len(timed)
    shares = [row["gflops"] / table.ceiling(row) for row in timed if row["gflops"] is not None]
    epochs = _mean(ratios) if complete else None
    return {
        "seeds": [row["seed"] for row in rows],
        "accuracy": accuracy.value,
        "interval": [accuracy.low, accuracy.high],
        "deviation": float(correct.mean(axis=1).std(ddof=1)) if len(rows) > 1 else None,
        "validation_accuracy": _mean([row["validation_accuracy"] for row in rows]),
        "seconds": _mean(seconds),
        "seconds_range": [min(seconds), max(seconds)],
        "timed_seeds": [row["seed"] for row in timed],
        "quiet": bool(quiet),
        "before_training_seconds": _mean([row["before_training_seconds"] for row in rows]),
        "predecessor_epochs": epochs,
        "factor": None if epochs is None or whole_epochs is None else whole_epochs / epochs,
        "parameters": rows[0]["parameters"],
        "operations": rows[0]["operations"],
        "model_bytes": rows[0].get("model_bytes"),
        "gflops": _mean([row["gflops"] for row in timed]) if shares else None,
        "ceiling_share": _mean(shares) if shares else None,
        "peak_memory_mb": max(row["peak_memory_mb"] for row in rows),
        **(
            {"device_peak_memory_mb": max(row["device_peak_memory_mb"] for row in rows)}
            if all("device_peak_memory_mb" in row for row in rows)
            else {}
        ),
    }


def _right_or_wrong(correct: npt.NDArray[np.bool_]) -> Predictions:
    return Predictions(
        labels=np.zeros(len(correct), np.uint8),
        predicted=(~correct).astype(np.uint8),
        log_probabilities=None,
        indices=np.arange(len(correct)),
        classes=("right", "wrong"),
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
