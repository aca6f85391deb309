"""Search hyper-parameters on validation: what may vary, the stored study, and its results."""

from fittingroom.tuning.search import Retrained, Search, ended
from fittingroom.tuning.space import Setting, Value, search_space, settings_of, with_values
from fittingroom.tuning.study import open_study, prune, run_trials, seed_sampler
