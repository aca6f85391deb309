"""How a job reports what it is doing, without knowing who listens."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

# Called with how much is done and a few words about it.
Advance = Callable[[int, str], None]


class Progress(Protocol):
    """Listens to a job."""

    def say(self, sentence: str) -> None:
        """Something worth a line."""

    def track(self, description: str, total: int) -> AbstractContextManager[Advance]:
        """A task of ``total`` steps, for as long as the context lasts."""


class Silence:
    """Ignores everything: the default in Python."""

    def say(self, sentence: str) -> None:
        """Nothing."""

    @contextmanager
    def track(self, description: str, total: int) -> Iterator[Advance]:
        """Nothing."""
        yield lambda done, words: None
