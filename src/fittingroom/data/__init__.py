"""Data sets: found or downloaded, verified at every load, and split; uint8 arrays come out.

::

    from fittingroom.data import SplitRule, find_dataset

    dataset = find_dataset()                                # or find_dataset("sample")
    split = dataset.split(SplitRule("stratified", "1/12"))  # what engines get
    split.training.images                                   # uint8 (55000, 28, 28)
"""

from fittingroom.data.dataset import Dataset, Source
from fittingroom.data.find import DataPlace, fetch_dataset, find_dataset, survey
from fittingroom.data.sheet import contact_sheet
from fittingroom.data.split import ImageSet, Split, SplitRule, fold_numbers, make_folds
