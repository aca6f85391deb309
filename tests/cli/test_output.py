import io

import pytest
from rich.console import Console

from fittingroom.cli import output


@pytest.fixture
def terminal(monkeypatch):
    console = Console(file=io.StringIO(), force_terminal=True, width=100, highlight=False)
    monkeypatch.setattr(output, "messages", console)
    return console


def test_tasks_at_the_same_time_have_one_display(terminal):
    display = output.Display()
    with display.track("first", 3) as one:
        one(1, "a third")
        with display.track("second", 2) as two:
            two(2, "all of it")
            terminal.print("between")
        one(3, "in the end")
    shown = terminal.file.getvalue()
    assert "second: done, all of it\n" in shown.replace("\x1b[2K", "").replace("\r", "")
    assert shown.rstrip().endswith("\x1b[?25h")  # the cursor is back
    assert "in the end" in shown


def test_a_task_after_another_has_a_display_of_its_own(terminal):
    display = output.Display()
    for name in ("first", "second"):
        with display.track(name, 1) as advance:
            advance(1, "done")
    shown = terminal.file.getvalue()
    assert shown.count("\x1b[?25h") == 2


def test_off_a_terminal_each_task_is_a_line(monkeypatch):
    stream = io.StringIO()
    console = Console(file=stream)
    monkeypatch.setattr(output, "messages", console)
    display = output.Display()
    with display.track("first", 1) as one, display.track("second", 1) as two:
        one(1, "one")
        two(1, "two")
    assert stream.getvalue() == "second: done, two\nfirst: done, one\n"
