"""Two or more models on the same images: paired differences, tests, and a verdict in words.

::

    results      what a comparison takes and gives: dataclasses, and their JSON
    entrants     compare_models: checks, pairs, verdicts
    paired       two fitted models: McNemar's test, Tango's interval
    seeds        two recipes over seeds: one interval over seeds and images, and power
    claims       a claimed accuracy judged by trainings on the same images
    sentences    verdicts in plain words
"""

from fittingroom.comparison.claims import judge_claim
from fittingroom.comparison.entrants import MARGIN, check_margin, compare_models, holm
from fittingroom.comparison.paired import (
    images_needed,
    mcnemar,
    paired_difference,
    tango_interval,
)
from fittingroom.comparison.results import (
    ALPHA,
    LEAST_SEEDS,
    ClassGain,
    Comparison,
    Entrant,
    McNemar,
    ModelResult,
    Pair,
    Power,
)
from fittingroom.comparison.seeds import (
    SeedScores,
    accuracy_interval,
    seed_difference,
    seed_power,
)
