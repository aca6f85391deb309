"""Ctrl-C and SIGTERM during a training: wait for the checkpoint of the epoch."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from fittingroom.errors import TrainingStopped
from fittingroom.jobs.progress import Progress

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stops_between_epochs(
    progress: Progress,
    how_to_resume: str,
    until: str = "this epoch and its checkpoint are",
    *,
    can_wait: bool = True,
) -> Iterator[Callable[[], None]]:
    """Inside it, the first signal only asks to stop; a second one stops at once.

    It gives a function that raises ``TrainingStopped`` if somebody asked; the end of the context
    does so too. If nothing would be kept, it can't wait: signals stop the work at once, as usual.
    """
    asked: list[int] = []

    def check() -> None:
        if asked:
            raise TrainingStopped(asked[0], how_to_resume)

    def ask(number: int, frame: FrameType | None) -> None:
        check()
        asked.append(number)
        progress.say(f"Stopping once {until} done; press Ctrl-C again to stop now.")

    # Only the main thread receives signals.
    if not can_wait or threading.current_thread() is not threading.main_thread():
        yield check
        return
    before = {number: signal.signal(number, ask) for number in _SIGNALS}
    try:
        yield check
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    check()
