"""Search hyper-parameters on validation: what may vary, the stored study, and its results."""

from fittingroom.tuning.search import Retrained, Search, ended
from fittingroom.tuning.space import Setting, Value, search_space, settings_of, with_values
from fittingroom.tuning.study import open_study, prune, run_trials, seed_sampler, stop_if_hopeless

__all__ = [
    "Retrained",
    "Search",
    "Setting",
    "Value",
    "ended",
    "open_study",
    "prune",
    "run_trials",
    "search_space",
    "seed_sampler",
    "settings_of",
    "stop_if_hopeless",
    "with_values",
]
