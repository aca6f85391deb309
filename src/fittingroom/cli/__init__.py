"""The command line: parse arguments, call one job, print what it returns."""

import signal
import sys
from types import FrameType

import typer

from fittingroom.cli import data, doctor, export, results, train
from fittingroom.cli.output import say
from fittingroom.errors import FittingRoomError, missing_extra

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Fit, compare and try on image classifiers for Fashion-MNIST, honestly.",
)
for room in (train.app, results.app, export.app, doctor.app):
    app.add_typer(room)
app.add_typer(data.app, name="data", help="Find, fetch and check the data.")


class _Interrupted(BaseException):
    """Ctrl-C, under a name that the argument parser does not catch and hide."""


def main() -> None:
    """Run one command and leave with its exit code: 0 done, 1 failed, 2 wrong usage."""
    signal.signal(signal.SIGINT, _interrupt)
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command; its exit code.

    A person's mistake is answered with one message on standard error, never a traceback.
    """
    try:
        app(args=arguments, prog_name="fittingroom")
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else 1
    except FittingRoomError as error:
        say(f"Error: {error}")
        return error.exit_code
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("fittingroom"):
            raise
        say(f"Error: {missing_extra(error, 'train')}")
        return 1
    except (_Interrupted, KeyboardInterrupt):
        say("Stopped. Finished runs are kept; the same command goes on with what is missing.")
        return 130
    return 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise _Interrupted
