"""A model that answers: pictures of any origin → classes, or the reason why there is none."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from fittingroom.errors import ExportError
from fittingroom.predict.abstention import Thresholds, abstain
from fittingroom.predict.answers import Answer, Answers
from fittingroom.predict.predictor import Predictor
from fittingroom.predictions import Float32, UInt8

_OUTPUTS = ("probabilities", "features", "ood_score")


class Model:
    """An exported model with its abstention rule.

    Args:
        model: a path to an ONNX file of this project, or its bytes.
        name: what it is called; None for the file's own name.
        threads: processor threads; None leaves the choice to ONNX Runtime.

    Attributes:
        name: what it is called.
        classes: the class names in the order of the labels.
        thresholds: where it abstains.

    Raises:
        ExportError: the file is not a model of this project, or of an earlier version without
            an abstention rule.
    """

    def __init__(
        self, model: Path | bytes, *, name: str | None = None, threads: int | None = None
    ) -> None:
        self._predictor = Predictor(model, threads)
        missing = set(_OUTPUTS) - self._predictor.outputs
        if missing:
            raise ExportError(
                f"Expected a model that gives {', '.join(_OUTPUTS)}. Received one without "
                f"{', '.join(sorted(missing))}: an earlier version of this project made it. "
                "Train the recipe again."
            )
        self.name = name or ("model" if isinstance(model, bytes) else model.stem)
        self.classes = self._predictor.classes
        self.thresholds = Thresholds.from_metadata(self._predictor.metadata)

    def arrays(self, images: UInt8) -> Answers:
        """What the model says of pictures, as arrays: the fastest way.

        Args:
            images: uint8 ``(N, 28, 28)``, garments bright on black as in the data set.

        Raises:
            PredictionsError: pictures of another shape or type.
        """
        probabilities, scores = self._predictor.run(("probabilities", "ood_score"), images)
        return Answers(
            label=probabilities.argmax(axis=1).astype(np.uint8),
            probabilities=probabilities,
            ood_score=scores,
            abstain=abstain(probabilities, scores, self.thresholds),
            classes=self.classes,
        )

    def answers(self, images: UInt8) -> list[Answer]:
        """What the model says of each picture.

        Args:
            images: uint8 ``(N, 28, 28)``, garments bright on black as in the data set.

        Raises:
            PredictionsError: pictures of another shape or type.
        """
        return list(_rows(self.arrays(images)))

    def features(self, images: UInt8) -> Float32:
        """What the model's last layer sees of each picture, float32 ``(N, D)``.

        Raises:
            PredictionsError: pictures of another shape or type.
        """
        (features,) = self._predictor.run(("features",), images)
        return features


def _rows(answers: Answers) -> Iterator[Answer]:
    return (answers[row] for row in range(len(answers)))
