"""The codes of all findings, and what to do about each."""

from dataclasses import dataclass


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
        return {
            "code": self.code,
            "about": self.about,
            "sentence": self.sentence,
            "advice": CODES[self.code].advice,
        }


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
        "Trainings broke down",
        "Find out why before trusting the rest: what failed may have been the unlucky part.",
    ),
    "openings-unshown": Advice(
        "Scored runs are not shown",
        "Show all runs that were scored, or say how these were chosen: the best of several test "
        "scores is too good.",
    ),
    "too-few-seeds": Advice(
        "Too few seeds",
        "Compare with --seeds 5 or more: fewer say little of how a recipe varies.",
    ),
    "seeds-vary": Advice(
        "Seeds vary more than the margin",
        "Quote the mean over seeds, never a single training; add seeds to narrow the interval.",
    ),
    "undecided": Advice(
        "No difference shown, and no equivalence",
        "Add seeds or pictures as the verdict says, or accept that this test cannot tell.",
    ),
    "lost-after-holm": Advice(
        "A difference does not outlast Holm's correction",
        "Compare that pair alone, on fresh runs, before relying on the difference.",
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
        "Do not read its probabilities as chances; a larger validation half fits a better "
        "temperature.",
    ),
    "class-below-the-rest": Advice(
        "A class below the rest",
        "Look at its mistakes and at what it is confused with before quoting one accuracy for all.",
    ),
    "validation-and-test-disagree": Advice(
        "Validation and test disagree",
        "Quote the test accuracy; where many settings were tried on validation, expect this.",
    ),
    "no-probabilities": Advice(
        "No probabilities",
        "Ask for the columns p0 to p9: without them calibration and abstaining cannot be judged.",
    ),
}
