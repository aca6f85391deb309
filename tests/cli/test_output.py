import io
import json

import pytest
from rich.console import Console

from fittingroom.cli import output


@pytest.fixture
def terminal(monkeypatch):
    console = Console(file=io.StringIO(), force_terminal=True, width=100, highlight=False)
    monkeypatch.setattr(output, "messages", console)
    return console


def test_what_strangers_wrote_is_shown_as_it_is_and_obeyed_by_nothing(capsys, monkeypatch):
    names = [
        "T-shirt [top]",
        "[/]",
        ":bag:",
        "été 👩\u200d🎤",
        "\x1b[2J\x9bred",
        "\ud800",
        "a\u202eb",
    ]
    shown = [*names[:4], r"\u001b[2J\u009bred", r"\ud800", r"a\u202eb"]
    for stream in ("results", "messages"):
        monkeypatch.setattr(output, stream, Console(width=160, stderr=stream == "messages"))
    output.print_table("[/]", names, [names])
    output.print_text(" ".join(names))
    output.print_json(names)
    output.say(" ".join(names))
    with output.Display().track("[/]", 1) as advance:
        advance(1, "[/]\x1b")
    printed = capsys.readouterr()
    for text in (printed.out, printed.err):
        assert text.replace("\n", "").replace("\u200d", "").isprintable()
        assert " ".join(shown) in text
    assert all(printed.out.count(each) >= 3 for each in shown)  # heading, row, text
    assert json.loads(printed.out[printed.out.index("[\n") :]) == names


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
