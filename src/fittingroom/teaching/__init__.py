"""Teach the model of photos other classes, from a few photos of each: a new last layer.

::

    kept          features of photos of the ten classes, which ship with the package
    fit           the new layer, fitted and judged by cross-validation
    graph         the photo model's graph with that layer in place of its own
"""

from fittingroom.teaching.fit import FOLDS, STRENGTH, Head, cross_validate, doubtful, fit_head, unit
from fittingroom.teaching.graph import replace_head
from fittingroom.teaching.kept import Kept, make_kept, read_kept

__all__ = [
    "FOLDS",
    "STRENGTH",
    "Head",
    "Kept",
    "cross_validate",
    "doubtful",
    "fit_head",
    "make_kept",
    "read_kept",
    "replace_head",
    "unit",
]
