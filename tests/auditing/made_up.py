"""A small audit made by hand: 40 training and 20 test images of three classes."""

import dataclasses
from typing import Any

import numpy as np

from fittingroom.auditing import Audit, AuditBasis, DoubtfulLabels, Outliers, SimilarPairs
from fittingroom.metrics import wilson

CLASSES = ("shirt", "coat", "bag")
BASIS = AuditBasis(
    data="made-up",
    official=False,
    classes=CLASSES,
    hashes={"file": "0" * 64},
    training=40,
    test=20,
    recipe="tiny",
    key="tiny-key",
    folds=5,
    seed=0,
    similarity=0.995,
    neighbours=10,
)


def made_up(**changes: Any) -> Audit:
    """Doubtful: training 7, test 2 and 5. Alike: 1 and 2; 3 and test 4, whose exact copy is test 9;
    5 and its exact copy test 0; test 6 and 7. Outliers: test 19, training 39."""
    audit = Audit(
        basis=BASIS,
        epochs=(3, 3, 3, 3, 2),
        accuracy=wilson(36, 40),
        test_accuracy=wilson(17, 20),
        doubtful=DoubtfulLabels(
            np.array([45, 7, 42]),
            np.array([0, 1, 2]),
            np.array([1, 2, 0]),
            np.array([0.01, 0.02, 0.2]),
            np.array([0.999, 0.9, 0.7]),
        ),
        pairs=SimilarPairs(
            np.array([1, 3, 5, 44, 46]),
            np.array([2, 44, 40, 49, 47]),
            np.array([0.996, 0.9995, 1, 1, 0.997], np.float32),
            np.array([False, False, True, True, False]),
        ),
        outliers=Outliers(np.array([59, 39]), np.array([1.2, 1.1], np.float32), 1.0),
    )
    return dataclasses.replace(audit, **changes)
