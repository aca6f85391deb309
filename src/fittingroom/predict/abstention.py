"""When a model gives no answer: the one rule, for command line, service and page alike.

A picture that is stranger than the threshold `unknown` is no garment that the model knows. Of the
others, one whose largest probability is below the threshold `unsure` could be one of two classes
or more. Both thresholds are chosen on validation and stand in the model's metadata.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np

from fittingroom.errors import ExportError
from fittingroom.predictions import Float32, UInt8
from fittingroom.safe_io import parse_json

Abstention = Literal["unsure", "unknown"]

# What the numbers of :func:`abstain` mean, in their order.
ABSTENTIONS: tuple[Abstention | None, ...] = (None, "unsure", "unknown")
_ANSWERED, _UNSURE, _UNKNOWN = range(3)

_KEY = "thresholds"


@dataclass(frozen=True)
class Thresholds:
    """Where a model abstains.

    Attributes:
        unsure: the least probability of the predicted class that is an answer, 0–1.
        unknown: the largest ``ood_score`` that still is a garment; infinity accepts everything.
    """

    unsure: float
    unknown: float

    def to_metadata(self) -> dict[str, str]:
        """As an entry of an ONNX model's metadata."""
        values = {name: value if math.isfinite(value) else None for name, value in _items(self)}
        return {_KEY: json.dumps(values)}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> "Thresholds":
        """Those that an ONNX model's metadata holds.

        Raises:
            ExportError: there are none.
        """
        try:
            values = parse_json(metadata[_KEY], _KEY)
            unknown = values["unknown"]
            return cls(float(values["unsure"]), math.inf if unknown is None else float(unknown))
        except (KeyError, TypeError, ValueError) as error:
            raise ExportError(
                "Expected a model whose metadata says when it abstains. Received one that does "
                "not: an earlier version of this project made it. Train the recipe again."
            ) from error


def abstain(probabilities: Float32, ood_scores: Float32, thresholds: Thresholds) -> UInt8:
    """Which answers are withheld, and why.

    Args:
        probabilities: float32 ``(N, K)``.
        ood_scores: float32 ``(N,)``, higher = stranger.
        thresholds: the model's.

    Returns:
        uint8 ``(N,)``: 0 answered, 1 unsure, 2 unknown, as :data:`ABSTENTIONS` has them.
    """
    reasons = np.zeros(len(probabilities), np.uint8)
    reasons[probabilities.max(axis=1) < thresholds.unsure] = _UNSURE
    # A score that is no number is no garment either.
    reasons[~(ood_scores <= thresholds.unknown)] = _UNKNOWN
    return reasons


def _items(thresholds: Thresholds) -> list[tuple[str, float]]:
    return list(asdict(thresholds).items())
