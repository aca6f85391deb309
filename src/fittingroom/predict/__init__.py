"""Use a model, by ONNX Runtime alone: predictions for labelled images, and answers for people.

::

    from fittingroom.predict import Model

    model = Model(path)                 # a model.onnx; `fittingroom.load()` for those inside
    model.predict(["shirt.jpg"])[0]     # an Answer: class, probability, whether it abstains
"""

from fittingroom.predict.abstention import ABSTENTIONS, Abstention, Thresholds, abstain
from fittingroom.predict.answers import Answer, Answers
from fittingroom.predict.model import Batch, Brought, Model, answer, batches
from fittingroom.predict.predictor import Predictor

__all__ = [
    "ABSTENTIONS",
    "Abstention",
    "Answer",
    "Answers",
    "Batch",
    "Brought",
    "Model",
    "Predictor",
    "Thresholds",
    "abstain",
    "answer",
    "batches",
]
