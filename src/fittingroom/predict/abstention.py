"""When a model abstains: one rule for the command line, the service and the page.

An image whose ``ood_score`` is above the threshold ``unknown`` is not a garment that the model
knows. Of the others, an image whose largest probability is below the threshold ``unsure`` could
belong to two classes or more. Both thresholds are chosen on the validation set and are part of the
model's metadata.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from fittingroom.errors import ExportError
from fittingroom.predictions import Float32, UInt8
from fittingroom.safe_io import parse_json

Abstention = Literal["unsure", "unknown"]

# The meaning of the numbers that :func:`abstain` gives.
ABSTENTIONS: tuple[Abstention | None, ...] = (None, "unsure", "unknown")
_ANSWERED, _UNSURE, _UNKNOWN = range(3)

_KEY = "thresholds"


@dataclass(frozen=True)
class Thresholds:
    """The thresholds of a model.

    Attributes:
        unsure: the smallest probability of the predicted class that is an answer, 0–1.
        unknown: the largest ``ood_score`` of a known garment; infinity accepts everything.
    """

    unsure: float
    unknown: float

    def to_metadata(self) -> dict[str, str]:
        """As an entry of an ONNX model's metadata."""
        unknown = self.unknown if math.isfinite(self.unknown) else None
        return {_KEY: json.dumps({"unsure": self.unsure, "unknown": unknown})}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> "Thresholds":
        """Read the thresholds from an ONNX model's metadata.

        Raises:
            ExportError: there are none.
        """
        try:
            values = parse_json(metadata[_KEY], _KEY)
            unknown = values["unknown"]
            return cls(float(values["unsure"]), math.inf if unknown is None else float(unknown))
        except (KeyError, TypeError, ValueError) as error:
            raise ExportError(
                "The model's metadata has no thresholds, so it is unknown when it abstains. Train "
                "the recipe again, or export the run again."
            ) from error


def abstain(probabilities: Float32, ood_scores: Float32, thresholds: Thresholds) -> UInt8:
    """For which images a model abstains, and why: uint8 ``(N,)``, see :data:`ABSTENTIONS`.

    ``probabilities`` are ``(N, K)``, ``ood_scores`` ``(N,)``, higher = less like a garment.
    """
    reasons = np.zeros(len(probabilities), np.uint8)
    reasons[probabilities.max(axis=1) < thresholds.unsure] = _UNSURE
    # A score that is not a number counts as unknown too.
    reasons[~(ood_scores <= thresholds.unknown)] = _UNKNOWN
    return reasons


def unlike(unknown: int, images: int) -> bool:
    """Whether so many images of a batch are unknown that what a model promises can't hold for it.

    About 3% of the images that chose its thresholds are. Here more than 5% are, by four standard
    errors, so that chance alone says so of one batch in thousands.
    """
    return unknown > 1 + 0.05 * images + 4 * math.sqrt(0.05 * 0.95 * images)
