"""Pictures unlike all others: far from their nearest neighbours."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fittingroom.errors import UsageError
from fittingroom.predictions import Float32, Int64

_REACH = 1.5


@dataclass(frozen=True, eq=False)
class Outliers:
    """Pictures beyond a fence.

    Attributes:
        positions: int64 ``(O,)``, the furthest first.
        distances: float32 ``(O,)``, to their nearest neighbours, on average.
        fence: the distance above which a picture is one.
    """

    positions: Int64
    distances: Float32
    fence: float

    def __len__(self) -> int:
        return len(self.positions)


def outliers(distances: npt.ArrayLike) -> Outliers:
    """The pictures above the upper fence of these distances.

    ``fence = Q3 + 1.5 (Q3 - Q1)``, with the quartiles of all distances.

    Args:
        distances: ``(N,)``, of each picture to its nearest neighbours.

    Raises:
        UsageError: no distance.

    Source:
        Tukey (1977), Exploratory Data Analysis, chapter 2 (fences).
    """
    far = np.asarray(distances, dtype=np.float32)
    if len(far) == 0:
        raise UsageError("Expected the distance of at least one picture. Received none.")
    low, high = np.quantile(far.astype(np.float64), (0.25, 0.75))
    fence = float(high + _REACH * (high - low))
    order = np.argsort(-far, kind="stable")
    positions = order[far[order] > fence].astype(np.int64)
    return Outliers(positions, far[positions], fence)
