"""A small audit made by hand: 40 training and 20 test images of three classes."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from fittingroom.auditing import Audit, audit_values
from fittingroom.metrics import wilson

CLASSES = ("shirt", "coat", "bag")
BASIS: dict[str, Any] = {
    "data": "made-up",
    "official": False,
    "description": "The data is made up.",
    "classes": CLASSES,
    "hashes": {"file": "0" * 64},
    "training": 40,
    "test": 20,
    "recipe": "tiny",
    "key": "tiny-key",
    "folds": 5,
    "seed": 0,
    "similarity": 0.995,
    "neighbours": 10,
}
# Columns and their types.
DOUBTFUL = {
    "position": int,
    "given": int,
    "suggested": int,
    "given_probability": float,
    "suggested_probability": float,
}
PAIRS = {"first": int, "second": int, "similarity": "float32", "identical": bool}
OUTLIERS = {"position": int, "distance": "float32"}


def made_up(
    *,
    basis: Any = BASIS,
    doubtful: Iterable[Any] = (
        (45, 0, 1, 0.01, 0.999),
        (7, 1, 2, 0.02, 0.9),
        (42, 2, 0, 0.2, 0.7),
    ),
    pairs: Iterable[Any] = (
        (1, 2, 0.996, False),
        (3, 44, 0.9995, False),
        (5, 40, 1, True),
        (44, 49, 1, True),
        (46, 47, 0.997, False),
    ),
    outliers: Iterable[Any] = ((59, 1.2), (39, 1.1)),
) -> Audit:
    """Doubtful: training 7, test 2 and 5. Alike: 1 and 2; 3 and test 4, whose exact copy is test 9;
    5 and its exact copy test 0; test 6 and 7. Outliers: test 19, training 39."""

    def table(rows: Iterable[Any], columns: dict[str, Any]) -> pd.DataFrame:
        return pd.DataFrame(list(rows), columns=list(columns)).astype(columns)

    values = audit_values(
        basis,
        epochs=(3, 3, 3, 3, 2),
        accuracy=wilson(36, 40),
        test_accuracy=wilson(17, 20),
        doubtful=table(doubtful, DOUBTFUL),
        pairs=table(pairs, PAIRS),
        outliers=table(outliers, OUTLIERS),
        fence=1.0,
    )
    return Audit(Path("audit-tiny-s0-1234"), values)
