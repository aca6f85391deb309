"""The command line: parse arguments, call one job, print what it returns."""

import _thread
import contextlib
import importlib
import json
import os
import signal
import sys
import threading
from types import FrameType
from typing import TextIO

from fittingroom.errors import FittingRoomError, TrainingStopped, missing_extra

# Spaces, and what joins emoji and Persian words.
_HARMLESS = "\n\t\u00a0\u2009\u202f\u200c\u200d"
_ASK_AGAIN_SECONDS = 0.5
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# Commands that keep what they finished; a training says more itself.
_RESUMABLE = ("train", "compare", "verify", "tune", "cv")
_received: list[int] = []


class _Interrupted(BaseException):
    """Ctrl-C or SIGTERM, under a name that the argument parser does not catch and hide."""


def main() -> None:
    """Run one command and leave with its exit code: 0 done, 1 failed, 2 wrong usage."""
    arguments = sys.argv[1:]
    try:
        _prepare()
        code = run(arguments)
    except _Interrupted as error:  # just before `run` listens, or just after
        code = _stop(error, arguments)
    sys.exit(code)


def _prepare() -> None:
    """Answer signals, and write what any terminal can show."""
    # First, before anything slow is imported.
    for number in _SIGNALS:
        signal.signal(number, _interrupt)
    sys.unraisablehook = _unraisable
    os.environ["MPLBACKEND"] = "agg"  # figures go to files, whatever windows others are set up for
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started this
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        # A terminal or file that has no × shows a question mark.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def run(arguments: list[str]) -> int:
    """Run one command; its exit code.

    A mistake is answered with one message on standard error, never a traceback.
    """
    try:
        helps = {"-h", "--help"} & set(arguments)
        if arguments[:1] in (["predict"], ["doctor"]) and not helps:
            # By themselves: importing the other commands takes longer than an answer, and fails
            # where doctor has to say which package is broken.
            command = importlib.import_module(f"fittingroom.cli.{arguments[0]}")
            command.app(args=arguments[1:], prog_name=f"fittingroom {arguments[0]}")
        else:
            from fittingroom.cli.app import app

            app(args=arguments, prog_name="fittingroom")
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else 1
    except BaseException as error:  # noqa: BLE001 - what is not for people is raised again
        # Compiled code that is interrupted while it is imported raises an ImportError.
        if _received or isinstance(error, KeyboardInterrupt | TrainingStopped):
            return _stop(error, arguments)
        return _fail(error)
    return 0


def _fail(error: BaseException) -> int:
    """Say what went wrong; the exit code. An error that is not for people is raised again."""
    match error:
        case FittingRoomError():
            message, code = str(error), error.exit_code
        case ModuleNotFoundError() if not (error.name or "").startswith("fittingroom"):
            message, code = str(missing_extra(error, "train")), 1
        case ImportError() if not (error.name or "").startswith("fittingroom"):
            message = f"A package can't be loaded: {reason_of(error)}. See `fittingroom doctor`."
            code = 1
        case OSError():
            where = f" ({error.filename})" if error.filename else ""
            message, code = f"The system says: {error.strerror or error}{where}.", 1
        case _:
            raise error
    _tell(f"Error: {message}")
    return code


def reason_of(error: BaseException) -> str:
    """The message of the first of its errors, on one line, without a full stop."""
    while error.__cause__ is not None:
        error = error.__cause__
    return " ".join(str(error).split())[:300].rstrip(".") or type(error).__name__


def _stop(error: BaseException, arguments: list[str]) -> int:
    """Say how to go on after a signal; 128 and its number."""
    if threading.current_thread() is threading.main_thread():
        for each in _SIGNALS:  # from here on, one more changes nothing
            signal.signal(each, signal.SIG_IGN)
    if isinstance(error, TrainingStopped):
        _tell(str(error))
        return 128 + error.signal
    resumable = arguments and arguments[0] in _RESUMABLE
    how = " To continue, run `train` with --resume, and other commands again without --fresh."
    _tell(f"Stopped.{how if resumable else ''}")
    return 128 + (_received[0] if _received else signal.SIGINT)


def _tell(sentence: str) -> None:
    """A sentence to standard error, whose reader Ctrl-C may have ended too."""
    try:
        print(printable(sentence), file=sys.stderr)
    except OSError:
        leave_unread(sys.stderr)


def printable(text: str) -> str:
    """The text with what a terminal would obey or cannot show as escapes of JSON.

    All that is printed goes through here, since names in files of others may be in it.
    """
    return "".join(
        each if each.isprintable() or each in _HARMLESS else json.dumps(each)[1:-1] for each in text
    )


def leave_unread(stream: TextIO) -> None:
    """Discard what is written to a stream that nobody reads any more.

    Otherwise flushing it would fail as Python ends, and change the exit code.
    """
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _interrupt(number: int, frame: FrameType | None) -> None:
    _received.append(number)
    # An exception raised within a callback of C code is lost, so Python is asked again until
    # somebody hears it. (The system would kill at once after Ray took back our handler.)
    again = threading.Timer(_ASK_AGAIN_SECONDS, _thread.interrupt_main, (number,))
    again.daemon = True
    again.start()
    raise _Interrupted


def _unraisable(lost: "sys.UnraisableHookArgs") -> None:
    """Print an exception that nobody can catch, unless it is a signal, which comes again."""
    if lost.exc_type is not _Interrupted:
        sys.__unraisablehook__(lost)
