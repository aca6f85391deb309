"""What an audit found: ``audit.json``, and the folder beside the runs that holds it.

::

    runs/audit-cnn-s0-3f9c/     frozen once the manifest is there
      audit.json                what was found: see audit_values
      environment.json          versions, processor, device, threads, seconds
      training.npz, test.npz    out-of-fold predictions of every image
      index.html                the page to look through
      manifest.json             SHA-256 and size of every file above, written last
"""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fittingroom.data import Dataset
from fittingroom.errors import FittingRoomError, RunChangedError
from fittingroom.numbers import Estimate, plain
from fittingroom.predictions import Int64
from fittingroom.project import VERSION
from fittingroom.runs.stored import check_manifest, stored_json

FORMAT = 2
RESULTS, ENVIRONMENT, PAGE = "audit.json", "environment.json", "index.html"
# Where the two images of a pair are, by how many of them are test images.
SIDES = ("within training", "across", "within test")


@dataclass(frozen=True, eq=False)
class Audit:
    """An audit, checked against its manifest if it was read."""

    folder: Path
    values: Mapping[str, Any]  # what it found, as audit_values gives it
    time: str = ""  # when it was made, UTC, ISO 8601

    @property
    def page(self) -> Path:
        """The page to look through."""
        return self.folder / PAGE


def audit_values(
    basis: Mapping[str, Any],
    *,
    epochs: Sequence[int],
    accuracy: Estimate,
    test_accuracy: Estimate,
    doubtful: pd.DataFrame,
    pairs: pd.DataFrame,
    outliers: pd.DataFrame,
    fence: float,
) -> dict[str, Any]:
    """The content of ``audit.json``, from tables whose positions count through both sets.

    Args:
        basis: the data (``data``, ``official``, ``description``, ``classes``, ``hashes``), the
            sizes of its sets (``training``, ``test``), whose models judged it (``recipe``, ``key``,
            ``folds``, ``seed``), and what counts as alike (``similarity``) and near
            (``neighbours``).
        epochs: how many epochs each fold's model was trained, 1 for one trained in one go.
        accuracy, test_accuracy: share of images whose given label their fold's model, or for test
            images one of the models, predicts.
        doubtful, pairs, outliers, fence: as ``doubtful_labels``, ``search`` and ``outliers`` of
            this room give them.

    Returns:
        ``basis``, ``epochs``, ``accuracy``, ``test_accuracy``; ``doubtful``: the ``set``,
        ``index``, ``given`` and ``suggested`` label (numbers) and their probabilities, the most
        doubtful first; ``near_duplicates``: for each pair ``a`` and ``b`` (``set``, ``index``),
        their ``similarity``, and whether they are ``identical``; ``test_near_training``: indices
        of test images with a near-duplicate in training; ``outliers``: ``set``, ``index`` and
        ``distance``, the furthest first; ``outlier_fence``: the distance above which an image is
        an outlier; and ``counts`` of all these, by set.
    """
    training = basis["training"]

    def placed(positions: pd.Series) -> pd.DataFrame:
        in_test = positions >= training
        index = positions - training * in_test
        return pd.DataFrame({"set": np.where(in_test, "test", "training"), "index": index})

    def rows(table: pd.DataFrame) -> list[dict[Any, Any]]:
        where = placed(table["position"])
        return pd.concat([where, table.drop(columns="position")], axis=1).to_dict("records")

    near_training = _near_training(pairs, training, training + basis["test"]).tolist()
    values = {
        "doubtful": rows(doubtful),
        "near_duplicates": [
            {"a": a, "b": b, **pair}
            for a, b, pair in zip(
                placed(pairs["first"]).to_dict("records"),
                placed(pairs["second"]).to_dict("records"),
                pairs[["similarity", "identical"]].to_dict("records"),
                strict=True,
            )
        ],
        "test_near_training": near_training,
        "outliers": rows(outliers),
    }
    alike = values["near_duplicates"]
    return {
        "format": FORMAT,
        "basis": plain(basis),
        "epochs": list(epochs),
        "accuracy": accuracy.as_dict(),
        "test_accuracy": test_accuracy.as_dict(),
        "counts": {
            "doubtful": _by_set(values["doubtful"]),
            "near_duplicates": _by_side(alike),
            "identical": _by_side([pair for pair in alike if pair["identical"]]),
            "test_near_training": {"test": len(near_training)},
            "outliers": _by_set(values["outliers"]),
        },
        **values,
        "outlier_fence": fence,
    }


def side_of(pair: Mapping[str, Any]) -> str:
    """Where the two images of a pair are: one of ``SIDES``."""
    return SIDES[sum(pair[end]["set"] == "test" for end in "ab")]


def open_audit(folder: Path) -> Audit:
    """Read a finished audit and check every file against the manifest.

    Raises:
        RunChangedError: it is unfinished, a file is not the one that the audit wrote, or another
            version wrote it.
    """
    check_manifest(folder, (RESULTS, ENVIRONMENT))
    values, environment = (stored_json(folder / name) for name in (RESULTS, ENVIRONMENT))
    if values.get("format") != FORMAT:
        raise RunChangedError(
            f"{folder} is an audit of format {ascii(values.get('format'))[:40]}; fittingroom "
            f"{VERSION} reads format {FORMAT}. Audit again: `fittingroom audit --fresh`."
        )
    return Audit(folder, values, str(environment.get("time")))


def find_audit(runs: Path, dataset: Dataset, **asked: Any) -> Audit | None:
    """The newest finished audit of a data set in a folder of runs, or None.

    Folders that are unfinished, changed or of another version are ignored. ``asked`` is what else
    its basis must have, such as ``key``, ``folds`` and ``seed``.
    """
    asked |= {
        "hashes": {**dataset.training_hashes, **dataset.test_hashes},
        "classes": list(dataset.classes),
    }
    found = []
    for folder in runs.glob("audit-*"):
        with contextlib.suppress(FittingRoomError, OSError):
            stored = open_audit(folder)
            if all(stored.values["basis"][name] == value for name, value in asked.items()):
                found.append(stored)
    return max(found, key=lambda audit: audit.time, default=None)


def _near_training(pairs: pd.DataFrame, training: int, count: int) -> Int64:
    """The test images that have a near-duplicate in training: indices, rising.

    Only the first of several exact copies is paired with other images; what is alike to it is
    alike to the copies.
    """
    first, second, identical = (pairs[name].to_numpy() for name in ("first", "second", "identical"))
    source = np.arange(count)
    source[second[identical]] = first[identical]
    in_training = source < training
    alike = in_training.copy()
    for one, other in ((first, second), (second, first)):
        np.logical_or.at(alike, one[~identical], in_training[other[~identical]])
    return np.flatnonzero(alike[source[training:]])


def _by_set(rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    return {name: sum(row["set"] == name for row in rows) for name in ("training", "test")}


def _by_side(pairs: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    sides = [side_of(pair) for pair in pairs]
    return {side: sides.count(side) for side in SIDES}
