"""What workers tell, posted to one machine and read out to one listener."""

import contextlib
from collections.abc import Iterator
from typing import Any

from fittingroom.jobs.cluster.connection import here
from fittingroom.jobs.progress import Advance, Progress


class _Letters:
    """What workers tell, kept on the machine that listens: an actor."""

    def __init__(self) -> None:
        self._letters: list[tuple[Any, ...]] = []

    def post(self, *letter: Any) -> None:
        """Keep a letter."""
        self._letters.append(letter)

    def take(self) -> list[tuple[Any, ...]]:
        """All letters since the last time."""
        taken, self._letters = self._letters, []
        return taken


class Teller:
    """The listener that a worker has: it posts what it hears."""

    def __init__(self, letters: Any, number: int) -> None:
        self._letters = letters
        self._number = number

    def say(self, sentence: str) -> None:
        """A sentence, posted."""
        self._letters.post.remote(self._number, "say", sentence)

    @contextlib.contextmanager
    def track(self, description: str, total: int) -> Iterator[Advance]:
        """A task, each step of it posted."""
        self._letters.post.remote(self._number, "begin", description, total)

        def advance(done: int, words: str) -> None:
            self._letters.post.remote(self._number, "advance", done, words)

        yield advance
        self._letters.post.remote(self._number, "end")


class _BrokenOff(Exception):
    """What a task that does not end tells its listener, who would call it done otherwise."""


class Board:
    """Reads the letters of all workers out to one listener."""

    def __init__(self, ray: Any, progress: Progress) -> None:
        self._ray = ray
        self._progress = progress
        self._letters = ray.remote(num_cpus=0, scheduling_strategy=here(ray))(_Letters).remote()
        self._tasks: dict[int, tuple[contextlib.ExitStack, Advance, str]] = {}
        self._entered = 0

    def enter(self) -> int:
        """The number of one more who tells."""
        self._entered += 1
        return self._entered - 1

    def teller(self, number: int) -> Teller:
        """The listener for a worker."""
        return Teller(self._letters, number)

    def look(self) -> None:
        """Read out what has come."""
        for number, kind, *rest in self._ray.get(self._letters.take.remote()):
            match kind:
                case "say":
                    self._progress.say(*rest)
                case "begin":
                    self._begin(number, *rest)
                case "advance" if number in self._tasks:
                    self._tasks[number][1](*rest)
                case "end":
                    self.leave(number, done=True)

    def leave(self, number: int, *, done: bool) -> None:
        """Nothing more is told under this number.

        Args:
            number: what :meth:`enter` gave.
            done: whether its task was, or was broken off.
        """
        if number in self._tasks:
            task = self._tasks.pop(number)[0]
            if done:
                task.close()
            else:
                task.__exit__(_BrokenOff, _BrokenOff(), None)

    def close(self) -> None:
        """Nothing more is told at all."""
        for number in list(self._tasks):
            self.leave(number, done=False)
        self._ray.kill(self._letters)

    def _begin(self, number: int, description: str, total: int) -> None:
        if number in self._tasks:
            if self._tasks[number][2] == description:
                return  # its worker was lost, and another one goes on
            self.leave(number, done=True)
        stack = contextlib.ExitStack()
        advance = stack.enter_context(self._progress.track(description, total))
        self._tasks[number] = (stack, advance, description)
