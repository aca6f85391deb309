"""One fitted model on one data set: every number, with its interval, from its predictions.

::

    scores      every score in one table, which JSON and report walk over
    results     from predictions to every number
    models      one model, from its evaluation to the page of a report
"""

from fittingroom.evaluation.models import ModelReport
from fittingroom.evaluation.results import (
    ClassScores,
    ConfusedPair,
    Evaluation,
    evaluate_predictions,
)
from fittingroom.evaluation.scores import SCORES, ScoreInfo
