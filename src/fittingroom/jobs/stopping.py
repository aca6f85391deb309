"""Ctrl-C and SIGTERM while a model is trained: they wait for the epoch's checkpoint."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from fittingroom.errors import TrainingStopped
from fittingroom.jobs.progress import Progress

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopping:
    """Whether somebody asked a training to stop, and what it is told then.

    Attributes:
        how_to_go_on: the message of the error that stops it.
    """

    def __init__(self, progress: Progress, how_to_go_on: str, until: str) -> None:
        self._progress = progress
        self._until = until
        self._asked: int | None = None
        self.how_to_go_on = how_to_go_on

    def ask(self, number: int, frame: FrameType | None = None) -> None:
        """Ask to stop after the epoch; asked twice, stop at once.

        Raises:
            TrainingStopped: asked twice.
        """
        again = self._asked is not None
        self._asked = number
        if again:
            self.check()
        self._progress.say(f"Stopping once {self._until} done; asked once more, at once.")

    def check(self) -> None:
        """Stop here where that was asked for.

        Raises:
            TrainingStopped: it was.
        """
        if self._asked is not None:
            raise TrainingStopped(self._asked, self.how_to_go_on)


@contextmanager
def stops_between_epochs(
    progress: Progress,
    how_to_go_on: str,
    until: str = "this epoch and its checkpoint are",
    *,
    can_wait: bool = True,
) -> Iterator[Stopping]:
    """While it lasts, the signals that stop a process ask only, and `check` stops; so does its end.

    Outside the main thread no signal arrives, and none is waited for.

    Args:
        progress: is told that somebody asked.
        how_to_go_on: the message of the error that stops.
        until: what is waited for, in words.
        can_wait: False where nothing would be kept: signals end the work at once then, as before.

    Raises:
        TrainingStopped: somebody asked, and nothing checked any more.
    """
    stopping = Stopping(progress, how_to_go_on, until)
    if not can_wait or threading.current_thread() is not threading.main_thread():
        yield stopping
        return
    before = {number: signal.signal(number, stopping.ask) for number in _SIGNALS}
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    stopping.check()
