"""Data that misleads: doubtful labels, near-duplicates, outliers, and what they do to accuracy."""

from fittingroom.auditing.confident import (
    DoubtfulLabels,
    class_thresholds,
    confident_classes,
    confident_joint,
    doubtful_labels,
    mislabelled_counts,
)
from fittingroom.auditing.folder import StoredAudit, audit_name, find_audit, open_audit
from fittingroom.auditing.outliers import Outliers, outliers
from fittingroom.auditing.results import Audit, Basis, audit_from_dict
from fittingroom.auditing.similarity import (
    NEAR_DUPLICATE,
    NEIGHBOURS,
    Neighbourhoods,
    SimilarPairs,
    search,
    unit_pictures,
)
from fittingroom.auditing.subsets import Difference, Subset, subsets

__all__ = [
    "NEAR_DUPLICATE",
    "NEIGHBOURS",
    "Audit",
    "Basis",
    "Difference",
    "DoubtfulLabels",
    "Neighbourhoods",
    "Outliers",
    "SimilarPairs",
    "StoredAudit",
    "Subset",
    "audit_from_dict",
    "audit_name",
    "class_thresholds",
    "confident_classes",
    "confident_joint",
    "doubtful_labels",
    "find_audit",
    "mislabelled_counts",
    "open_audit",
    "outliers",
    "search",
    "subsets",
    "unit_pictures",
]
