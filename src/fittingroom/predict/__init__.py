"""Use a model, by ONNX Runtime alone: predictions for labelled images, and answers for people.

::

    from fittingroom.predict import Model

    model = Model(path)                 # a model.onnx; `fittingroom.load()` for the one inside
    model.predict(["shirt.jpg"])[0]     # an Answer: class, probability, whether it abstains
"""

from fittingroom.predict.abstention import ABSTENTIONS, Abstention, Thresholds, abstain
from fittingroom.predict.answers import Answer, Answers
from fittingroom.predict.model import Model
from fittingroom.predict.predictor import Predictor

__all__ = [
    "ABSTENTIONS",
    "Abstention",
    "Answer",
    "Answers",
    "Model",
    "Predictor",
    "Thresholds",
    "abstain",
]
