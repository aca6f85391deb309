"""Which settings account for the differences between trials."""

from collections.abc import Sequence

import numpy as np
import optuna

from fittingroom.metrics import Estimate

# With fewer complete trials a forest says nothing.
FEWEST = 8
_RESAMPLES = 40
_TREES = 32


def importances(
    trials: Sequence[optuna.trial.FrozenTrial], seed: int = 0
) -> tuple[tuple[str, Estimate], ...]:
    """The share of the variance of accuracy that each setting accounts for by itself.

    Functional analysis of variance on a random forest that predicts a trial's accuracy from its
    settings; the shares are scaled to a sum of 1. Intervals: 95% of what trials drawn anew from
    these, with repetition, give, which is how far the order can be trusted.

    Args:
        trials: complete ones.
        seed: of the forests, and of the draws.

    Returns:
        Names and shares, largest first; nothing where there are fewer than eight trials, fewer than
        two settings, or no differences.

    Source:
        Hutter, Hoos and Leyton-Brown (2014), ICML, PMLR 32(1):754, as Optuna has it.
    """
    values = [trial.value for trial in trials]
    if len(trials) < FEWEST or len(trials[0].params) < 2 or len(set(values)) < 2:
        return ()
    whole = _shares(trials, seed)
    random = np.random.default_rng(seed)
    drawn = []
    for _ in range(_RESAMPLES):
        chosen = [trials[at] for at in random.integers(len(trials), size=len(trials))]
        if len({trial.value for trial in chosen}) > 1:
            drawn.append(_shares(chosen, seed))
    found = []
    for name, share in whole.items():
        low, high = np.quantile([each[name] for each in drawn], (0.025, 0.975))
        found.append((name, Estimate(share, min(float(low), share), max(float(high), share))))
    return tuple(sorted(found, key=lambda each: -each[1].value))


def _shares(trials: Sequence[optuna.trial.FrozenTrial], seed: int) -> dict[str, float]:
    study = optuna.create_study(direction="maximize")
    study.add_trials(trials)
    evaluator = optuna.importance.FanovaImportanceEvaluator(n_trees=_TREES, seed=seed)
    return optuna.importance.get_param_importances(study, evaluator=evaluator)
