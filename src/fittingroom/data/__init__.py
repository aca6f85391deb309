"""Data: found or fetched, verified at every load, split; four IDX files in, uint8 arrays out.

::

    from fittingroom.data import SplitRule, find_dataset

    dataset = find_dataset()                                # or find_dataset("sample")
    split = dataset.split(SplitRule("stratified", "1/12"))  # what engines get
    split.training.images                                   # uint8 (55000, 28, 28)
"""

from fittingroom.data.dataset import Dataset
from fittingroom.data.find import fetch_dataset, find_dataset
from fittingroom.data.folder import FileReport, verify
from fittingroom.data.folds import fold_numbers, make_folds
from fittingroom.data.place import Place, PlaceStatus, look, places, survey
from fittingroom.data.sheet import contact_sheet
from fittingroom.data.split import Half, Split, SplitRule

__all__ = [
    "Dataset",
    "FileReport",
    "Half",
    "Place",
    "PlaceStatus",
    "Split",
    "SplitRule",
    "contact_sheet",
    "fetch_dataset",
    "find_dataset",
    "fold_numbers",
    "look",
    "make_folds",
    "places",
    "survey",
    "verify",
]
