"""Messages from workers to the process that waits for them, by one small actor."""

import contextlib
from collections.abc import Iterator
from typing import Any

from fittingroom.jobs.cluster.connection import on_machine
from fittingroom.jobs.progress import Advance, Progress


class _Letters:
    """Keeps messages by the number of their task: an actor on the machine that reads them."""

    def __init__(self) -> None:
        self._letters: dict[int, list[Any]] = {}

    def post(self, number: int, letter: Any) -> None:
        """Keep a message of a task."""
        self._letters.setdefault(number, []).append(letter)

    def take(self, number: int) -> list[Any]:
        """The messages of a task since the last time."""
        return self._letters.pop(number, [])


class Mailbox:
    """Takes messages of tasks, and gives them back in order; it may be sent to workers.

    Its actor ends with it.
    """

    def __init__(self, ray: Any) -> None:
        here = on_machine(ray.get_runtime_context().get_node_id())
        self._letters = ray.remote(num_cpus=0, scheduling_strategy=here)(_Letters).remote()

    def post(self, number: int, letter: Any) -> None:
        """Post a message of a task, from a worker."""
        self._letters.post.remote(number, letter)

    def take(self, number: int) -> list[Any]:
        """The messages of a task since the last time, which may have been posted twice where a
        worker was lost."""
        import ray

        taken: list[Any] = ray.get(self._letters.take.remote(number))
        return taken


class PostedProgress:
    """A worker's listener, which posts what it hears."""

    def __init__(self, mailbox: Mailbox, number: int) -> None:
        self._mailbox = mailbox
        self._number = number

    def say(self, sentence: str) -> None:
        """Post a sentence."""
        self._mailbox.post(self._number, sentence)

    @contextlib.contextmanager
    def track(self, description: str, total: int) -> Iterator[Advance]:
        """Post each step of a task."""
        yield lambda done, words: self._mailbox.post(
            self._number, (description, total, done, words)
        )


class Reader:
    """Reads the messages of tasks out to one listener: a task of its own for each."""

    def __init__(self, mailbox: Mailbox, progress: Progress) -> None:
        self._mailbox = mailbox
        self._progress = progress
        self._tracked: dict[int, tuple[contextlib.AbstractContextManager[Advance], Advance]] = {}

    def read(self, number: int) -> None:
        """Read out what has come from a task."""
        for letter in self._mailbox.take(number):
            if isinstance(letter, str):
                self._progress.say(letter)
                continue
            description, total, done, words = letter
            if number not in self._tracked:
                task = self._progress.track(description, total)
                self._tracked[number] = (task, task.__enter__())
            self._tracked[number][1](done, words)

    def end(self, number: int, error: BaseException | None = None) -> None:
        """Read out the rest of a task that is over; with an error, it isn't told as done."""
        self.read(number)
        if number in self._tracked:
            task, _ = self._tracked.pop(number)
            task.__exit__(type(error) if error else None, error, None)
