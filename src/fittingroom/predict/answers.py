"""Answers of a model: as arrays for programs, and one by one in words for people."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fittingroom.predict.abstention import ABSTENTIONS, Abstention
from fittingroom.predictions import Float32, Labels, UInt8

_TOP = 3


@dataclass(frozen=True, eq=False)
class Answer:
    """The answer of a model for one image.

    Attributes:
        label: the predicted label.
        class_name: its name.
        probability: of that class, 0–1, calibrated.
        probabilities: float32 ``(K,)``, in the order of the labels.
        ood_score: how unlike a garment the image is. Its scale is the model's own: compare it with
            ``Model.thresholds.unknown`` only.
        abstain: None for an answer; ``"unsure"`` between classes; ``"unknown"`` for an image that
            is not a garment the model knows.
        classes: the names of all classes in the order of the labels.
        model: the name of the model that answered.
        warnings: what was assumed about the image, or may spoil the answer; see
            :class:`fittingroom.photos.Converted`.
    """

    label: int
    class_name: str
    probability: float
    probabilities: Float32
    ood_score: float
    abstain: Abstention | None
    classes: tuple[str, ...]
    model: str = ""
    warnings: tuple[str, ...] = ()

    def top(self, count: int = _TOP) -> list[tuple[str, float]]:
        """The most likely classes with their probabilities, in descending order."""
        # Sorting so few numbers in Python takes less time than one call of NumPy.
        likely = zip(self.classes, self.probabilities.tolist(), strict=True)
        return sorted(likely, key=lambda each: each[1], reverse=True)[:count]

    @property
    def sentence(self) -> str:
        """The answer in words, or the reason why there is none."""
        match self.abstain:
            case "unknown":
                return f"I can't tell. It looks most like {self.class_name}."
            case "unsure":
                parts = [f"{name} ({share:.0%})" for name, share in self.top(2)]
                return f"Unsure: between {' and '.join(parts)}."
        return f"{self.class_name} ({_percent(self.probability)})."

    def to_json(self, top: int = _TOP) -> dict[str, Any]:
        """The answer as values for JSON; the names are a contract (docs/how-to/scripts.md)."""
        return {
            "class": self.class_name,
            "label": self.label,
            "probability": round(self.probability, 6),
            "abstain": self.abstain,
            "model": self.model,
            "top": [
                {"class": name, "probability": round(probability, 6)}
                for name, probability in self.top(top)
            ],
        }


@dataclass(frozen=True, eq=False)
class Answers:
    """The answers of a model for many images, as arrays; each row is an :class:`Answer`.

    Attributes:
        label: uint8 or uint16 ``(N,)``, the predicted labels.
        probabilities: float32 ``(N, K)``, calibrated.
        ood_score: float32 ``(N,)``, higher = less like a garment.
        abstain: uint8 ``(N,)``: 0 answered, 1 unsure, 2 unknown.
        classes: the names of the classes in the order of the labels.
        model: the name of the model that answered.
    """

    label: Labels
    probabilities: Float32
    ood_score: Float32
    abstain: UInt8
    classes: tuple[str, ...]
    model: str

    def __len__(self) -> int:
        return len(self.label)

    def __iter__(self) -> Iterator[Answer]:
        return map(self.__getitem__, range(len(self)))

    def __getitem__(self, row: int) -> Answer:
        """The answer for one image."""
        label = int(self.label[row])
        return Answer(
            label=label,
            class_name=self.classes[label],
            probability=float(self.probabilities[row, label]),
            probabilities=self.probabilities[row],
            ood_score=float(self.ood_score[row]),
            abstain=ABSTENTIONS[self.abstain[row]],
            classes=self.classes,
            model=self.model,
        )


def _percent(share: float) -> str:
    """A probability for people; rounding must not look like certainty."""
    return "over 99%" if share > 0.99 else f"{share:.0%}"
