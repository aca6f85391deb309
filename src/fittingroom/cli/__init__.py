"""The command line: parse arguments, call one job, print what it returns."""

import _thread
import contextlib
import os
import signal
import sys
import threading
from types import FrameType
from typing import TextIO

from fittingroom.errors import FittingRoomError, TrainingStopped, missing_extra

_ASK_AGAIN_SECONDS = 0.5
# What trains, and is worth starting again after it was stopped.
_GO_ON = ("train", "compare", "verify", "tune")
_signals: list[int] = []


class _Interrupted(BaseException):
    """Ctrl-C or SIGTERM, under a name that the argument parser does not catch and hide."""


def main() -> None:
    """Run one command and leave with its exit code: 0 done, 1 failed, 2 wrong usage."""
    # Before anything slow is imported, so that they are answered from the first moment on.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started this, who wants to hear nothing
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        # A terminal or file that knows no × shows a question mark rather than ending the work.
        if stream is not None and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command; its exit code.

    A person's mistake is answered with one message on standard error, never a traceback.
    """
    try:
        if arguments[:1] == ["predict"]:
            # By itself, since all that the other commands import would take longer than an answer.
            from fittingroom.cli import predict

            predict.app(args=arguments[1:], prog_name="fittingroom predict")
        else:
            from fittingroom.cli.app import app

            app(args=arguments, prog_name="fittingroom")
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else 1
    except BaseException as error:
        # Compiled code that is interrupted while it is imported answers with an ImportError.
        if _signals or isinstance(error, KeyboardInterrupt | TrainingStopped):
            return _stop(error, arguments)
        answer = _answer(error)
        if answer is None:
            raise
        return answer
    return 0


def _answer(error: BaseException) -> int | None:
    """Tell a person what went wrong: the exit code, or None where it is not for them."""
    match error:
        case FittingRoomError():
            return _fail(str(error), error.exit_code)
        case ModuleNotFoundError() if not (error.name or "").startswith("fittingroom"):
            return _fail(str(missing_extra(error, "train")), 1)
        case OSError():
            where = f" ({error.filename})" if error.filename else ""
            return _fail(f"The system says: {error.strerror or error}{where}.", 1)
    return None


def _stop(error: BaseException, arguments: list[str]) -> int:
    # Heard: from here on, one more changes nothing.
    if threading.current_thread() is threading.main_thread():
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_IGN)
    sentence = "Stopped."
    if arguments[:1] and arguments[0] in _GO_ON:
        again = ""
        if arguments[0] == "train" and "--resume" not in arguments:
            again = " with `--resume`"
        if "--fresh" in arguments:
            again = " without `--fresh`"
        sentence += (
            f" Finished runs are kept; the same command{again} goes on with what is missing."
        )
    elif arguments[:1] == ["predict"] and any(each.startswith("--on") for each in arguments):
        sentence += " Finished shards are kept; the same command goes on with what is missing."
    number: int = _signals[0] if _signals else signal.SIGINT
    if isinstance(error, TrainingStopped):
        sentence, number = str(error), error.signal
    _tell(sentence)
    return 128 + number


def _fail(message: str, code: int) -> int:
    # What a stranger's file says may be in it: no code of theirs moves the terminal's cursor.
    shown = "".join(each if each.isprintable() or each in "\n\t" else "�" for each in message)
    _tell(f"Error: {shown}")
    return code


def _tell(sentence: str) -> None:
    """A sentence to standard error, of whose reader Ctrl-C may have made an end too."""
    try:
        print(sentence, file=sys.stderr)
    except OSError:
        leave_unread(sys.stderr)


def leave_unread(stream: TextIO) -> None:
    """From here on, what is written to a stream that nobody reads any more goes nowhere.

    What it still holds would fail once more as Python ends, and change the exit code.
    """
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _interrupt(number: int, frame: FrameType | None) -> None:
    _signals.append(number)
    # Raised within a callback of C code, an exception is told and forgotten: ask again until
    # somebody hears it. Python is asked and not the system: Ray, as it ends, leaves SIGTERM to the
    # system, which would kill.
    again = threading.Timer(_ASK_AGAIN_SECONDS, _thread.interrupt_main, (number,))
    again.daemon = True
    again.start()
    raise _Interrupted
