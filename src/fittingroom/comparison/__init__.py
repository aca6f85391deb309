"""Two or more models on the same images: paired differences, tests, and a verdict in words.

::

    results      what a comparison takes and gives: dataclasses, their JSON and tables
    entrants     compare_models: checks, pairs, verdicts
    paired       two fitted models: McNemar's test, Tango's interval
    seeds        two recipes over seeds: one interval over seeds and images
    power        how many seeds or images would show the gap seen
    sentences    verdicts in plain words
"""

from fittingroom.comparison.entrants import MARGIN, check_margin, compare_models, holm, verdict_of
from fittingroom.comparison.paired import (
    images_needed,
    mcnemar,
    paired_difference,
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
    "images_needed",
    "mcnemar",
    "paired_difference",
    "seed_difference",
    "seed_power",
    "tango_interval",
    "verdict_of",
]
