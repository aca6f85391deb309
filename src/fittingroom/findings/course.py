"""What the course of a training says of its fit."""

from collections.abc import Sequence

from fittingroom.runs import Epoch

# Training accuracy above validation accuracy, as fractions. The first is twice the sampling error
# of 5,000 images at 93%; the second is what a reader would see on the curve at once.
MILD_GAP = 0.01
CLEAR_GAP = 0.04
# Validation accuracy won over the last quarter of the epochs from which on it "still rises".
STILL_RISING = 0.003


def training_gap(history: Sequence[Epoch]) -> float:
    """Training accuracy minus validation accuracy in the last epoch, as a fraction."""
    return history[-1].train_accuracy - history[-1].val_accuracy


def last_quarter(history: Sequence[Epoch]) -> int:
    """How many epochs the last quarter has, at least one."""
    return max(1, len(history) // 4)


def late_rise(history: Sequence[Epoch]) -> float | None:
    """Validation accuracy won over the last quarter of the epochs, if it still rises.

    None if there is one epoch, if an earlier one was better, or if too little was won.
    """
    if len(history) < 2:
        return None
    last = history[-1].val_accuracy
    risen = last - history[-1 - last_quarter(history)].val_accuracy
    highest = max(epoch.val_accuracy for epoch in history)
    return risen if last == highest and risen >= STILL_RISING else None
