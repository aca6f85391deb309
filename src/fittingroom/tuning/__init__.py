"""Searching hyper-parameters on validation: what may vary, the study that is kept, what came out.

The study needs Optuna, and is imported from its own module by the job alone; what came out of a
search is read, drawn and told without it.
"""

from fittingroom.tuning.results import Retrained, Search, State, Trial
from fittingroom.tuning.space import Setting, Value, search_space, settings_of, with_values

__all__ = [
    "Retrained",
    "Search",
    "Setting",
    "State",
    "Trial",
    "Value",
    "search_space",
    "settings_of",
    "with_values",
]
