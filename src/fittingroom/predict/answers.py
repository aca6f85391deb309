"""What a model says of pictures: as arrays for programs, and one by one in words for people."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fittingroom.predict.abstention import ABSTENTIONS, Abstention
from fittingroom.predictions import Float32, UInt8

_TOP = 3


@dataclass(frozen=True, eq=False)
class Answer:
    """What a model says of one picture.

    Attributes:
        label: the predicted label.
        class_name: its name.
        probability: of that class, 0–1, calibrated.
        probabilities: float32 ``(K,)``, in the order of the labels.
        ood_score: how unlike a garment the picture is; compare it with
            ``Model.thresholds.unknown`` alone, as its scale is the model's own.
        abstain: None for an answer; ``"unsure"`` between classes; ``"unknown"`` for a picture of
            no garment that the model knows.
        classes: the names of all classes in the order of the labels.
    """

    label: int
    class_name: str
    probability: float
    probabilities: Float32
    ood_score: float
    abstain: Abstention | None
    classes: tuple[str, ...]

    def top(self, count: int = _TOP) -> list[tuple[str, float]]:
        """The likeliest classes with their probabilities, the likeliest first."""
        order = np.argsort(-self.probabilities, kind="stable")[:count]
        return [(self.classes[label], float(self.probabilities[label])) for label in order]

    @property
    def sentence(self) -> str:
        """The answer, or why there is none, in words."""
        match self.abstain:
            case "unknown":
                return f"No garment that I know (the nearest would be {self.class_name})."
            case "unsure":
                parts = [f"{name} ({share:.0%})" for name, share in self.top(2)]
                return f"Unsure: between {' and '.join(parts)}."
        return f"{self.class_name} ({_percent(self.probability)})."

    def to_json(self, top: int = _TOP) -> dict[str, Any]:
        """The names that are a contract (docs/how-to/scripts.md), as values that JSON can hold."""
        return {
            "class": self.class_name,
            "label": self.label,
            "probability": round(self.probability, 6),
            "abstain": self.abstain,
            "top": [
                {"class": name, "probability": round(probability, 6)}
                for name, probability in self.top(top)
            ],
        }


@dataclass(frozen=True, eq=False)
class Answers:
    """What a model says of many pictures, as arrays.

    Attributes:
        label: uint8 ``(N,)``, the predicted labels.
        probabilities: float32 ``(N, K)``, calibrated.
        ood_score: float32 ``(N,)``, higher = less like a garment.
        abstain: uint8 ``(N,)``: 0 answered, 1 unsure, 2 unknown.
        classes: the names of the classes in the order of the labels.
    """

    label: UInt8
    probabilities: Float32
    ood_score: Float32
    abstain: UInt8
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.label)

    def __getitem__(self, row: int) -> Answer:
        """The answer for one picture."""
        label = int(self.label[row])
        return Answer(
            label=label,
            class_name=self.classes[label],
            probability=float(self.probabilities[row, label]),
            probabilities=self.probabilities[row],
            ood_score=float(self.ood_score[row]),
            abstain=ABSTENTIONS[self.abstain[row]],
            classes=self.classes,
        )


def _percent(share: float) -> str:
    """A probability for people, who should not read certainty in rounding."""
    return "over 99%" if share > 0.99 else f"{share:.0%}"
