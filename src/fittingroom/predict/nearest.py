"""The garments of the embedded sample that are most similar to an image."""

from dataclasses import dataclass

import numpy as np

from fittingroom.classes import GARMENTS
from fittingroom.data import Half, find_dataset
from fittingroom.predict.predictor import Predictor
from fittingroom.predictions import Float32, UInt8


@dataclass(frozen=True, eq=False)
class Neighbour:
    """A garment of the sample's training set.

    Attributes:
        label: its true label.
        class_name: the name of that.
        image: uint8 ``(28, 28)``.
        distance: Euclidean, between features.
    """

    label: int
    class_name: str
    image: UInt8
    distance: float


class Neighbourhood:
    """The sample's training set with a model's features.

    Args:
        predictor: the model.
    """

    def __init__(self, predictor: Predictor) -> None:
        self._garments: Half = find_dataset("sample").training()
        (self._features,) = predictor.run(("features",), self._garments.images)

    def nearest(self, features: Float32, count: int) -> list[Neighbour]:
        """Find the garments with the nearest features, the nearest first.

        Args:
            features: float32 ``(D,)``.
            count: how many.
        """
        distances = np.linalg.norm(self._features - features, axis=1)
        order = np.argsort(distances, kind="stable")[:count]
        return [
            Neighbour(
                label=int(self._garments.labels[at]),
                class_name=GARMENTS[self._garments.labels[at]],
                image=self._garments.images[at],
                distance=float(distances[at]),
            )
            for at in order
        ]
