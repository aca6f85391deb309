"""The codes of all findings, and what to do about each."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that deserves a second look.

    Attributes:
        code: a key of :data:`CODES`, and the chapter of ``docs/methods/findings.md`` about it.
        about: the model or pair that it is about, "" for the whole.
        sentence: what was found, with its numbers.
    """

    code: str
    about: str
    sentence: str

    def as_dict(self) -> dict[str, str]:
        """Plain JSON values: ``code``, ``about``, ``sentence``, ``advice``."""
        return asdict(self) | {"advice": CODES[self.code].advice}


@dataclass(frozen=True)
class Advice:
    """What a code stands for.

    Attributes:
        title: in a few words.
        advice: what to do, in a sentence or two.
    """

    title: str
    advice: str


CODES: dict[str, Advice] = {
    "trainings-failed": Advice(
        "Trainings failed",
        "Find out why before you trust the rest: the failed ones may have been the worst.",
    ),
    "openings-unshown": Advice(
        "Scored runs are not shown",
        "Show all runs that were scored, or say how you chose these: the best of several test "
        "scores is too good.",
    ),
    "too-few-seeds": Advice(
        "Too few seeds",
        "Compare with --seeds 5 or more: fewer say little about how much a recipe varies.",
    ),
    "seeds-vary": Advice(
        "Seeds vary more than the margin",
        "Quote the mean over seeds, not a single training; add seeds to narrow the interval.",
    ),
    "undecided": Advice(
        "Neither a difference nor equivalence",
        "Add seeds or images as the verdict says, or accept that this test cannot tell.",
    ),
    "lost-after-holm": Advice(
        "Not significant after Holm's correction",
        "Compare that pair alone, on fresh runs, before you rely on the difference.",
    ),
    "over-fitting": Advice(
        "Over-fitting",
        "Try augmentation, dropout, weight decay, or a smaller network; stop earlier.",
    ),
    "under-fitting": Advice(
        "Under-fitting",
        "Train it for more epochs (fittingroom train … --set epochs=N), and compare those runs.",
    ),
    "miscalibrated": Advice(
        "Miscalibrated",
        "Do not rely on its probabilities; more validation images give a better temperature.",
    ),
    "class-below-the-rest": Advice(
        "A class below the rest",
        "Look at what it is confused with before you quote one accuracy for all classes.",
    ),
    "validation-and-test-disagree": Advice(
        "Validation and test disagree",
        "Quote the test accuracy. If many settings were tried on validation, expect this.",
    ),
    "no-probabilities": Advice(
        "No probabilities",
        "Ask for the columns p0 to p9: calibration and abstaining need them.",
    ),
}
