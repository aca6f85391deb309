"""Results to standard output, everything else to standard error."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, redirect_stdout, suppress
from typing import Any

from rich import box
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from fittingroom.cli import leave_unread, printable
from fittingroom.jobs.progress import Advance

# Off a terminal, tables are laid out for a file and not for 80 columns.
_WIDE = 160


class _Messages(Console):
    """Standard error, without which work goes on: Ctrl-C may end its reader, such as `tee`."""

    def on_broken_pipe(self) -> None:
        """Do not leave with exit code 1, as rich does."""
        leave_unread(sys.stderr)


results = Console(highlight=False, width=None if sys.stdout and sys.stdout.isatty() else _WIDE)
messages = _Messages(stderr=True, highlight=False)


def print_json(values: Any) -> None:
    """One JSON value to standard output, in ASCII: no terminal's encoding can change a name."""
    results.out(json.dumps(values, indent=2, allow_nan=False))


def print_table(
    title: str | None,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    left: Sequence[str] = (),
) -> None:
    """A table to standard output; columns not named in ``left`` hold numbers."""
    style = box.HEAVY_HEAD if results.is_terminal else box.SIMPLE
    shown = None if title is None else _plain(title)
    table = Table(title=shown, title_justify="left", title_style="bold", box=style)
    for column in columns:
        side: Any = "left" if column in left else "right"
        table.add_column(_plain(column), justify=side, overflow="fold")
    for row in rows:
        table.add_row(*map(_plain, row))
    results.print(table)


def print_text(text: str) -> None:
    """A paragraph to standard output: wrapped at words on a terminal, on one line elsewhere."""
    results.print(_plain(text), soft_wrap=not results.is_terminal)


def say(text: str) -> None:
    """A sentence to standard error, if that can be written to."""
    with suppress(OSError):
        messages.print(_plain(text), soft_wrap=not messages.is_terminal)


def _plain(text: str) -> Text:
    """Text in which rich looks for neither markup nor emoji."""
    return Text(printable(text))


def prints_aside() -> AbstractContextManager[Any]:
    """Send to standard error what your own model's code prints: it is no result of a command."""
    return redirect_stdout(sys.stderr)


class Display:
    """Shows a job's progress: bars on a terminal, a line for each finished task elsewhere.

    Tasks at the same time share one display.
    """

    def __init__(self) -> None:
        self._bars: Progress | None = None

    def say(self, sentence: str) -> None:
        """A sentence to standard error."""
        say(sentence)

    @contextmanager
    def track(self, description: str, total: int) -> Iterator[Advance]:
        """A bar for as long as the context lasts, on a terminal; a line when it ends, elsewhere."""
        if self._bars is None:
            self._bars = _new_bars()
            self._bars.start()
        bars, words = self._bars, ""
        task = bars.add_task(printable(description), total=total, words="")

        def advance(done: int, new_words: str) -> None:
            nonlocal words
            words = new_words
            bars.update(task, completed=done, words=printable(new_words))

        try:
            yield advance
        finally:
            last = len(bars.task_ids) == 1
            if last:
                bars.stop()
                self._bars = None
            else:
                bars.remove_task(task)
        if bars.disable or not last:  # the last bar stays on the terminal
            say(f"{description}: done" + (f", {words}" if words else ""))


def _new_bars() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[words]}", markup=False),
        console=messages,
        disable=not messages.is_terminal,
    )
