"""Misleading data: doubtful labels, near-duplicates, outliers, and their effect on accuracy."""

from fittingroom.auditing.labels import doubtful_labels
from fittingroom.auditing.results import Audit, audit_values, find_audit, open_audit
from fittingroom.auditing.similarity import (
    NEAR_DUPLICATE,
    NEIGHBOURS,
    outliers,
    search,
    unit_images,
)
from fittingroom.auditing.subsets import Subset, subsets
