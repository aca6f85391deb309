"""Numbers about one model's predictions, each with the interval that it must be shown with.

::

    estimates         the intervals of a share and of a mean
    checks            what comes in as arrays, checked once
    classification    accuracy, confusion matrix, precision, recall, F1
    probabilistic     log loss, Brier score
    calibration       reliability diagram, expected calibration error
    temperature       temperature scaling, and what it changes
    selective         risk-coverage curve and its area; a threshold for a promised risk

Functions import SciPy when they need it: the interval of a share works in the core install.

All of it takes arrays: ``labels`` and ``predicted`` are whole numbers below ``K``, ``(N,)``;
``probabilities`` and ``log_probabilities`` (natural logarithms) are ``(N, K)``, and their rows sum
to one. What doesn't fit together is a ``PredictionsError``.
"""

from fittingroom.metrics.calibration import (
    Binning,
    Reliability,
    calibration_error,
    confidences,
    reliability,
)
from fittingroom.metrics.classification import (
    Score,
    accuracy,
    confusion_matrix,
    f1,
    precision,
    recall,
    top_accuracy,
)
from fittingroom.metrics.estimates import (
    difference_of_shares,
    mean_estimate,
    wilson,
    wilson_interval,
)
from fittingroom.metrics.probabilistic import (
    brier_score,
    log_loss,
)
from fittingroom.metrics.selective import (
    RiskCoverage,
    risk_coverage,
)
from fittingroom.metrics.temperature import (
    TemperatureEffect,
    fit_temperature,
    temperature_effect,
)
from fittingroom.numbers import Estimate
