"""The folder that an audit leaves beside the runs, and finding one that was made before.

::

    runs/audit-cnn-s0-3f9c/     frozen once the manifest is there
      audit.json                what was found: see Audit.as_dict
      environment.json          versions, processor, device, threads, seconds
      training.npz, test.npz    out-of-fold predictions of every image
      index.html                the page to look through
      manifest.json             SHA-256 and size of every file above, written last
"""

import contextlib
import hashlib
from dataclasses import dataclass
from pathlib import Path

from fittingroom.auditing.results import Audit, audit_from_dict
from fittingroom.data import Dataset
from fittingroom.errors import FittingRoomError
from fittingroom.runs.manifests import check_manifest
from fittingroom.runs.stored import stored_json

PAGE = "index.html"
RESULTS = "audit.json"
ENVIRONMENT = "environment.json"


@dataclass(frozen=True, eq=False)
class StoredAudit:
    """A finished audit, checked against its manifest when it was opened.

    Attributes:
        folder: where it is.
        audit: what it found.
        time: when it was made, UTC, ISO 8601.
    """

    folder: Path
    audit: Audit
    time: str

    @property
    def page(self) -> Path:
        """The page to look through."""
        return self.folder / PAGE


def audit_name(recipe: str, key: str, folds: int, seed: int, hashes: str) -> str:
    """``audit-RECIPE-sSEED-XXXX``: the last part tells apart other settings and other data."""
    digest = hashlib.sha256(f"{key} {folds} {hashes}".encode()).hexdigest()
    return f"audit-{recipe}-s{seed}-{digest[:4]}"


def open_audit(folder: Path) -> StoredAudit:
    """Read a finished audit and check every file against the manifest.

    Raises:
        RunChangedError: it is unfinished, or a file is not the one that the audit wrote.
    """
    check_manifest(folder, (RESULTS, ENVIRONMENT))
    values, environment = (stored_json(folder / name) for name in (RESULTS, ENVIRONMENT))
    return StoredAudit(folder, audit_from_dict(values), str(environment.get("time")))


def find_audit(
    runs: Path, dataset: Dataset, *, key: str = "", folds: int = 0, seed: int | None = None
) -> StoredAudit | None:
    """The newest finished audit of a data set in a folder of runs, or None.

    Folders that are unfinished, changed or of another version are ignored.

    Args:
        runs: the folder of runs.
        dataset: the data: all four files, and the class names.
        key, folds, seed: of the recipe and the trainings; any if left out.
    """
    hashes = dataset.training_hashes | dataset.test_hashes
    found = []
    for folder in sorted(runs.glob("audit-*")):
        with contextlib.suppress(FittingRoomError, OSError):
            stored = open_audit(folder)
            basis = stored.audit.basis
            if (
                dict(basis.hashes) == hashes
                and basis.classes == dataset.classes
                and key in ("", basis.key)
                and folds in (0, basis.folds)
                and seed in (None, basis.seed)
            ):
                found.append(stored)
    return max(found, key=lambda stored: stored.time, default=None)
