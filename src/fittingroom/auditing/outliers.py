"""Images unlike all others: far from their nearest neighbours."""

from dataclasses import dataclass

import numpy as np

from fittingroom.predictions import Float32, Int64

_REACH = 1.5


@dataclass(frozen=True, eq=False)
class Outliers:
    """Images beyond a fence.

    Attributes:
        positions: int64 ``(O,)``, the furthest first.
        distances: float32 ``(O,)``, to their nearest neighbours, on average.
        fence: the distance above which an image is an outlier.
    """

    positions: Int64
    distances: Float32
    fence: float

    def __len__(self) -> int:
        return len(self.positions)


def outliers(distances: Float32) -> Outliers:
    """The images above the upper fence of these distances, float32 ``(N,)``.

    ``fence = Q3 + 1.5 (Q3 - Q1)``, with the quartiles of all distances.

    Source:
        Tukey (1977), Exploratory Data Analysis, chapter 2 (fences).
    """
    low, high = np.quantile(distances.astype(np.float64), (0.25, 0.75))
    fence = float(high + _REACH * (high - low))
    order = np.argsort(-distances, kind="stable")
    positions = order[distances[order] > fence].astype(np.int64)
    return Outliers(positions, distances[positions], fence)
