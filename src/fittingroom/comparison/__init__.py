"""Two or more models on the same pictures: paired differences, tests, and a verdict in words.

::

    results      what a comparison takes and gives: dataclasses, their JSON and tables
    entrants     compare_models: checks, pairs, verdicts
    paired       two fitted models: McNemar's test, Tango's interval
    seeds        two recipes over seeds: one interval over seeds and pictures
    power        how many seeds or pictures would show the gap seen
    bootstrap    the check beside the interval
    sentences    verdicts in plain words
"""

from fittingroom.comparison.entrants import MARGIN, check_margin, compare_models, holm, verdict_of
from fittingroom.comparison.paired import (
    mcnemar,
    paired_difference,
    pictures_needed,
    tango_interval,
)
from fittingroom.comparison.power import seed_power
from fittingroom.comparison.results import (
    ClassGain,
    Comparison,
    Entrant,
    McNemar,
    ModelResult,
    Pair,
    Power,
    Verdict,
)
from fittingroom.comparison.seeds import (
    SeedDifference,
    SeedScores,
    accuracy_interval,
    seed_difference,
)

__all__ = [
    "MARGIN",
    "ClassGain",
    "Comparison",
    "Entrant",
    "McNemar",
    "ModelResult",
    "Pair",
    "Power",
    "SeedDifference",
    "SeedScores",
    "Verdict",
    "accuracy_interval",
    "check_margin",
    "compare_models",
    "holm",
    "mcnemar",
    "paired_difference",
    "pictures_needed",
    "seed_difference",
    "seed_power",
    "tango_interval",
    "verdict_of",
]
