"""Ctrl-C and SIGTERM during a training: wait for the checkpoint of the epoch."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from fittingroom.errors import TrainingStopped
from fittingroom.jobs.progress import Progress

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopping:
    """Whether somebody asked a training to stop.

    Args:
        progress: is told that somebody asked.
        how_to_resume: the message of the error that stops it.
        until: what is waited for, in words.
    """

    def __init__(self, progress: Progress, how_to_resume: str, until: str) -> None:
        self._progress = progress
        self._how_to_resume = how_to_resume
        self._until = until
        self._asked: int | None = None

    def ask(self, number: int, frame: FrameType | None = None) -> None:
        """Ask to stop after the epoch; the second time, stop at once.

        Raises:
            TrainingStopped: this is the second time.
        """
        self.check()
        self._asked = number
        self._progress.say(f"Stopping once {self._until} done; press Ctrl-C again to stop now.")

    def check(self) -> None:
        """Stop here if that was asked for.

        Raises:
            TrainingStopped: it was.
        """
        if self._asked is not None:
            raise TrainingStopped(self._asked, self._how_to_resume)


@contextmanager
def stops_between_epochs(
    progress: Progress,
    how_to_resume: str,
    until: str = "this epoch and its checkpoint are",
    *,
    can_wait: bool = True,
) -> Iterator[Stopping]:
    """Inside it, signals only ask; ``check`` stops, and so does the end of the context.

    Args:
        progress, how_to_resume, until: as for :class:`Stopping`.
        can_wait: False if nothing would be kept; signals then stop the work at once, as usual.

    Raises:
        TrainingStopped: somebody asked, and nothing checked any more.
    """
    stopping = Stopping(progress, how_to_resume, until)
    # Only the main thread receives signals.
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
