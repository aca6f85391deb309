"""Misleading data: doubtful labels, near-duplicates, outliers, and their effect on accuracy."""

from fittingroom.auditing.folder import StoredAudit, audit_name, find_audit, open_audit
from fittingroom.auditing.labels import DoubtfulLabels, doubtful_labels
from fittingroom.auditing.outliers import Outliers, outliers
from fittingroom.auditing.results import Audit, AuditBasis, audit_from_dict
from fittingroom.auditing.similarity import (
    NEAR_DUPLICATE,
    NEIGHBOURS,
    Neighbourhoods,
    SimilarPairs,
    search,
    unit_images,
)
from fittingroom.auditing.subsets import Subset, subsets

__all__ = [
    "NEAR_DUPLICATE",
    "NEIGHBOURS",
    "Audit",
    "AuditBasis",
    "DoubtfulLabels",
    "Neighbourhoods",
    "Outliers",
    "SimilarPairs",
    "StoredAudit",
    "Subset",
    "audit_from_dict",
    "audit_name",
    "doubtful_labels",
    "find_audit",
    "open_audit",
    "outliers",
    "search",
    "subsets",
    "unit_images",
]
