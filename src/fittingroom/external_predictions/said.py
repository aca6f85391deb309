"""What a file of predictions says, before anything is checked; and how a file is refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fittingroom.errors import PredictionsError

Float64 = npt.NDArray[np.float64]

# A file for 10,000 pictures with all probabilities has some 2 MB.
MOST_BYTES = 16 * 2**20
# Of what a file holds, so much is repeated in a message.
_LONGEST = 40


@dataclass(frozen=True, eq=False)
class Said:
    """A file's numbers, which may be anything yet, all as float64.

    Attributes:
        index: ``(M,)``, or None where the file relies on its order.
        label, predicted: ``(M,)``.
        probabilities: ``(M, K)``, or None.
    """

    index: Float64 | None
    label: Float64
    predicted: Float64
    probabilities: Float64 | None


def refusal(path: Path, expected: str, received: str, advice: str = "") -> PredictionsError:
    """The error for a file that is not what it should be."""
    return PredictionsError(
        f"Expected {expected} in {path}. Received {received}.{f' {advice}' if advice else ''}"
    )


def quoted(value: object) -> str:
    """Something from a file, short and harmless in a message."""
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def some(names: Sequence[str]) -> str:
    """A few of the names that a file has: ``'a', 'b' and 7 more``."""
    shown = ", ".join(quoted(name) for name in names[:5])
    return f"{shown} and {len(names) - 5} more" if len(names) > 5 else shown or "none"
